"""`myna convert-voice`: into a voice, into that of a clip, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.core.card import write_card
from myna.core.speech import Voice
from myna.core.workspace import Workspace, make_folder
from tests.cli.conftest import WORDS, CommandLine
from tests.cli.test_bad_input import check, not_audio, silence


@pytest.fixture
def anna(myna: CommandLine, recording: Path) -> Voice:
    folder = Workspace(myna.home).voice("anna")
    make_folder(folder.path)
    voice = Voice(reference=recording, reference_text=WORDS)
    write_card(folder, voice)
    return voice


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four seconds of a tone that swells."""
    time = np.arange(4 * 16000) / 16000
    write_wav(tmp_path / "source.wav", (0.2 * np.sin(900 * time) * np.sin(13 * time)).astype(np.float32), 16000)
    return tmp_path / "source.wav"


def test_a_recording_is_said_again_in_a_voice(myna: CommandLine, anna: Voice, source: Path) -> None:
    answer = myna("convert-voice", source, "--voice", "anna", "--seed", "1", "--speed", "2", "--out", "new/x.mp3")
    assert (answer.code, answer.err) == (0, ""), answer
    assert "new/x.mp3: 2.0 s of speech" in answer.out
    assert decode(Path("new/x.mp3")).seconds == pytest.approx(2.0, abs=0.1)


def test_the_voice_of_a_clip_and_a_clip_for_a_voice(myna: CommandLine, anna: Voice, source: Path, tone: Path) -> None:
    said = []
    for options in (("--voice", "anna"), ("--voice", "anna", "--reference", tone), ("--reference", tone)):
        answer = myna("convert-voice", source, *options, "--seed", "1", "--text", "Echo test.")
        assert (answer.code, answer.err) == (0, ""), answer
        said.append(decode(Path("converted.wav")).samples)
    assert len({len(one) for one in said}) == 1
    assert not np.array_equal(said[0], said[1])
    np.testing.assert_array_equal(said[1], said[2])


def test_the_part_of_a_long_reference_is_named(myna: CommandLine, source: Path, tmp_path: Path) -> None:
    time = np.arange(12 * 16000) / 16000
    write_wav(tmp_path / "long.wav", (0.2 * np.sin(700 * time) * np.sin(11 * time)).astype(np.float32), 16000)
    for command in (("convert-voice", source), ("say", "Hi.")):
        answer = myna(*command, "--reference", "long.wav", "--seed", "1")
        assert answer.code == 0, answer
        assert "reference long.wav is 12.0 s long; " in answer.out
        assert " s of it is used" in answer.out


def test_recordings_that_cannot_be_converted(myna: CommandLine, anna: Voice, source: Path, tmp_path: Path) -> None:
    silence(tmp_path / "silent.wav")
    not_audio(tmp_path / "text.wav")
    write_wav(tmp_path / "short.wav", np.sin(np.arange(3000)).astype(np.float32), 16000)
    into = ("--voice", "anna")
    check(myna("convert-voice", "gone.wav", *into), "there is no recording gone.wav")
    check(myna("convert-voice", tmp_path, *into), "there is no recording")
    check(myna("convert-voice", "silent.wav", *into), "silent.wav: the recording is silent")
    check(myna("convert-voice", "text.wav", *into), "text.wav")
    check(myna("convert-voice", "short.wav", *into), "short.wav: the recording is only 0.19 s long")
    check(myna("convert-voice", source), "give --voice NAME, or --reference CLIP")
    check(myna("convert-voice", source, "--voice", "bob"), "there is no voice 'bob'")
    check(myna("convert-voice", source, "--reference", "gone.wav"), "there is no clip gone.wav")
    check(myna("convert-voice", source, *into, "--language", "zh"), "give the words of source.wav")
    check(myna("convert-voice", source, *into, "--text", "?!"), "nothing to speak")
    check(myna("convert-voice", source, *into, "--speed", "9"), "speed: ")
    check(myna("convert-voice", source, *into, "--out", "x.xyz"), "choose one of: .wav, .mp3")
    assert not Path("converted.wav").exists()
