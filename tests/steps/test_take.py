from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import write_wav
from myna.audio.labels import read_labels
from myna.core.errors import BadInput
from myna.core.progress import silent
from myna.core.workspace import VoiceFolder, files_in, write_text
from myna.steps.step import perform
from myna.steps.take import TakeClips


def test_labelled_clips_are_the_voices_own_afterwards(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        write_wav(tmp_path / "clips" / name, np.full(1600, 0.1, np.float32), 16000)
    labels = "old/a.wav|anna|EN|one\nold/b.wav|anna|EN|two\nold/gone.wav|anna|EN|three"
    write_text(tmp_path / "x.list", labels)
    voice = VoiceFolder(tmp_path / "anna")
    step = TakeClips(folder=voice.path, source=tmp_path / "x.list", clips=tmp_path / "clips")
    findings = perform(step, silent).findings
    assert [failure.file for failure in findings.failures] == ["gone.wav"]
    assert [file.name for file in files_in(voice.denoised)] == ["a.wav", "b.wav"]
    assert [label.path for label in read_labels(voice.labels)] == [voice.denoised / "a.wav", voice.denoised / "b.wav"]
    assert perform(step, silent).was_done_already


def test_labels_without_any_clip_are_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "x.list", "gone.wav|anna|EN|three")
    step = TakeClips(folder=tmp_path / "anna", source=tmp_path / "x.list", clips=tmp_path)
    with pytest.raises(BadInput, match=r"none of the labelled clips is there: gone\.wav"):
        perform(step, silent)
