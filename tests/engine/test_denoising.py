from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from myna.audio.encode import write_audio
from myna.audio.io import Audio, decode, write_wav
from myna.core.errors import BadAudio, BadInput, Cancelled, MissingAsset, NotFound, UnknownChoice
from myna.core.progress import silent
from myna.core.workspace import files_in, make_folder, write_text
from myna.engine import denoising
from myna.engine.clean.denoiser import Wish
from myna.engine.clean.rnnoise import RnNoise
from myna.engine.denoising import denoise_clips, place_of
from myna.engine.denoising_report import Reports
from myna.engine.measures import Opinion
from tests.engine.clean.stored_nets import store_clearvoice_frcrn
from tests.engine.clips import four_clips, tone
from tests.engine.speech_sound import SAMPLE_RATE, speech_sound

KEPT = "me.wav_0000000000_0000032000.wav"
OTHER = "you.wav_0000000000_0000032000.wav"


class Deaf:
    """A judge that says what it is told to."""

    def opinions(self, sounds: list[Audio]) -> list[Opinion | None]:
        return [Opinion(3.0, 3.5, 2.5) for _ in sounds]


@pytest.fixture(autouse=True)
def quick_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denoising, "_judge", lambda models: Deaf())


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return four_clips(tmp_path / "clips")


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    folder = make_folder(tmp_path / "noisy")
    for number in range(2):
        voice = speech_sound(3.0)
        noise = 0.02 * np.random.default_rng(number).standard_normal(len(voice))
        write_wav(folder / f"{number}.wav", (voice + noise).astype(np.float32), SAMPLE_RATE)
    return folder


def reports_in(folder: Path) -> Reports:
    return Reports(folder / "out-quality.jsonl", folder / "out-quality.html")


def test_names_lengths_and_rates_stay_and_finished_clips_are_kept(clips: Path, tmp_path: Path) -> None:
    out = make_folder(tmp_path / "out")
    write_wav(out / KEPT, tone(0.5, 32000, 0.1), 32000)
    before = (out / KEPT).read_bytes()
    found = denoise_clips(clips, out, engine="none", progress=silent)
    assert [path.name for path in files_in(out)] == [path.name for path in files_in(clips)]
    assert (out / KEPT).read_bytes() == before
    assert np.array_equal(decode(out / OTHER).samples, decode(clips / OTHER).samples)
    assert decode(out / OTHER).sample_rate == 32000
    assert found.notes == ("4 clips by none",)


def test_the_report_tells_each_clip_and_all(noisy: Path, tmp_path: Path) -> None:
    reports = reports_in(tmp_path)
    found = denoise_clips(noisy, tmp_path / "out", engine="rnnoise", reports=reports, progress=silent)
    first, second, last = (json.loads(line) for line in reports.lines.read_text(encoding="utf-8").splitlines())
    assert [first["clip"], second["clip"]] == ["0.wav", "1.wav"]
    for row in (first, second):
        assert row["after"]["snr_db"] > row["before"]["snr_db"] + 3
        assert row["before"]["loudness_lufs"] == pytest.approx(row["after"]["loudness_lufs"], abs=3.0)
        assert row["after"]["dnsmos"] == {"overall": 3.0, "speech": 3.5, "background": 2.5}
    assert last["total"]["clips"] == 2
    assert last["total"]["engine"] == "rnnoise"
    assert last["total"]["before"]["seconds"] == 6.0
    mean = (first["before"]["snr_db"] + second["before"]["snr_db"]) / 2
    assert last["total"]["before"]["snr_db"] == pytest.approx(mean, abs=1e-3)
    assert found.pages == (reports.page,)
    assert found.notes[0].startswith("2 clips by rnnoise: loudness -")
    page = reports.page.read_text(encoding="utf-8")
    assert page.count("<audio") == 4
    assert page.count("data:image/png") == 4
    assert page.count('<circle class="after"') == 3 * 2
    assert "$" not in page.replace("${", "")


def test_one_bad_clip_stops_nothing_and_is_told_in_the_page(noisy: Path, tmp_path: Path) -> None:
    write_text(noisy / "a&b.wav", "no sound")
    make_folder(noisy / "folder")
    (noisy / "link.wav").symlink_to("/etc/hostname")
    reports = reports_in(tmp_path)
    found = denoise_clips(noisy, tmp_path / "out", engine="none", reports=reports, progress=silent)
    assert sorted(failure.file for failure in found.failures) == ["a&b.wav", "folder", "link.wav"]
    assert len(files_in(tmp_path / "out")) == 2
    assert "a&amp;b.wav" in reports.page.read_text(encoding="utf-8")


def test_nothing_usable_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "in")
    write_text(source / "a.wav", "no sound")
    with pytest.raises(BadAudio, match=r"no clip can be used: a\.wav: this is not audio"):
        denoise_clips(source, tmp_path / "out", engine="none", progress=silent)
    with pytest.raises(NotFound, match="nowhere"):
        denoise_clips(tmp_path / "nowhere", tmp_path / "out", engine="none", progress=silent)


def test_clips_are_never_cleaned_in_place(clips: Path) -> None:
    for source in (clips, clips / KEPT):
        with pytest.raises(BadInput, match="in their own folder"):
            denoise_clips(source, clips, engine="none", progress=silent)


def test_every_clip_is_decoded_once(noisy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    monkeypatch.setattr(denoising, "decode", lambda path: decoded.append(path.name) or decode(path))
    denoise_clips(noisy, tmp_path / "out", engine="none", reports=reports_in(tmp_path), progress=silent)
    assert sorted(decoded) == ["0.wav", "1.wav"]


def test_a_single_file_of_another_format_keeps_its_name(tmp_path: Path) -> None:
    write_audio(tmp_path / "me.flac", tone(1.0), 16000)
    denoise_clips(tmp_path / "me.flac", tmp_path / "out", engine="rnnoise", progress=silent)
    assert decode(tmp_path / "out" / "me.flac").samples.shape == (16000,)
    assert place_of(Path("x/me.M4A"), Path("out")) == Path("out/me.M4A.wav")
    assert len(place_of(Path("x/" + 125 * "é" + ".m4a"), Path("out")).name.encode()) <= 255


def test_any_name_is_a_name(tmp_path: Path) -> None:
    names = [
        "a b.wav",
        "-i.wav",
        "$(touch x).wav",
        'it\'s "so".wav',
        "🎤.wav",
        "u\u0308.wav",
        "ü.wav",
        125 * "é" + ".wav",
    ]
    source = make_folder(tmp_path / "in")
    for name in names:
        write_wav(source / name, tone(0.2), 16000)
    write_wav(source / "same.wav", tone(0.2), 16000)
    write_audio(source / "same.flac", tone(0.2), 16000)
    found = denoise_clips(source, tmp_path / "out", engine="none", reports=reports_in(tmp_path), progress=silent)
    assert found.failures == ()
    assert {path.name for path in files_in(tmp_path / "out")} == {*names, "same.wav", "same.flac"}


def test_processes_write_what_one_process_writes(noisy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    denoise_clips(noisy, tmp_path / "one", engine="rnnoise", num_parts=1, progress=silent)
    monkeypatch.setattr(denoising, "num_processes", lambda clips, parts: 2)
    denoise_clips(noisy, tmp_path / "two", engine="rnnoise", progress=silent)
    for name in ("0.wav", "1.wav"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_net_takes_clips_in_batches(noisy: Path, tmp_path: Path) -> None:
    store_clearvoice_frcrn(tmp_path / "models")
    write_text(noisy / "bad.wav", "no sound")
    reports = reports_in(tmp_path)
    wish = Wish(tmp_path / "models", "cpu")
    found = denoise_clips(noisy, tmp_path / "out", engine="FRCRN_SE_16K", wish=wish, reports=reports, progress=silent)
    assert [failure.file for failure in found.failures] == ["bad.wav"]
    assert [len(decode(path).samples) for path in files_in(tmp_path / "out")] == [48_000, 48_000]
    assert '"engine": "frcrn"' in reports.lines.read_text(encoding="utf-8")


def test_what_is_missing_is_told_before_anything_is_done(noisy: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingAsset, match="myna fetch MossFormer2_SE_48K"):
        denoise_clips(noisy, tmp_path / "out", engine="mossformer2", wish=Wish(tmp_path), progress=silent)
    with pytest.raises(UnknownChoice, match="rnnoise, frcrn, mossformer2, none"):
        denoise_clips(noisy, tmp_path / "out", engine="magic", progress=silent)
    assert not files_in(tmp_path / "out")


def test_a_stop_leaves_what_is_finished(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(fraction: float, note: str) -> None:
        if fraction > 0.5:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        denoise_clips(clips, tmp_path / "out", engine="none", progress=stop)
    kept = {path.name: path.stat().st_mtime_ns for path in files_in(tmp_path / "out")}
    assert 0 < len(kept) < 4
    cleaned: list[int] = []
    monkeypatch.setattr(
        RnNoise, "clean_all", lambda self, sounds: cleaned.append(len(sounds)) or [s.samples for s in sounds]
    )
    denoise_clips(clips, tmp_path / "out", engine="rnnoise", progress=silent)
    assert sum(cleaned) == 4 - len(kept)
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in kept} == kept
