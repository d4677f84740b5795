"""The label editor on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from tests.cli.conftest import CommandLine

LINES = "clips/a.wav|ann|EN|One.\nclips/b.wav|EN|Two [b].\nno label\nclips/c.wav|ann|EN|Four."


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for number, name in enumerate("abc", 1):
        write_wav(tmp_path / "clips" / f"{name}.wav", np.full(number * 8000, 0.1, np.float32), 8000)
    path = tmp_path / "set.list"
    path.write_text(LINES, encoding="utf-8")
    return path


def test_rows_are_shown_with_what_is_wrong(myna: CommandLine, file: Path) -> None:
    answer = myna("labels", "show", file)
    assert answer.code == 0
    assert "Two [b]" in answer.out
    assert "1 fields instead of 4" in answer.out
    assert "4 of 4 rows; 1 cannot be used, 1 would be mended" in answer.out
    answer = myna("labels", "show", file, "--where", "seconds>1.5", "--where", "text=four", "--json")
    rows = [json.loads(row) for row in answer.out.splitlines()]
    assert [(row["row"], row["clip"], row["text"]) for row in rows] == [(4, "c.wav", "Four.")]
    answer = myna("labels", "show", file, "--size", 2, "--page", 2, "--json")
    assert [json.loads(row)["row"] for row in answer.out.splitlines()] == [3, 4]


def test_the_file_is_mended_and_the_rest_is_kept(myna: CommandLine, file: Path) -> None:
    answer = myna("labels", "repair", file)
    assert answer.code == 0
    assert "line 2: the speaker was missing: 'ann' as in all other lines" in answer.out
    assert "cannot be used, line 3: 1 fields" in answer.out
    assert file.read_text("utf-8").split("\n")[1:3] == ["clips/b.wav|ann|EN|Two [b].", "no label"]


def test_edit_undo_redo_versions_restore(myna: CommandLine, file: Path) -> None:
    assert myna("labels", "edit", file, 1, 4, "--speaker", "bob", "--language", "zh").code == 0
    assert file.read_text("utf-8").startswith("clips/a.wav|bob|ZH|One.")
    assert "undone: edited 2 rows" in myna("labels", "undo", file).out
    assert file.read_text("utf-8") == LINES
    assert "done again: edited 2 rows" in myna("labels", "redo", file).out
    assert myna("labels", "edit", file, 3, "--line", "clips/c.wav|ann|EN|New.").code == 0
    assert "rewrote row 3" in myna("labels", "versions", file).out
    assert myna("labels", "restore", file, 1).code == 0
    assert file.read_text("utf-8") == LINES


def test_merge_split_replace_delete_filter(myna: CommandLine, file: Path, tmp_path: Path) -> None:
    assert "2 rows are one" in myna("labels", "merge", file, 1, 4, "--pause", "0.5").out
    assert decode(tmp_path / "clips" / "a_00.wav").seconds == 4.5
    assert "a_00_00.wav and" in myna("labels", "split", file, 1, 1.5, "One.", "Four.").out
    assert "replaced in 1 rows" in myna("labels", "replace", file, "Four", "Five", "--where", "speaker=ann").out
    assert "1 rows deleted, 3 left" in myna("labels", "delete", file, "--where", "problem").out
    out = tmp_path / "long.list"
    assert "rows kept" in myna("labels", "filter", file, "--where", "seconds>2.5", "--out", out).out
    assert out.read_text("utf-8") == "clips/a_00_01.wav|ann|EN|Five."
    assert "1 rows kept, 2 taken out" in myna("labels", "filter", file, "--where", "text=Five").out
    for _ in range(5):
        assert myna("labels", "undo", file).code == 0
    assert file.read_text("utf-8") == LINES


def test_rows_are_chosen_by_what_the_check_found(myna: CommandLine, file: Path, tmp_path: Path) -> None:
    row = {"clip": "c.wav", "seconds": 3.0, "verdict": "leave out", "findings": [{"kind": "noise"}]}
    (tmp_path / "check.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    chosen = ("--where", "verdict=leave out", "--check", tmp_path / "check.jsonl")
    assert "1 rows deleted" in myna("labels", "delete", file, *chosen).out
    assert "c.wav" not in file.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "none.list"), "there is no label file"),
        (("show", "{file}", "--where", "colour=red"), "choose among: language=en"),
        (("show", "{file}", "--where", "verdict=ok"), "need --check"),
        (("edit", "{file}", "1"), "say what to change"),
        (("edit", "{file}", "9", "--text", "x"), "rows 1 to 4"),
        (("edit", "{file}", "1", "2", "--line", "x"), "--line writes one row"),
        (("delete", "{file}"), "say which rows"),
        (("filter", "{file}"), "say which rows"),
        (("merge", "{file}", "1"), "at least two"),
        (("split", "{file}", "1", "7", "a", "b"), "cut it between"),
        (("undo", "{file}"), "nothing to undo"),
        (("restore", "{file}", "3"), "kept are: none"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    myna: CommandLine, file: Path, arguments: tuple[str, ...], told: str
) -> None:
    answer = myna("labels", *(argument.format(file=file) for argument in arguments))
    assert answer.code == 2
    assert told in answer.err
    assert answer.err.count("\n") == 1
    assert file.read_text("utf-8") == LINES
