"""A data set is looked through from the command line: what is told, and where the page is."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import CommandLine

WORDS = (
    "You're about to enter an echo test. "
    "In this mode everything you say will be repeated back to you just as soon as it is received."
)


def test_a_label_file_from_anywhere(myna: CommandLine, recording: Path, tmp_path: Path) -> None:
    labels = tmp_path / "set.list"
    labels.write_text(f"{recording}|me|EN|{WORDS}\ngone [b].wav|me|EN|Gone.\nno label", encoding="utf-8")
    out = tmp_path / "out"
    answer = myna("run", "check_dataset", "--voice-folder", tmp_path, "--source", labels, "--target", out)
    assert answer.code == 0, answer.err
    assert "left out: gone [b].wav: there is no file" in answer.out
    assert "left out: no label: line 3: 1 fields instead of 4" in answer.out
    assert "3 clips, 0.1 minutes: 1 ok, 0 to look at, 2 to leave out" in answer.out
    assert f"look at {out / 'check.html'}" in answer.out
    again = myna("labels", "delete", labels, "--where", "verdict=leave out", "--check", out / "check.jsonl")
    assert "1 rows deleted, 2 left" in again.out


def test_nothing_to_check(myna: CommandLine, tmp_path: Path) -> None:
    answer = myna("run", "check_dataset", "--voice-folder", tmp_path, "--source", tmp_path / "none.list")
    assert answer.code == 2
    assert "check_dataset found nothing in" in answer.err
