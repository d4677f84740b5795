from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.audio.labels import read_labels
from myna.audio.loudness import rms_dbfs
from myna.audio.slicer import SliceSettings
from myna.core.errors import BadAudio, BadInput, LimitExceeded, UnknownChoice
from myna.core.progress import silent
from myna.core.workspace import files_in, make_folder, write_text
from myna.engine import recordings
from myna.engine.recordings import (
    RecordingLimits,
    clip_safe_names,
    convert_recordings,
    denoise_clips,
    slice_recordings,
    transcribe_clips,
)

LIMITS = RecordingLimits(min_seconds=3.0, max_seconds=60.0, max_bytes=2**24)


def tone(seconds: float, rate: int = 16000, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(np.arange(round(seconds * rate)) / 7)).astype(np.float32)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "input")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Three clips of one recording, and one of another."""
    folder = make_folder(tmp_path / "clips")
    for name in ("me.wav_0000000000_0000032000", "me.wav_0000032000_0000096000", "me.wav_0000128000_0000160000"):
        write_wav(folder / f"{name}.wav", tone(1.0, 32000), 32000)
    write_wav(folder / "you.wav_0000000000_0000032000.wav", tone(1.0, 32000), 32000)
    return folder


class Ears:
    """A recogniser that knows what each clip says; counts how often it was needed."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.num_heard = 0

    def transcribe(self, _samples: np.ndarray, _rate: int) -> Ears.Heard:
        self.num_heard += 1
        return self.Heard(self.words[self.num_heard - 1])

    class Heard:
        def __init__(self, text: str) -> None:
            self.text = text


def listen(clips: Path, transcript: Path | None, ears: Ears, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(recordings, "recogniser", lambda engine, language: ears)
    labels = clips.parent / "x.list"
    transcribe_clips(clips, labels, speaker="me", language="en", engine="ears", transcript=transcript, progress=silent)
    return {label.clip: label.text for label in read_labels(labels)}


def test_recordings_become_32_khz_mono(source: Path, tmp_path: Path) -> None:
    write_wav(source / "a.wav", tone(4.0), 16000)
    written = convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)
    audio = decode(written[0])
    assert (written[0].name, audio.sample_rate, len(audio.samples)) == ("a.wav", 32000, 4 * 32000)
    assert abs(rms_dbfs(audio.samples) - rms_dbfs(tone(4.0))) < 0.1


def test_short_recordings_count_together(source: Path, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write_wav(source / name, tone(1.6), 16000)
    assert len(convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)) == 2
    write_wav(source / "b.wav", tone(1.0), 16000)
    with pytest.raises(BadAudio, match=r"hold 2.6 s together; give at least 3 s"):
        convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)


def test_a_refused_recording_is_named(source: Path, tmp_path: Path) -> None:
    write_wav(source / "a.wav", tone(4.0), 16000)
    write_wav(source / "b.wav", np.zeros(64000, np.float32), 16000)
    with pytest.raises(BadAudio, match=r"^b.wav: .*silent"):
        convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)
    write_wav(source / "b.wav", tone(61.0, 8000), 8000)
    with pytest.raises(LimitExceeded, match=r"^b.wav: "):
        convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)


def test_names_fit_label_files_and_differ() -> None:
    given = [
        Path("a|b\n.mp3"),
        Path("take.mp3"),
        Path("take.wav"),
        Path("小明.ogg"),
        Path("...wav"),
        Path("take-2.wav"),
    ]
    names = clip_safe_names(given)
    assert names == ["a_b_.wav", "take.wav", "take-2.wav", "小明.wav", "recording.wav", "take-2-2.wav"]


def test_slices_carry_their_place_in_their_names(source: Path, tmp_path: Path) -> None:
    sound = np.concatenate([tone(5.0, 32000), np.zeros(32000, np.float32), tone(4.0, 32000)])
    write_wav(source / "me.wav", sound, 32000)
    cut = slice_recordings(source, tmp_path / "out", settings=SliceSettings(), progress=silent)
    assert [path.name for path in cut] == [path.name for path in files_in(tmp_path / "out")]
    assert len(cut) == 2
    first = int(cut[1].name.split("_")[1])
    assert 5.0 < first / 32000 < 6.0


def test_recordings_too_quiet_to_be_cut_are_refused(source: Path, tmp_path: Path) -> None:
    write_wav(source / "me.wav", tone(5.0, 32000, level=0.002), 32000)
    with pytest.raises(BadAudio, match="above -34 dBFS"):
        slice_recordings(source, tmp_path / "out", settings=SliceSettings(), progress=silent)


def test_denoising_keeps_names_lengths_and_finished_clips(clips: Path, tmp_path: Path) -> None:
    out = make_folder(tmp_path / "out")
    name = "me.wav_0000000000_0000032000.wav"
    write_text(out / name, "kept")
    denoise_clips(clips, out, engine="none", progress=silent)
    assert [path.name for path in files_in(out)] == [path.name for path in files_in(clips)]
    assert (out / name).read_text(encoding="utf-8") == "kept"
    other = "you.wav_0000000000_0000032000.wav"
    assert np.array_equal(decode(out / other).samples, decode(clips / other).samples)
    with pytest.raises(UnknownChoice, match="rnnoise, none"):
        denoise_clips(clips, out, engine="magic", progress=silent)


def test_clips_are_heard_and_silent_ones_left_out(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ears = Ears(["one two", "", "three | four", "five"])
    assert list(listen(clips, None, ears, monkeypatch).values()) == ["one two", "three four", "five"]


def test_nothing_heard_is_an_error(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="no words were found"):
        listen(clips, None, Ears(["", "...", "", ""]), monkeypatch)


def test_a_timed_transcript_needs_no_ears(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clips / "you.wav_0000000000_0000032000.wav").unlink()
    write_text(
        tmp_path / "me.srt",
        "1\n00:00:00,000 --> 00:00:00,900\nOne.\n\n2\n00:00:01,100 --> 00:00:02,900\nTwo.\n\n"
        "3\n00:00:04,000 --> 00:00:05,000\nThree.\n",
    )
    ears = Ears([])
    assert list(listen(clips, tmp_path / "me.srt", ears, monkeypatch).values()) == ["One.", "Two.", "Three."]
    assert ears.num_heard == 0


def test_an_untimed_one_is_laid_along_what_is_heard(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = "me.wav_0000128000_0000160000.wav"
    write_text(tmp_path / "x.list", f"me.mp3|me|EN|One two. Three four.\n{clip}|me|EN|Five.\nyou.wav|me|EN|Six.")
    ears = Ears(["one to", "tree four"])
    texts = listen(clips, tmp_path / "x.list", ears, monkeypatch)
    assert list(texts.values()) == ["One two.", "Three four.", "Five.", "Six."]
    assert ears.num_heard == 2  # a recording that is one clip needs no ears


def test_a_transcript_of_other_recordings_is_refused(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(tmp_path / "x.list", "somebody.wav|me|EN|Hello.")
    with pytest.raises(BadInput, match="tells about somebody, which is none of the recordings"):
        listen(clips, tmp_path / "x.list", Ears([]), monkeypatch)
