from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.cli import run_command
from myna.core.assets import bundled
from myna.testing.tiny_base import write_tiny_base

WORDS = "You're about to enter an echo test."


@dataclass
class Answer:
    """What a command answered."""

    code: int
    out: str
    err: str


@dataclass
class CommandLine:
    """An installation of its own, and its command line."""

    home: Path
    models: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object) -> Answer:
        code = run_command([str(argument) for argument in arguments])
        captured = self.capsys.readouterr()
        return Answer(code, captured.out, captured.err)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a tiny base of random weights."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny_base(folder)
    return folder


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first eight seconds of the demo recording, and subtitles beside it."""
    path = tmp_path_factory.mktemp("recording") / "me.wav"
    audio = decode(bundled("demo/recording.flac"))
    write_wav(path, audio.samples[: 8 * audio.sample_rate], audio.sample_rate)
    cues = "1\n00:00:00,000 --> 00:00:02,300\nYou're about to enter an echo test.\n\n"
    cues += "2\n00:00:02,400 --> 00:00:08,000\nIn this mode everything you say will be repeated back to you.\n"
    path.with_suffix(".srt").write_text(cues, encoding="utf-8")
    return path


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """Four seconds that can be decoded and hold no words."""
    path = tmp_path / "tone.wav"
    write_wav(path, (0.3 * np.sin(np.arange(4 * 16000) / 9)).astype(np.float32), 16000)
    return path


@pytest.fixture
def myna(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[CommandLine]:
    """Runs a command in this process."""
    monkeypatch.setenv("MYNA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MYNA_MODELS", str(models))
    monkeypatch.setenv("MYNA_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield CommandLine(tmp_path / "home", models, capsys)
    signal.signal(signal.SIGTERM, before)
