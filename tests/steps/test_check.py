"""The step: what it reads and writes, and when it is done again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import write_wav
from myna.audio.labels import Label, write_labels
from myna.core.errors import NotFound
from myna.core.progress import silent
from myna.core.workspace import VoiceFolder, make_folder
from myna.steps.catalog import make_step
from myna.steps.check import CheckDataset
from myna.steps.step import perform
from tests.engine.voices import RATE, buzz


def labelled(clips: Path, labels: Path) -> None:
    rows = []
    for number in range(2):
        write_wav(clips / f"{number}.wav", buzz(3.0, seed=number), RATE)
        rows.append(Label(clips / f"{number}.wav", "buzz", "en", "She sells sea shells by the sea shore."))
    write_labels(labels, rows)


def test_a_voice_is_checked_and_checked_again_when_something_changed(tmp_path: Path) -> None:
    voice = VoiceFolder(tmp_path / "anna")
    labelled(voice.denoised, voice.labels)
    step = make_step("check_dataset", {"folder": voice.path, "dnsmos": False, "listen": False})
    outcome = perform(step, silent)
    assert outcome.findings.pages == (voice.check / "check.html",)
    assert outcome.findings.notes[0].startswith("2 clips, 0.1 minutes: ")
    assert perform(step, silent).was_done_already
    write_wav(voice.denoised / "1.wav", np.zeros(RATE, np.float32), RATE)
    again = perform(step, silent)
    assert not again.was_done_already
    assert "1 to leave out" in again.findings.notes[0]


def test_any_label_file_is_checked_into_any_folder(tmp_path: Path) -> None:
    labelled(tmp_path / "clips", tmp_path / "clips.list")
    out = make_folder(tmp_path / "out")
    (out / "mine.txt").write_text("kept")
    step = CheckDataset(folder=out, source=tmp_path / "clips.list", target=out, dnsmos=False, listen=False)
    assert step.inputs() == (tmp_path / "clips.list", tmp_path / "clips" / "0.wav", tmp_path / "clips" / "1.wav")
    assert not perform(step, silent).was_done_already
    assert perform(step, silent).was_done_already
    write_wav(tmp_path / "clips" / "1.wav", buzz(2.0), RATE)
    assert not perform(step, silent).was_done_already
    assert (out / "mine.txt").read_text() == "kept"
    assert (out / "check.jsonl").is_file()


def test_a_voice_without_labels_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="check_dataset found nothing in"):
        perform(CheckDataset(folder=make_folder(tmp_path / "anna")), silent)
