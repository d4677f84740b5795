from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from myna.audio.recording import DecodeLimits
from myna.core.errors import BadAudio, BadInput, Cancelled, UnknownChoice
from myna.core.findings import Findings
from myna.core.progress import silent
from myna.engine.separation import songs
from myna.engine.separation.known import KnownModel
from myna.engine.separation.names import by_dereverb, by_stem, by_vr
from myna.engine.separation.songs import Places, separate_files, separate_samples
from myna.engine.separation.table import Kind, Stage, Wish

RATE = 44_100


@dataclass
class Share:
    """A separator that gives each stem a fixed share of the mix."""

    shares: tuple[float, ...] = (0.75, 0.25)
    stems: tuple[str, ...] = ("vocals", "other")
    block: int = 20_000

    def separate(self, mix: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, len(mix), self.block):
            sound = mix[start : start + self.block]
            yield np.stack([share * sound for share in self.shares])


STAGES = {
    "vr": Stage(KnownModel("vr", "vr"), Kind(lambda *_: Share(), by_vr), Share()),
    "dry": Stage(KnownModel("dry", "dry"), Kind(lambda *_: Share(), by_dereverb), Share((0.5, 0.5))),
    "own": Stage(KnownModel("own", "own"), Kind(lambda *_: Share(), by_stem, marks_copies=False), Share()),
    "mute": Stage(KnownModel("mute", "mute"), Kind(lambda *_: Share(), by_stem), Share((0.0, 1.0))),
    "all": Stage(KnownModel("all", "all"), Kind(lambda *_: Share(), by_stem), Share((1.0, 0.0))),
}


@pytest.fixture(autouse=True)
def shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(songs, "stage", lambda name, wish: STAGES[name])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (RATE, 2))
    soundfile.write(folder / "a song.wav", sound, RATE)
    soundfile.write(folder / "mono.flac", sound[:22050, 0], 22050)
    return folder


def separate(source: Path, target: Path, chain: str, **more: object) -> Findings:
    places = Places(target, more.pop("others", target), more.pop("extension", "wav"))
    progress = more.pop("progress", silent)
    return separate_files(
        source, places, chain=chain, wish=Wish(source), limits=DecodeLimits(**more), progress=progress
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_stems_of_a_folder_lie_in_their_places(source: Path, tmp_path: Path) -> None:
    findings = separate(source, tmp_path / "out", "vr", others=tmp_path / "rest")
    assert names(tmp_path / "out") == ["vocal_a song.wav_10.wav", "vocal_mono.flac.reformatted.wav_10.wav"]
    assert names(tmp_path / "rest") == ["instrument_a song.wav_10.wav", "instrument_mono.flac.reformatted.wav_10.wav"]
    voice, rate = soundfile.read(tmp_path / "out" / "vocal_a song.wav_10.wav")
    mix, _ = soundfile.read(source / "a song.wav")
    assert (rate, voice.shape) == (RATE, mix.shape)
    assert np.abs(voice - 0.75 * mix).max() < 2e-5
    assert findings.failures == ()
    assert findings.notes == ("2 recordings taken apart by vr",)


def test_one_file_can_be_taken_apart(source: Path, tmp_path: Path) -> None:
    separate(source / "mono.flac", tmp_path / "out", "own")
    assert names(tmp_path / "out") == ["mono_other.wav", "mono_vocals.wav"]
    assert soundfile.info(tmp_path / "out" / "mono_vocals.wav").channels == 2


def test_a_chain_hands_on_the_voice_and_keeps_what_each_model_took(source: Path, tmp_path: Path) -> None:
    separate(source / "a song.wav", tmp_path / "out", "vr, dry, vr")
    assert names(tmp_path / "out") == [
        "instrument_a song.wav_10.wav",
        "instrument_vocal_a song.wav_10.wav_main_vocal.wav_10.wav",
        "vocal_a song.wav_10.wav_others.wav",
        "vocal_vocal_a song.wav_10.wav_main_vocal.wav_10.wav",
    ]
    mix, _ = soundfile.read(source / "a song.wav")
    voice, _ = soundfile.read(tmp_path / "out" / "vocal_vocal_a song.wav_10.wav_main_vocal.wav_10.wav")
    assert np.abs(voice - 0.75 * 0.5 * 0.75 * mix).max() < 2e-5


@pytest.mark.parametrize(("chain", "left", "stem"), [("mute", "other", "vocals"), ("all", "vocals", "other")])
def test_stems_that_hold_nothing_are_not_written_and_told(
    source: Path, tmp_path: Path, chain: str, left: str, stem: str
) -> None:
    findings = separate(source / "a song.wav", tmp_path / "out", chain)
    assert names(tmp_path / "out") == [f"a song_{left}.wav"]
    assert f"a song.wav: {chain} found nothing in {stem}; not written" in findings.notes


def test_a_chain_ends_where_no_voice_is_left(source: Path, tmp_path: Path) -> None:
    findings = separate(source / "a song.wav", tmp_path / "out", "mute, dry")
    assert names(tmp_path / "out") == ["a song_other.wav"]
    assert any("found nothing in vocals" in note for note in findings.notes)


def test_one_bad_file_stops_only_itself(source: Path, tmp_path: Path) -> None:
    (source / "broken.mp3").write_bytes(b"not a song")
    findings = separate(source, tmp_path / "out", "own")
    assert [failure.file for failure in findings.failures] == ["broken.mp3"]
    assert "a song_vocals.wav" in names(tmp_path / "out")


def test_where_nothing_is_usable_the_work_fails_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "text.wav").write_text("hello")
    with pytest.raises(BadAudio, match=r"no recording can be taken apart: text.wav: this is not audio"):
        separate(tmp_path / "in", tmp_path / "out", "own")


def test_what_is_there_is_kept_and_not_done_again(source: Path, tmp_path: Path) -> None:
    separate(source, tmp_path / "out", "own")
    (tmp_path / "out" / "mono_vocals.wav").unlink()
    (tmp_path / "out" / "a song_vocals.wav").write_text("mine")
    findings = separate(source, tmp_path / "out", "own")
    assert (tmp_path / "out" / "a song_vocals.wav").read_text() == "mine"
    assert (tmp_path / "out" / "mono_vocals.wav").is_file()
    assert "a song.wav: a song_vocals.wav is there already and was kept" in findings.notes


def test_cancelled_work_leaves_no_half_files(source: Path, tmp_path: Path) -> None:
    def stop(fraction: float, note: str) -> None:
        if note == "own":
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        separate(source, tmp_path / "out", "own", progress=stop)
    assert names(tmp_path / "out") == []


def test_progress_never_falls_and_ends_at_one(source: Path, tmp_path: Path) -> None:
    told: list[float] = []
    separate(source, tmp_path / "out", "vr, dry", progress=lambda fraction, note: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_too_long_recordings_and_other_formats_are_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match=r"allowed 0 s|more than"):
        separate(source, tmp_path / "out", "own", max_seconds=0.4)
    with pytest.raises(UnknownChoice, match="wav, flac, mp3, m4a"):
        separate(source, tmp_path / "out", "own", extension="ogg")
    with pytest.raises(BadInput, match="say which model"):
        separate(source, tmp_path / "out", " , ")


@pytest.mark.parametrize("file", ["$(id).wav", "-n.wav", 'it\'s "quoted".wav', "🎵 naïve.wav", "x" * 240 + ".wav"])
def test_strange_names_are_only_names(source: Path, tmp_path: Path, file: str) -> None:
    (source / "a song.wav").rename(source / file)
    findings = separate(source, tmp_path / "out", "vr")
    assert findings.failures == ()
    assert len(names(tmp_path / "out")) == 4


def test_links_that_lead_elsewhere_and_folders_are_told(source: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.wav"
    (source / "a song.wav").rename(elsewhere)
    (source / "link.wav").symlink_to(elsewhere)
    (source / "more").mkdir()
    findings = separate(source, tmp_path / "out", "own")
    assert [failure.file for failure in findings.failures] == ["link.wav", "more"]
    assert names(tmp_path / "out") == ["mono_other.wav", "mono_vocals.wav"]


def test_names_that_are_no_text_are_only_names(source: Path, tmp_path: Path) -> None:
    strange = os.fsdecode(b"caf\xe9.wav")
    (source / "a song.wav").rename(source / strange)
    findings = separate(source, tmp_path / "out", "mute")
    assert findings.failures == ()
    assert os.fsdecode(b"caf\xe9_other.wav") in names(tmp_path / "out")
    assert all(note.isprintable() for note in findings.notes)
    ("".join(findings.notes)).encode()


def test_samples_are_taken_apart_in_memory() -> None:
    sound = np.sin(np.arange(22050) / 20, dtype=np.float32)
    stems = separate_samples(sound, 22050, [STAGES["vr"], STAGES["dry"]])
    assert list(stems) == ["vocals", "other", "other dry"]
    assert {stem.shape for stem in stems.values()} == {(RATE, 2)}
    whole = stems["vocals"] + stems["other"] + stems["other dry"]
    assert whole.std() == pytest.approx(sound.std(), rel=0.01)


@pytest.mark.parametrize("samples", [np.zeros((5, 3)), np.zeros((5, 2, 2)), np.full(5, np.nan), np.zeros((5, 0))])
def test_samples_that_are_no_sound_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(BadAudio):
        separate_samples(samples, RATE, [STAGES["vr"]])
