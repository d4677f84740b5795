"""Rows of a label file by what is known of them, in pages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import write_wav
from myna.audio.label_filter import ClipFacts, Filter, Page, conditions, lengths, others, page, read_facts, select
from myna.audio.labels import parse_text
from myna.core.errors import BadInput, NotFound

FILE = parse_text(
    "a.wav|ann|EN|Good morning.\nb.wav|bob|EN|Good night, everybody.\nc.wav|ann|ZH|早上好。\nno label\nd.wav|EN|Hello."
)
FACTS = {
    "a.wav": ClipFacts(1.0, "ok"),
    "b.wav": ClipFacts(5.0, "look", frozenset({"noise", "other_voice"})),
    "c.wav": ClipFacts(None, "leave out", frozenset({"unreadable"})),
}


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (Filter(), [1, 2, 3, 4, 5]),
        (Filter(languages=frozenset({"en"})), [1, 2, 5]),
        (Filter(speakers=frozenset({"ann", ""})), [1, 3, 5]),
        (Filter(text="good"), [1, 2]),
        (Filter(text="g$|n.g", is_regex=True), [2]),
        (Filter(text="ING.$", is_regex=True), [1]),
        (Filter(text="n.g"), []),
        (Filter(min_seconds=2.0), [2]),
        (Filter(max_seconds=2.0), [1]),
        (Filter(min_seconds=0.0), [1, 2]),
        (Filter(max_chars=6), [3, 5]),
        (Filter(min_chars=14), [2]),
        (Filter(verdicts=frozenset({"look", "leave out"})), [2, 3]),
        (Filter(kinds=frozenset({"noise"})), [2]),
        (Filter(is_problem=True), [4]),
        (Filter(is_problem=False), [1, 2, 3, 5]),
        (Filter(is_repaired=True), [5]),
        (Filter(speakers=frozenset({"ann"}), languages=frozenset({"en"}), text="good"), [1]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Filter) else str(value),
)
def test_rows_are_chosen(wanted: Filter, rows: list[int]) -> None:
    assert select(FILE, wanted, FACTS) == rows


def test_an_expression_that_is_none_is_said() -> None:
    with pytest.raises(BadInput, match=r"'\(' is no regular expression"):
        select(FILE, Filter(text="(", is_regex=True))
    assert select(FILE, Filter(text="(")) == []


def test_a_choice_can_be_turned_round() -> None:
    assert others(FILE, [1, 4]) == [2, 3, 5]
    assert others(FILE, []) == [1, 2, 3, 4, 5]


def test_pages() -> None:
    rows = list(range(1, 26))
    assert page(rows, 1) == Page(tuple(range(1, 11)), 1, 3)
    assert page(rows, 3) == Page((21, 22, 23, 24, 25), 3, 3)
    assert page(rows, 9, 20) == Page((21, 22, 23, 24, 25), 2, 2)
    assert page([], 1) == Page((), 1, 1)
    with pytest.raises(BadInput, match="at least 1"):
        page(rows, 1, 0)


def test_lengths_come_from_the_clips_heads(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(24000, np.float32), 16000)
    (tmp_path / "b.wav").write_bytes(b"nonsense")
    found = lengths(FILE, tmp_path)
    assert found["a.wav"].seconds == pytest.approx(1.5)
    assert found["b.wav"].seconds is None
    assert found["c.wav"].seconds is None


def test_what_the_check_found(tmp_path: Path) -> None:
    row = {"clip": "b.wav", "seconds": 5.0, "verdict": "look", "findings": [{"kind": "noise"}, {"kind": "other_voice"}]}
    path = tmp_path / "check.jsonl"
    again = row | {"seconds": None, "verdict": "leave out", "findings": [{"kind": "line"}]}
    path.write_text(f"{json.dumps(row)}\n{json.dumps(again)}\n", encoding="utf-8")
    assert read_facts(path) == {"b.wav": FACTS["b.wav"]}
    path.write_text(json.dumps(row) + "\n{}\n", encoding="utf-8")
    with pytest.raises(BadInput, match="line 2 is none of check_dataset"):
        read_facts(path)
    with pytest.raises(NotFound, match="run check_dataset first"):
        read_facts(tmp_path / "none.jsonl")


def test_conditions_are_spelled() -> None:
    written = ["language=Chinese", "language=en", "speaker=", "verdict=look", "found=noise", "text~^a|b$"]
    written += ["seconds>1.5", "seconds<=10", "chars<80", "problem", "repaired"]
    assert conditions(written) == Filter(
        languages=frozenset({"zh", "en"}),
        speakers=frozenset({""}),
        verdicts=frozenset({"look"}),
        kinds=frozenset({"noise"}),
        text="^a|b$",
        is_regex=True,
        min_seconds=1.5,
        max_seconds=10.0,
        max_chars=80,
        is_problem=True,
        is_repaired=True,
    )
    assert conditions(["text=a=b\nc"]).text == "a=b\nc"
    assert conditions([]) == Filter()
    for wrong in ("colour=red", "seconds=3", "problem=yes", "", "text<3"):
        with pytest.raises(BadInput, match="choose among: language=en, speaker=ann"):
            conditions([wrong])
    with pytest.raises(BadInput, match="'two' in 'seconds<two' is no number"):
        conditions(["seconds<two"])
