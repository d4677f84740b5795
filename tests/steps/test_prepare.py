"""Converting and slicing as steps: their parameters by both names, what they leave out, where they work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import write_wav
from myna.core.errors import BadAudio, BadInput, NotFound
from myna.core.fields import build, parse
from myna.core.progress import silent
from myna.core.workspace import VoiceFolder, files_in, make_folder
from myna.steps.prepare import ConvertAudio, SliceAudio
from myna.steps.step import perform


def sound(*seconds: float) -> np.ndarray:
    """A tone for positive, silence for negative seconds, at 16 kHz."""
    parts = [np.sin(np.arange(round(abs(s) * 16000)) / 7) * (0.3 if s > 0 else 0.0) for s in seconds]
    return np.concatenate(parts).astype(np.float32)


@pytest.fixture
def voice(tmp_path: Path) -> VoiceFolder:
    voice = VoiceFolder(make_folder(tmp_path / "voices" / "me"))
    write_wav(voice.input_audio / "good.wav", sound(5.0, -1.0, 5.0), 16000)
    return voice


def test_official_names_are_taken_too(tmp_path: Path) -> None:
    official = """{"threshold": -40, "min_length": 5000, "min_interval": 400, "hop_size": 20, "max_sil_kept": 1000,
        "max": 1, "alpha": 0.5, "max_length": 9000, "n_parts": 4, "folder": "x"}"""
    step = parse(SliceAudio, official)
    ours = SliceAudio(
        folder=Path("x"),
        threshold_db=-40,
        min_length_ms=5000,
        min_interval_ms=400,
        hop_size_ms=20,
        max_sil_kept_ms=1000,
        peak_level=1.0,
        level_share=0.5,
        max_length_ms=9000,
        n_parts=4,
    )
    assert step == ours
    with pytest.raises(BadInput, match="loud"):
        build(SliceAudio, {"folder": tmp_path, "loud": 3})


def test_bad_files_and_foreign_links_are_told_and_kept_in_the_stamp(voice: VoiceFolder, tmp_path: Path) -> None:
    write_wav(tmp_path / "secret.wav", sound(5.0), 16000)
    (voice.input_audio / "bad.mp3").write_text("no sound")
    (voice.input_audio / "link.wav").symlink_to(tmp_path / "secret.wav")
    outcome = perform(ConvertAudio(folder=voice.path), silent)
    assert sorted(failure.file for failure in outcome.findings.failures) == ["bad.mp3", "link.wav"]
    assert [path.name for path in files_in(voice.converted_wav)] == ["good.wav"]
    again = perform(ConvertAudio(folder=voice.path), silent)
    assert again.was_done_already
    assert again.findings == outcome.findings


def test_links_within_the_voice_are_followed(voice: VoiceFolder) -> None:
    write_wav(voice.path / "taken" / "more.wav", sound(5.0), 16000)
    (voice.input_audio / "more.wav").symlink_to("../taken/more.wav")
    assert perform(ConvertAudio(folder=voice.path), silent).findings.failures == ()
    assert len(files_in(voice.converted_wav)) == 2


def test_nothing_usable_fails_with_the_reasons(voice: VoiceFolder) -> None:
    (voice.input_audio / "good.wav").unlink()
    (voice.input_audio / "bad.mp3").write_text("no sound")
    with pytest.raises(BadAudio, match=r"no recording can be used: bad.mp3: .*not audio"):
        perform(ConvertAudio(folder=voice.path), silent)


def test_a_raw_folder_is_cut_without_converting_it_first(voice: VoiceFolder, tmp_path: Path) -> None:
    target = tmp_path / "clips"
    step = SliceAudio(folder=target, source=voice.input_audio, target=target)
    outcome = perform(step, silent)
    assert outcome.findings.notes == ("2 clips of 1 recordings",)
    assert [clip.name.partition("_")[0] for clip in files_in(target)] == ["good.wav", "good.wav"]
    assert not voice.converted_wav.exists()
    assert perform(step, silent).was_done_already
    one = SliceAudio(folder=target, source=voice.input_audio, target=target, min_length_ms=8000)
    (target / "mine.wav").write_bytes(b"kept")
    perform(one, silent)
    assert len(files_in(target)) == 2  # one clip of all, and what somebody else put there
    assert (target / "mine.wav").is_file()


def test_the_number_of_processes_changes_nothing(voice: VoiceFolder) -> None:
    perform(ConvertAudio(folder=voice.path), silent)
    perform(SliceAudio(folder=voice.path, n_parts=2), silent)
    assert perform(SliceAudio(folder=voice.path, n_parts=1), silent).was_done_already


def test_nothing_there_to_cut(voice: VoiceFolder) -> None:
    with pytest.raises(NotFound, match="slice_audio found nothing"):
        perform(SliceAudio(folder=voice.path), silent)
