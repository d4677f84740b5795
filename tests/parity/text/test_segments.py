"""Segments and mixed texts against the official program: the same wherever the script tells the language.

Where the official language model decided, ours differ on purpose; `mixed_reasons.json` and `segments_reasons.json` list
the rest.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from myna.text.frontend import LANGUAGES
from myna.text.segment import MODES
from tests.parity.text import records
from tests.parity.text.records import Outcome
from tests.text.extras import INSTALLED

HERE = Path(__file__).parent
REFUSED = {records.NOTHING, records.NO_TABLE}
NOT_ALIKE = {"佢話佢唔嚟喎，OK㗎。"}
"""The official program takes the rare character for a foreign letter and drops the English word beside it."""


@cache
def outcomes(name: str) -> tuple[Outcome, ...]:
    return tuple(map(records.outcome, records.records(HERE / f"{name}.jsonl")))


def listed(name: str) -> set[str]:
    return set(json.loads((HERE / f"{name}_reasons.json").read_text(encoding="utf-8")))


def test_segments_are_the_official_ones_where_the_script_tells_the_language() -> None:
    counts = Counter(found.verdict for found in outcomes("segments"))
    assert sum(counts.values()) == 516
    assert counts[records.IDENTICAL] >= 478
    assert counts[records.DIFFERS] <= 3
    assert counts[records.NOTHING] <= 5
    assert {found.record["text"] for found in outcomes("segments") if found.verdict == records.DIFFERS} == listed(
        "segments"
    )


def test_what_the_language_model_guessed_is_ours_too_or_better() -> None:
    """Of its answers on short parts of Han characters; ours are checked one by one in tests/text/test_segment.py."""
    guessed = [found for found in outcomes("segments") if not found.record["agree"]]
    assert len(guessed) == 42
    assert sum(found.verdict == records.IDENTICAL for found in guessed) >= 12


def test_assembly_is_the_official_one() -> None:
    """Over the official readers' own phones, so that it needs none of ours."""
    robust = [
        record
        for record in records.records(HERE / "mixed.jsonl")
        if record["lid_robust"] and not records.SILENT.issuperset(record["phones"])
    ]
    same = [record for record in robust if records.is_assembled_alike(record)]
    others = {record["text"] for record in robust if not records.is_assembled_alike(record)}
    assert len(robust) > 1000
    assert len(same) / len(robust) >= 0.99
    assert others == NOT_ALIKE


def test_the_records_cover_every_mode() -> None:
    assert {record["lang"] for record in records.records(HERE / "mixed.jsonl")} == set(MODES)


@pytest.mark.skipif(set(INSTALLED) != set(LANGUAGES), reason="needs the extras zh, ja, ko and yue")
def test_phones_of_mixed_texts_differ_only_by_a_segments_reader_or_as_listed() -> None:
    found = outcomes("mixed")
    assert {one.record["text"] for one in found if one.verdict == records.DIFFERS} <= NOT_ALIKE
    counts = Counter(one.verdict for one in found)
    sure = sum(counts[verdict] for verdict in (records.IDENTICAL, records.ELSEWHERE))
    assert sure / (sure + counts[records.DIFFERS]) >= 0.99
    assert counts[records.MODEL] < 150
