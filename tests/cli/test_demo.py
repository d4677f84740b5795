"""The whole way, with nets of random weights: interrupted, gone on with, repeated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.core.card import read_card
from myna.core.workspace import Workspace
from myna.steps.catalog import PIPELINE
from tests.cli.conftest import WORDS, CommandLine

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def takes(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recording twice with a pause between, so that there are two clips, as a training wants; and its words."""
    path = tmp_path_factory.mktemp("takes") / "me.wav"
    audio = decode(recording)
    pause = np.zeros(audio.sample_rate, np.float32)
    write_wav(path, np.concatenate((audio.samples, pause, audio.samples)), audio.sample_rate)
    cues = recording.with_suffix(".srt").read_text(encoding="utf-8")
    later = cues.replace("00:00:02,", "00:00:11,").replace("00:00:08,", "00:00:17,").replace("00:00:00,", "00:00:09,")
    again = later.replace("1\n", "3\n", 1).replace("2\n00:00:11", "4\n00:00:11")
    path.with_suffix(".srt").write_text(f"{cues}\n{again}", encoding="utf-8")
    return path


def arguments(recording: Path) -> list[str]:
    words = str(recording.with_suffix(".srt"))
    return ["demo", str(recording), "--transcript", words, "--text", "Hi.", "--epochs-sovits", "1", "--epochs-gpt", "1"]


def _hear_interrupts() -> None:
    """A shell lets what it starts in the background ignore Ctrl-C, and the tests may be such."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(recording: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Start the demo and press Ctrl-C as soon as it trains."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "myna.cli", *arguments(recording)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=environment, text=True, stdout=pipe, stderr=pipe, preexec_fn=_hear_interrupts
    ) as process:
        deadline = time.monotonic() + 100
        while not list(folder.glob("voices/*/.steps/train_sovits*")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "training did not begin"
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, out, err)


@pytest.mark.timeout(300)
def test_a_demo_is_interrupted_goes_on_and_is_not_repeated(myna: CommandLine, takes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    stopped = interrupted(takes, folder)
    assert (stopped.returncode, stopped.stderr.count("\n")) == (130, 1), stopped
    assert "run the same command again" in stopped.stderr
    assert list(folder.rglob(".part-*")) == []
    assert not (folder / "speech.wav").exists()

    finished = myna(*arguments(takes))
    assert finished.code == 0, finished
    assert finished.out.count("done already") == 8
    assert {path.name for path in folder.iterdir()} == {
        "voices",
        "speech.wav",
        "speech.srt",
        "gpt.safetensors",
        "sovits.safetensors",
        "report.html",
    }
    assert decode(folder / "speech.wav").seconds > 0.2
    assert "Hi." in (folder / "speech.srt").read_text(encoding="utf-8")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert WORDS.partition("'")[2] in page
    assert page.count("<polyline") >= 4

    voice = Workspace(folder).voice("me")
    assert read_card(voice).gpt == voice.path / "GPT_weights_lite" / "me-e1.safetensors"
    assert WORDS in voice.labels.read_text(encoding="utf-8")
    again = myna(*arguments(takes))
    assert again.out.count("done already") == len(PIPELINE)
