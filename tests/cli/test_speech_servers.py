"""The twins of the official speech servers: their command lines mean what they mean there."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.api.tts.current import Choice, Current
from myna.audio.io import write_wav
from myna.cli import speech_servers
from myna.core.settings import Settings
from myna.testing.tiny_base import write_tiny_vits
from tests.cli.conftest import CommandLine
from tests.contract.fixtures import speech


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """With what servers would have been started."""
    found: list[Settings] = []
    monkeypatch.setattr(speech_servers, "start", found.append)
    return found


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_wav(tmp_path / "123.wav", speech(4.0), 32000)
    return tmp_path / "123.wav"


def chosen(myna: CommandLine) -> Choice:
    return Current(myna.home, "lite").get()


@pytest.mark.parametrize("name", ["api", "api_v2"])
def test_they_are_where_the_official_ones_are(myna: CommandLine, started: list[Settings], name: str) -> None:
    assert myna(name).code == 0
    assert (started[0].host, started[0].port) == ("127.0.0.1", 9880)
    assert myna(name, "-a", "::1", "-p", "9999").code == 0
    assert (started[1].host, started[1].port) == ("::1", 9999)


def test_the_documented_line_chooses_a_reference(myna: CommandLine, started: list[Settings], clip: Path) -> None:
    assert myna("api", "-dr", clip, "-dt", "一二三。", "-dl", "中文").code == 0
    found = chosen(myna)
    assert (found.reference, found.reference_text, found.reference_language) == (clip, "一二三。", "all_zh")
    assert clip in started[0].path_roots, "requests may use it"


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (("-dt", "一二三。"), "-dr, -dt and -dl together"),
        (("-dr", "no.wav", "-dt", "x", "-dl", "zh"), "there is no reference no.wav"),
        (("-dr", "CLIP", "-dt", "x", "-dl", "klingon"), "zh"),
        (("-sm", "sometimes"), "close"),
        (("-mt", "mp3"), "wav, ogg, aac"),
        (("-st", "int8"), "int16, int32"),
        (("-g", "no.ckpt"), "no.ckpt"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    myna: CommandLine, started: list[Settings], clip: Path, options: tuple[str, ...], wrong: str
) -> None:
    answer = myna("api", *(str(clip) if option == "CLIP" else option for option in options))
    assert answer.code == 2
    assert wrong in answer.err
    assert started == []
    assert chosen(myna) == Choice(version="lite")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), (False, "wav", "int16", "")),
        (("-sm", "n", "-cp", "，。"), (True, "ogg", "int16", "，。")),
        (("-sm", "normal", "-mt", "aac"), (True, "aac", "int16", "")),
        (("-sm", "keepalive", "-st", "int32"), (False, "wav", "int32", "")),
    ],
)
def test_how_answers_are_sent(
    myna: CommandLine, started: list[Settings], options: tuple[str, ...], wanted: tuple[object, ...]
) -> None:
    assert myna("api", *options).code == 0
    found = started[0]
    assert (found.api_streams, found.api_media_type, found.api_sub_type, found.api_cut_punc) == wanted


def test_weights_bring_their_version(myna: CommandLine, started: list[Settings]) -> None:
    gpt, sovits = write_tiny_vits(myna.models, "v2")
    assert myna("api", "-g", gpt, "-s", sovits, "-d", "cpu", "-hp").code == 0
    assert started[0].device == "cpu"
    found = chosen(myna)
    assert (found.version, found.gpt, found.sovits) == ("v2", gpt.resolve(), sovits.resolve())
    answer = myna("api", "-g", sovits)
    assert answer.code == 2
    assert "holds no gpt weights but sovits" in answer.err


def test_a_tts_infer_yaml_is_read(myna: CommandLine, started: list[Settings], tmp_path: Path) -> None:
    gpt, sovits = write_tiny_vits(myna.models, "v2")
    file = tmp_path / "tts_infer.yaml"
    file.write_text(
        f"custom:\n  device: cpu\n  is_half: false\n  t2s_weights_path: {gpt}\n  vits_weights_path: {sovits}\n"
    )
    assert myna("api_v2", "-c", file).code == 0
    assert started[0].device == "cpu"
    assert chosen(myna).sovits == sovits.resolve()
    file.write_text("v2: {}\n")
    assert "no section `custom`" in myna("api_v2", "-c", file).err
    assert "there is no file" in myna("api_v2", "-c", tmp_path / "no.yaml").err
