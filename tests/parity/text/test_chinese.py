"""Chinese phones against the official front end: the official reading identical, ours identical or different for a
reason that is listed.

``zh.jsonl`` holds its outputs without a model of polyphones, ``zh_g2pw_replay.jsonl`` those with a stand-in for it and
the answers of that; ``zh_reasons.json`` says of each text that we read otherwise why, and how we read it.
``zh_syllables.txt`` holds initial and final of each syllable that the acoustic models were trained with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.text.extras import INSTALLED, needs

if "zh" in INSTALLED:
    from myna.text.zh import official, polyphone
    from myna.text.zh.pinyin import phones
    from myna.text.zh.reader import read_for

pytestmark = needs("zh")
HERE = Path(__file__).parent
READ_OTHERWISE = json.loads((HERE / "zh_reasons.json").read_text(encoding="utf-8"))


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def named(record: dict[str, Any]) -> str:
    return f"{record['version']}-{record['text'][:30]}"


@pytest.fixture(autouse=True)
def _phrases_afterwards() -> Iterator[None]:
    yield
    polyphone.use_reader(None)


def check(record: dict[str, Any]) -> None:
    got = read_for(record["text"], record["version"])
    listed = READ_OTHERWISE.get(record["text"])
    same = (got.phones, got.word2ph, got.norm_text) == (record["phones"], record["word2ph"], record["norm_text"])
    if listed is None:
        assert got.norm_text == record["norm_text"]
        assert got.phones == record["phones"]
        assert got.word2ph == record["word2ph"]
    else:
        assert got.norm_text == listed["read"]
        assert not same or "g2pw_calls" in record, "this difference is gone: remove it from zh_reasons.json"


@pytest.mark.parametrize("record", lines("zh.jsonl"), ids=named)
def test_a_record_is_identical_or_read_as_listed(record: dict[str, Any]) -> None:
    check(record)


@pytest.mark.parametrize("record", lines("zh_g2pw_replay.jsonl"), ids=named)
def test_a_record_with_answers_of_a_model_is_identical_or_read_as_listed(record: dict[str, Any]) -> None:
    use_answers(record)
    check(record)


def use_answers(record: dict[str, Any]) -> None:
    """Polyphones as the record's model has read them."""
    said = {
        sentence: reading
        for asked, answers in record["g2pw_calls"]
        for sentence, reading in zip(asked, answers, strict=True)
    }
    polyphone.use_reader(lambda asked: [said.get(one) or polyphone.word_reading(one) for one in asked])


@pytest.mark.parametrize(("name", "number"), [("zh.jsonl", 370), ("zh_g2pw_replay.jsonl", 185)])
def test_the_official_reading_is_identical(name: str, number: int) -> None:
    records = lines(name)
    assert len(records) == number
    different = []
    for record in records:
        if "g2pw_calls" in record:
            use_answers(record)
        got = official.read_for(record["text"], record["version"])
        if (got.phones, got.word2ph, got.norm_text) != (record["phones"], record["word2ph"], record["norm_text"]):
            different.append(record["text"])
    assert different == []


def test_every_difference_belongs_to_a_record_and_few_are_no_number_or_sign() -> None:
    texts = {record["text"] for record in lines("zh.jsonl")}
    assert READ_OTHERWISE.keys() <= texts
    plain = [text for text in READ_OTHERWISE if text.isalpha() or text.rstrip("。").isalpha()]
    assert len(plain) <= 0.03 * len(texts)


def test_the_official_syllables_keep_their_phones() -> None:
    wrong = {}
    for line in (HERE / "zh_syllables.txt").read_text(encoding="utf-8").splitlines():
        syllable, initial, final = line.split()
        if phones(f"{syllable}3") != (initial, f"{final}3"):
            wrong[syllable] = phones(f"{syllable}3")
    # the official program has y o in its list, but never asks it for yo: it takes the initial off first
    assert wrong == {"yo": ("OO", "o3")}
