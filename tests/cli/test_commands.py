from __future__ import annotations

from pathlib import Path

import pytest

from myna.audio.io import decode
from myna.cli.doctor import _dictionary
from myna.core.card import write_card
from myna.core.errors import Cancelled, MissingExtra
from myna.core.speech import Voice
from myna.core.workspace import Workspace, make_folder, write_text
from myna.steps.catalog import STEPS
from myna.testing.fake_speaker import FakeSpeaker
from tests.cli.conftest import CommandLine
from tests.text.extras import needs


@pytest.fixture
def speaker(monkeypatch: pytest.MonkeyPatch) -> FakeSpeaker:
    speaker = FakeSpeaker()
    monkeypatch.setattr("myna.cli.say.build_speaker", lambda settings: speaker)
    return speaker


@pytest.fixture
def anna(myna: CommandLine, tone: Path) -> Voice:
    folder = Workspace(myna.home).voice("anna")
    write_text(folder.path / "gpt.safetensors", "x")
    voice = Voice(gpt=folder.path / "gpt.safetensors", reference=tone, reference_text="oh")
    write_card(folder, voice)
    return voice


def test_help_names_every_command(myna: CommandLine) -> None:
    answer = myna("--help")
    assert answer.code == 0
    commands = "demo clone say convert-voice voices run fetch inspect convert merge doctor bench"
    for command in commands.split():
        assert f" {command} " in answer.out


def test_nothing_said_is_answered_with_the_help(myna: CommandLine) -> None:
    answer = myna()
    assert answer.code == 2
    assert "Usage: myna" in answer.out + answer.err


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".opus", ".ogg", ".aac", ".flac"])
def test_say_writes_speech_and_subtitles(myna: CommandLine, anna: Voice, speaker: FakeSpeaker, suffix: str) -> None:
    made = myna("say", "Hello there. And bye.", "--voice", "anna", "--out", f"new/x{suffix}", "--srt", "new/x.srt")
    assert (made.code, made.err) == (0, "")
    speech = decode(Path(f"new/x{suffix}"))
    assert abs(speech.seconds - (12 + 8) * 0.06 - 2 * 0.3) < 0.25
    assert "Hello there." in Path("new/x.srt").read_text(encoding="utf-8")
    assert {path.name for path in Path("new").iterdir()} == {"x.srt", f"x{suffix}"}
    assert speaker.requests[0].voice == anna


def test_say_passes_on_what_was_wished(myna: CommandLine, anna: Voice, speaker: FakeSpeaker) -> None:
    assert myna("say", "你好", "--voice", "anna", "--language", "all_zh", "--cut", "cut5", "--speed", "1.5").code == 0
    request = speaker.requests[0]
    assert (request.text, request.language, request.cut, request.speed) == ("你好", "all_zh", "cut5", 1.5)
    assert Path("speech.wav").is_file()


def test_say_passes_on_parallel_and_super_sampling(myna: CommandLine, anna: Voice, speaker: FakeSpeaker) -> None:
    for options in ((), ("--parallel",), ("--super-sampling",)):
        assert myna("say", "Hi.", "--voice", "anna", *options).code == 0
    wished = [(request.parallel, request.super_sampling) for request in speaker.requests]
    assert wished == [(False, False), (True, False), (False, True)]


def test_say_speaks_like_a_clip(myna: CommandLine, tone: Path, speaker: FakeSpeaker) -> None:
    answer = myna("say", "Hi.", "--reference", tone, "--reference-text", "oh", "--reference-language", "en")
    assert answer.code == 0
    voice = speaker.requests[0].voice
    assert (voice.reference, voice.reference_text, voice.gpt, voice.sovits) == (tone, "oh", None, None)


def test_say_reads_standard_input(
    myna: CommandLine, anna: Voice, speaker: FakeSpeaker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_text(tmp_path / "text", "From a pipe.")
    with (tmp_path / "text").open(encoding="utf-8") as pipe:
        monkeypatch.setattr("sys.stdin", pipe)
        assert myna("say", "-", "--voice", "anna").code == 0
    assert speaker.requests[0].text == "From a pipe."


def test_voices_tells_finished_from_unfinished(myna: CommandLine, anna: Voice) -> None:
    make_folder(myna.home / "voices" / "bob")
    answer = myna("voices")
    assert answer.code == 0
    assert "ready" in answer.out
    assert "unfinished, 0 of 11 steps" in answer.out


def test_no_voices_yet_says_how_to_make_one(myna: CommandLine) -> None:
    assert "myna clone RECORDING" in myna("voices").out


def test_every_step_is_a_command_with_its_fields_as_options(myna: CommandLine) -> None:
    for name, step in STEPS.items():
        shown = myna("run", name, "--help").out
        for field in step.model_fields:
            if field != "folder":
                assert f"--{field.replace('_', '-')} " in shown, f"{name} {field}"


def test_run_does_one_step_once_and_again_when_told(myna: CommandLine, tone: Path) -> None:
    folder = Workspace(myna.home).voice("anna")
    make_folder(folder.input_audio)
    (folder.input_audio / "tone.wav").write_bytes(tone.read_bytes())
    step = ("run", "convert_audio", "--voice", "anna", "--min-seconds", "3.5")
    assert "convert_audio is done" in myna(*step).out
    assert "convert_audio was done already" in myna(*step).out
    assert "convert_audio is done" in myna(*step, "--again").out
    elsewhere = myna("run", "slice_audio", "--voice-folder", folder.path)
    assert "slice_audio is done" in elsewhere.out
    assert len(list(folder.sliced.iterdir())) == 1


def test_doctor_tells_what_is_here_and_how_to_get_the_rest(myna: CommandLine) -> None:
    answer = myna("doctor")
    assert answer.code == 0
    for word in ("free memory", "free disk", "cpu, ", "lite_gpt", "MODEL_CARD.md", str(myna.models)):
        assert word in answer.out, word
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in answer.out.splitlines() if "│" in line]
    assert ["v4_sovits", "v4", "769 MB", "missing; get it with: myna fetch v4"] in rows
    assert ["lite_gpt", "lite", "", str(myna.models / "lite" / "gpt.safetensors")] in rows


def test_doctor_tells_which_extras_are_missing(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = [
        'numpy>=2; extra == "small"',
        'surely-not-there==1; extra == "big"',
        "rich>=13",
        "myna[big]; extra == 'all'",
    ]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: wanted)
    shown = myna("doctor").out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if "│" in line]
    assert ["small", "installed"] in rows
    assert ["big", "missing surely-not-there: pip install 'myna[big]'"] in rows
    assert not [row for row in rows if row[0] == "all"]


def test_doctor_tells_how_each_language_is_read(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(language: str) -> None:
        if language in ("ko", "yue"):
            raise MissingExtra(f"install {language}")

    monkeypatch.setattr("myna.cli.doctor.reader", read)
    monkeypatch.setattr("myna.cli.doctor._dictionary", lambda: "dictionary here")
    shown = myna("doctor").out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.splitlines() if "│" in line]
    assert ["en", "can be read"] in rows
    assert ["ko", "install ko"] in rows
    assert ["ja", "can be read; dictionary here"] in rows
    assert any(row[0] == "zh" and "polyphones by pypinyin phrases (by g2pW, were" in row[1] for row in rows)


@needs("ja")
def test_doctor_names_the_japanese_dictionary(myna: CommandLine) -> None:
    assert _dictionary().startswith("dictionary ")
    assert Path(_dictionary().removeprefix("dictionary ")).is_dir()


def test_a_device_that_is_not_there_is_told_by_the_doctor(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_DEVICE", "cuda:97")
    assert "'cuda:97' is not there" in myna("doctor").out


def test_an_install_without_the_engine_says_what_to_install(
    myna: CommandLine, anna: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()

    def absent(*_: object) -> object:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setenv("MYNA_HOME", str(myna.home))
    monkeypatch.setattr("myna.engine.synthesis.speaker.LocalSpeaker", absent)
    answer = myna("say", "Hi.", "--voice", "anna", "--out", myna.home / "x.wav")
    assert (answer.code, answer.err) == (2, "error: speech needs torch; install it with: pip install 'myna[engine]'\n")


def test_an_interrupt_says_how_to_go_on(myna: CommandLine, anna: Voice, monkeypatch: pytest.MonkeyPatch) -> None:
    for cause in (KeyboardInterrupt(), Cancelled("stop")):

        def stopped(*_: object, cause: BaseException = cause) -> None:
            raise cause

        monkeypatch.setattr("myna.cli.say.build_speaker", stopped)
        answer = myna("say", "Hi.", "--voice", "anna")
        assert (answer.code, answer.err) == (130, "stopped; run the same command again and it goes on where it was\n")


def test_a_bug_is_one_line_and_its_traceback_is_kept(
    myna: CommandLine, anna: Voice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("myna.cli.say.build_speaker", lambda settings: 1 / 0)
    answer = myna("say", "Hi.", "--voice", "anna")
    assert answer.code == 1
    assert answer.err.startswith("this is a bug in myna: ZeroDivisionError")
    log = Path(answer.err.rstrip(")\n").rpartition("details: ")[2])
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_an_unknown_setting_is_a_warning(myna: CommandLine) -> None:
    write_text(Path("myna.yaml"), "devize: cpu\n")
    answer = myna("voices")
    assert (answer.code, answer.err) == (0, "warning: myna.yaml: devize is no setting of myna and is ignored\n")
