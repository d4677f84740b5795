"""Cutting and pre-segmentation against the official program: exact, but for texts on which it fails."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from myna.text.cut import MAX_PIECE, METHODS, cut_lines, presegment

TEXTS = [json.loads(line) for line in (Path(__file__).parent / "cuts.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("record", TEXTS, ids=lambda record: record["text"][:20])
def test_cutting_is_exact(record: dict[str, Any]) -> None:
    assert {method: cut_lines(record["text"], method) for method in record["cut"]} == record["cut"]


def is_official_failure(pieces: list[str]) -> bool:
    """A stretch without marks: the official program makes a piece without a word, or one too long for its encoder."""
    return any(len(piece) > MAX_PIECE or not re.search(r"\w", piece) for piece in pieces)


@pytest.mark.parametrize("record", TEXTS, ids=lambda record: record["text"][:20])
def test_pieces_are_exact_where_the_official_program_works(record: dict[str, Any]) -> None:
    for language, by_method in record["pieces"].items():
        for method, official in by_method.items():
            pieces = presegment(record["text"], method, language)
            if is_official_failure(official):
                assert "".join(pieces) == "".join(official)
                assert all(0 < len(piece) <= MAX_PIECE for piece in pieces)
            else:
                assert pieces == official


def test_the_records_cover_every_method_and_few_are_failures() -> None:
    assert all(record["cut"].keys() <= METHODS.keys() for record in TEXTS)
    pieces = [pieces for record in TEXTS for methods in record["pieces"].values() for pieces in methods.values()]
    assert len(pieces) == 404
    assert sum(map(is_official_failure, pieces)) == 18
