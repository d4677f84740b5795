"""The commands that recognise speech, and the choice of a recogniser in others."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import write_wav
from tests.cli.conftest import CommandLine
from tests.cli.test_bad_input import check
from tests.engine.speech_sound import SAMPLE_RATE, speech_sound

needs_whisper = pytest.mark.skipif(find_spec("faster_whisper") is None, reason="needs the extra asr")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "my clips"
    folder.mkdir()
    sound = speech_sound(2.0)
    for _ in range(3):
        sound = np.diff(sound, prepend=0)
    for name in ("b.wav", "a $(x).wav"):
        write_wav(folder / name, (sound * 0.1 / np.std(sound)).astype(np.float32), SAMPLE_RATE)
    write_wav(folder / "silent.wav", np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
    (folder / "notes.txt").write_text("no sound")
    return folder


@needs_whisper
def test_fasterwhisper_asr_writes_the_official_label_file(myna: CommandLine, clips: Path, tmp_path: Path) -> None:
    from tests.engine.asr.whisper_folder import whisper

    model = whisper(tmp_path / "faster-whisper-tiny")
    out = tmp_path / "asr_opt"
    answer = myna("fasterwhisper_asr", "-i", f"{clips}/", "-o", out, "-s", model, "-l", "auto", "-p", "float16")
    assert (answer.code, answer.err) == (0, "")
    assert "silent.wav: no words were heard in it" in answer.out
    assert "notes.txt" in answer.out
    text = (out / "my clips.list").read_text(encoding="utf-8")
    assert text == (
        f"{clips}/a $(x).wav|my clips|EN|Hello there, my friend.\n{clips}/b.wav|my clips|EN|Hello there, my friend."
    )
    rows = [json.loads(line) for line in (out / "my clips.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["by"], len(row["words"])) for row in rows] == [("faster-whisper", 4)] * 2
    again = myna("fasterwhisper_asr", "-i", clips, "-o", out, "-s", model, "-l", "auto")
    assert "was done already" in again.out


@needs_whisper
def test_two_folders_may_be_written_into_one(myna: CommandLine, clips: Path, tmp_path: Path) -> None:
    from tests.engine.asr.whisper_folder import whisper

    model = whisper(tmp_path / "w")
    other = tmp_path / "other"
    clips.rename(other)
    for folder in (other, other / "b.wav"):
        assert myna("fasterwhisper_asr", "-i", folder, "-o", tmp_path / "out", "-s", model, "-l", "en").code == 0
    assert {path.name for path in (tmp_path / "out").glob("*.list")} == {"other.list", "b.list"}


def test_what_is_missing_or_unknown_is_told_in_one_line(myna: CommandLine, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if find_spec("faster_whisper") is not None:
        check(myna("fasterwhisper_asr", "-i", clips, "-o", out), "get it with: myna fetch faster-whisper-large-v3")
        check(myna("fasterwhisper_asr", "-i", clips, "-o", out, "-s", "huge"), "unknown size of faster-whisper 'huge'")
        check(
            myna("fasterwhisper_asr", "-i", clips, "-o", out, "-p", "bf16"), "unknown precision 'bf16'; choose one of"
        )
    if find_spec("funasr") is not None:
        check(myna("funasr_asr", "-i", clips, "-o", out), "get it with: myna fetch fun-asr-nano")
    check(myna("funasr_asr", "-i", clips, "-o", out, "-l", "fr"), "language for FunASR 'fr'; choose one of: zh, en")
    check(myna("fasterwhisper_asr", "-i", tmp_path / "none", "-o", out), "found nothing in")


def test_clone_says_at_once_what_is_wrong_with_the_recogniser(myna: CommandLine, clips: Path) -> None:
    clip = clips / "b.wav"
    check(myna("clone", clip, "--name", "v", "--asr", "ears"), "unknown recogniser 'ears'; choose one of: pocketsphinx")
    check(myna("clone", clip, "--name", "v", "--language", "zh"), "hears English only, so it cannot tell")
    check(myna("clone", clip, "--name", "v", "--asr", "pocketsphinx", "--asr-size", "tiny"), "unknown size of pocketsp")


def test_doctor_tells_which_recognisers_can_be_used(myna: CommandLine) -> None:
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in myna("doctor").out.splitlines() if "│" in line]
    states = {row[0]: row[1] for row in rows}
    assert states["pocketsphinx"] == "can be used; hears English only"
    assert states["faster-whisper"].startswith(("no model here", "not installed"))
