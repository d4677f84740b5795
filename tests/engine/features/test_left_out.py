"""Clips that were left out are listed with step and reason, and the list tells of the last run of each step."""

from __future__ import annotations

import json
from pathlib import Path

from myna.core.findings import Failure
from myna.core.workspace import DatasetFolder
from myna.engine.features.left_out import left_out, note_left_out


def test_a_step_replaces_its_own_lines_only(tmp_path: Path) -> None:
    dataset = DatasetFolder(tmp_path)
    note_left_out(dataset, "train_gpt", [Failure("a.wav", "too fast"), Failure("“b”\u2028.wav", "too slow")])
    note_left_out(dataset, "train_sovits", [Failure("a.wav", "too short")])
    note_left_out(dataset, "train_gpt", [Failure("c.wav", "no tokens")])
    assert left_out(dataset, "train_gpt") == (Failure("c.wav", "no tokens"),)
    assert left_out(dataset, "train_sovits") == (Failure("a.wav", "too short"),)
    first = json.loads(dataset.left_out_file.read_text(encoding="utf-8").split("\n")[0])
    assert first == {"clip": "a.wav", "step": "train_sovits", "reason": "too short"}


def test_any_name_survives(tmp_path: Path) -> None:
    failures = [Failure("“b”\u2028 $(x)\t🎤.wav", "it is\u2029silent")]
    note_left_out(DatasetFolder(tmp_path), "train_gpt", failures)
    assert list(left_out(DatasetFolder(tmp_path), "train_gpt")) == failures


def test_where_nothing_is_left_out_there_is_no_file(tmp_path: Path) -> None:
    dataset = DatasetFolder(tmp_path)
    note_left_out(dataset, "train_gpt", [Failure("a.wav", "too fast")])
    note_left_out(dataset, "train_gpt", [])
    assert not dataset.left_out_file.exists()
    assert left_out(dataset, "train_gpt") == ()


def test_a_damaged_line_is_nobodys(tmp_path: Path) -> None:
    dataset = DatasetFolder(tmp_path)
    note_left_out(dataset, "train_gpt", [Failure("a.wav", "too fast")])
    with dataset.left_out_file.open("ab") as file:
        file.write(b'{"clip": 3, "step": "train_gpt"}\n[]\n\xff{\n')
    assert left_out(dataset, "train_gpt") == (Failure("a.wav", "too fast"),)
