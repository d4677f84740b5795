"""Bad input ends with one line, exit code 2, no traceback and nothing half-written."""

from __future__ import annotations

import errno
import io
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from myna.audio.io import write_wav
from tests.cli.conftest import WORDS, Answer, CommandLine


def check(answer: Answer, says: str) -> None:
    assert answer.code == 2, answer
    assert answer.err.startswith("error: "), answer.err
    assert answer.err.count("\n") == 1, answer.err
    assert "Traceback" not in answer.err
    assert says in answer.err, answer.err


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def silence(path: Path) -> None:
    write_wav(path, np.zeros(5 * 16000, np.float32), 16000)


def short(path: Path) -> None:
    write_wav(path, np.full(2 * 16000, 0.1, np.float32) * np.sin(np.arange(32000)), 16000)


def not_audio(path: Path) -> None:
    path.write_bytes(b"These are words, not sound. " * 500)


def playlist(path: Path) -> None:
    path.write_bytes(b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/passwd\n#EXT-X-ENDLIST\n")


def truncated(path: Path) -> None:
    write_wav(path, np.sin(np.arange(10 * 16000)).astype(np.float32), 16000)
    path.write_bytes(path.read_bytes()[:100_000])


def not_numbers(path: Path) -> None:
    sound = np.sin(np.arange(5 * 16000)).astype(np.float32)
    sound[1000] = np.nan
    soundfile.write(path, sound, 16000, format="WAV", subtype="FLOAT")


def thousand_channels(path: Path) -> None:
    data = bytes(2 * 1000 * 4000)
    form = struct.pack("<HHIIHH", 1, 1000, 8000, 8000 * 2000, 2000, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


RECORDINGS: list[tuple[Callable[[Path], None], str]] = [
    (nothing, "me.wav"),
    (silence, "silent"),
    (short, "3 s"),
    (not_audio, "me.wav"),
    (playlist, "me.wav"),
    (truncated, "me.wav"),
    (not_numbers, "not numbers"),
    (thousand_channels, "1000 channels"),
]


@pytest.mark.parametrize(("make", "says"), RECORDINGS, ids=lambda case: getattr(case, "__name__", ""))
def test_a_recording_that_cannot_become_a_voice(
    myna: CommandLine, tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    make(tmp_path / "me.wav")
    check(myna("clone", "me.wav", "--name", "anna"), says)
    assert not (myna.home / "voices" / "anna").exists()


def test_a_recording_longer_or_larger_than_the_limit(
    myna: CommandLine, tone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_MAX_RECORDING_S", "3.5")
    check(myna("clone", tone, "--name", "anna"), "tone.wav: the recording is 4.0 s long, more than")
    monkeypatch.setenv("MYNA_MAX_UPLOAD_BYTES", "1000")
    check(myna("clone", tone, "--name", "anna"), "tone.wav is larger than")
    assert not (myna.home / "voices" / "anna").exists()


def test_where_all_is_refused_the_voice_stays_as_it_was(myna: CommandLine, tmp_path: Path) -> None:
    voice = myna.home / "voices" / "anna"
    (voice / "input_audio").mkdir(parents=True)
    for name in ("quiet.wav", "silent.wav"):
        silence(tmp_path / name)
    shutil.copy(tmp_path / "quiet.wav", voice / "input_audio")
    answer = myna("clone", tmp_path / "quiet.wav", tmp_path / "silent.wav", "--name", "anna")
    check(answer, "no recording can be used: quiet.wav: the recording is silent")
    check(answer, "silent.wav: the recording is silent")
    assert [path.name for path in (voice / "input_audio").iterdir()] == ["quiet.wav"]


def test_one_refused_recording_is_left_out_and_told(myna: CommandLine, tone: Path, tmp_path: Path) -> None:
    silence(tmp_path / "silent.wav")
    answer = myna("clone", tone, tmp_path / "silent.wav", "--name", "anna")
    check(answer, "no words were found")  # a tone says nothing
    assert "left out: silent.wav: the recording is silent" in answer.out


def test_recordings_that_are_not_there_or_not_alone(myna: CommandLine, tone: Path, tmp_path: Path) -> None:
    check(myna("clone", "gone.wav", "--name", "anna"), "there is no recording gone.wav")
    check(myna("clone", tmp_path, "--name", "anna"), "there is no recording")
    check(myna("clone", tone, tone, "--name", "anna"), "same name")
    assert not (myna.home / "voices").exists()


def test_another_recording_for_a_voice_that_exists(myna: CommandLine, tone: Path, tmp_path: Path) -> None:
    folder = myna.home / "voices" / "anna" / "input_audio"
    folder.mkdir(parents=True)
    (folder / "other.wav").write_bytes(b"x")
    check(myna("clone", tone, "--name", "anna"), "was made of other recordings (other.wav)")


def test_a_recording_without_words(myna: CommandLine, tone: Path) -> None:
    check(myna("clone", tone, "--name", "anna", "--language", "xx"), "choose one of")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".x", "n" * 65])
def test_names_that_cannot_be_used(myna: CommandLine, tone: Path, name: str) -> None:
    check(myna("clone", tone, "--name", name), "voice name")
    check(myna("say", "hi", "--voice", name or "/"), "voice name")


def test_a_transcript_that_cannot_be_used(myna: CommandLine, tone: Path, tmp_path: Path) -> None:
    check(myna("clone", tone, "--name", "a", "--transcript", "gone.txt"), "there is no transcript")
    (tmp_path / "words.doc").write_text("x", encoding="utf-8")
    check(
        myna("clone", tone, "--name", "b", "--transcript", "words.doc"),
        "give one of: .srt, .vtt, .lrc, .json, .txt, .list",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing to say"),
        ("  \n", "nothing to say"),
        ("?!...", "nothing to say"),
        ("😀 🎉", "nothing to say"),
        ("\0\x07\x1b", "nothing to say"),
        ("x" * 100_000, "too many"),
        ("A \ud800 half.", "character 3 is half a character"),
        ("مرحبا", "nothing to speak in language 'en'"),
        ("你好", "nothing to speak in language 'en'"),
        ("[pause:1s]", "give at least one word"),
        ("Hi <a|", "'<a|' is not closed; write a reading as <word|reading>"),
        ("Hi <a|QQ1>", "unknown phone 'QQ1' in the reading of 'a'; valid in 'en': AA0"),
        ("Hi [pause:1]", "'[pause:1]' is no pause; write a pause as [pause:0.5s]"),
        ("Hi [pause:99s]", "too long; 10 s is the most"),
    ],
)
def test_texts_that_cannot_be_said(myna: CommandLine, tone: Path, text: str, says: str) -> None:
    check(myna("say", text, "--reference", tone), says)
    assert not Path("speech.wav").exists()


def test_languages_that_cannot_be_said(myna: CommandLine, tone: Path) -> None:
    def say(*more: object) -> Answer:
        return myna("say", "Hello! 你好!", "--reference", tone, *more)

    check(say("--language", "xx"), "unknown language 'xx'; choose one of: auto, en")
    check(say("--language", ""), "unknown language ''; choose one of: auto, en")
    check(say("--language", "zh"), "unknown language for version 'lite' 'zh'; choose one of: auto, en")
    check(say("--language", "auto"), "version 'lite' cannot say '你好!', which is in 'zh'; its languages: en")
    check(say("--reference-text", "你好", "--reference-language", "zh"), "language for version 'lite' 'zh'")
    check(say("--cut", "cut6"), "unknown cutting method 'cut6'; choose one of: cut0, cut1")


def test_a_text_from_a_pipe_that_is_no_text(myna: CommandLine, tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with io.TextIOWrapper(io.BytesIO(b"caf\xe9"), encoding="utf-8") as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        check(myna("say", "-", "--reference", tone), "the text on standard input is not utf-8 text; give it as UTF-8")


def test_a_dictionary_that_is_none(myna: CommandLine, tone: Path) -> None:
    myna.home.mkdir()
    (myna.home / "words.tsv").write_text("gif\tJH IH1 F\ngif JH IH1 F\n", encoding="utf-8")
    check(myna("say", "hi", "--reference", tone), "words.tsv:2 is no entry; write word<TAB>reading")
    (myna.home / "words.tsv").write_text("gif\tGIF\n", encoding="utf-8")
    check(myna("say", "a gif", "--reference", tone), "unknown phone 'GIF' in the reading of 'gif'")


@pytest.mark.parametrize(
    "text", ["Hi\0\x07\x1b[31m there\u202e.", "Hi 😀 there, مرحبا!", "\ufeffHi\u200b the\u0301re…\r\n\t"]
)
def test_odd_characters_are_passed_over(myna: CommandLine, recording: Path, text: str) -> None:
    answer = myna("say", text, "--reference", recording, "--reference-text", WORDS, "--seed", "1", "--srt", "x.srt")
    assert (answer.code, answer.err) == (0, "")
    assert Path("speech.wav").is_file()
    assert Path("x.srt").read_text(encoding="utf-8").count("-->") == 1


def test_voices_that_are_not_there(myna: CommandLine, tone: Path) -> None:
    check(myna("say", "hi", "--voice", "nobody"), "there is no voice 'nobody'")
    check(myna("say", "hi"), "give --voice NAME, or --reference CLIP")
    check(myna("say", "hi", "--voice", "x", "--reference", tone), "give --voice NAME, or --reference CLIP")
    check(myna("say", "hi", "--reference", "gone.wav"), "there is no clip gone.wav")
    check(myna("say", "hi", "--reference", tone, "--version", "v9"), "choose one of: lite, ")
    (myna.home / "voices" / "half").mkdir(parents=True)
    check(myna("say", "hi", "--voice", "half"), "not finished")


def test_values_out_of_range(myna: CommandLine, tone: Path) -> None:
    check(myna("say", "hi", "--reference", tone, "--speed", "9"), "speed: ")
    check(myna("say", "hi", "--reference", tone, "--out", "x.xyz"), "choose one of: .wav, .mp3")
    check(myna("say", "hi", "--reference", tone, "--speed", "fast"), "--speed")
    check(myna("run", "train_gpt", "--voice-folder", tone.parent, "--epochs", "0"), "epochs: ")
    check(myna("run", "train_gpt"), "give --voice NAME, or --voice-folder")
    check(myna("run", "sing"), "No such command 'sing'")
    check(myna("run", "slice_audio", "--voice-folder", tone.parent), "run the steps before it first")


def test_a_folder_that_cannot_be_written(
    myna: CommandLine, tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    check(myna("say", "hi", "--reference", tone, "--out", "file/x.wav"), "cannot write")
    monkeypatch.setenv("MYNA_HOME", str(tmp_path / "file"))
    check(myna("clone", tone, "--name", "anna"), "cannot write")


def test_a_folder_without_permission(myna: CommandLine, tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object, **__: object) -> None:  # root, who runs this often enough, may write everywhere
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", locked)
    check(myna("say", "hi", "--reference", tone, "--out", "locked/x.wav"), "no permission; choose a folder")
    check(myna("clone", tone, "--name", "anna"), "no permission; choose a folder")


def test_a_full_disk(myna: CommandLine, tone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copyfile", full)
    check(myna("clone", tone, "--name", "anna"), "the disk is full")
    assert list((myna.home / "voices" / "anna" / "input_audio").iterdir()) == []


def test_broken_settings(myna: CommandLine) -> None:
    Path("myna.yaml").write_text("workers: [\n", encoding="utf-8")
    check(myna("voices"), "myna.yaml is not YAML")
    Path("myna.yaml").write_text("workers: none\n", encoding="utf-8")
    check(myna("voices"), "workers: ")
