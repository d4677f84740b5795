"""Japanese phones against the official front end, and every difference from it with its reason.

``ja.jsonl`` holds its outputs with naist-jdic 1.11 (Debian's open-jtalk-mecab-naist-jdic) and no user dictionary.
The official reading has to be identical to them where that dictionary is present; ours mends what is misread there.
``ja_reasons.json`` lists every text we read otherwise, with the rule that mends it; "silent" for a silent mark,
"dictionary" for what only the library's own dictionary knows otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyopenjtalk", reason="needs the extra ja: pip install 'myna[ja]'")

from myna.text.ja.dictionary import OWN_FOLDER, default_folder
from myna.text.ja.mending import mend
from myna.text.ja.official import read as read_as_official
from myna.text.ja.reader import read
from myna.text.symbols import UNKNOWN, symbols

LINES = (Path(__file__).parent / "ja.jsonl").read_text(encoding="utf-8").splitlines()
RECORDS = [json.loads(line) for line in LINES]
TEXTS = sorted({record["text"] for record in RECORDS})
READ_OTHERWISE = json.loads((Path(__file__).parent / "ja_reasons.json").read_text(encoding="utf-8"))
PLAIN_INSTALL_SHARE = 0.90
"""Of the records, as the library's own dictionary reads them: it knows other words than naist-jdic does."""


def known(phones: list[str], table: str) -> list[str]:
    return [phone if phone in symbols(table) else UNKNOWN for phone in phones]


def is_identical(record: dict[str, Any], folder: Path) -> bool:
    result = read_as_official(record["text"], folder)
    return (known(result.phones, record["version"]), result.norm_text) == (record["phones"], record["norm_text"])


@pytest.mark.skipif(default_folder() == OWN_FOLDER, reason="needs the package open-jtalk-mecab-naist-jdic")
def test_every_record_is_identical_with_the_exact_dictionary() -> None:
    assert [record["text"] for record in RECORDS if not is_identical(record, default_folder())] == []


def test_most_records_are_identical_after_a_plain_install() -> None:
    shares = [is_identical(record, OWN_FOLDER) for record in RECORDS]
    assert sum(shares) / len(shares) >= PLAIN_INSTALL_SHARE


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_read_as_there_or_better_for_a_reason(text: str) -> None:
    ours, official = known(read(text).phones, "v2"), known(read_as_official(text).phones, "v2")
    rule = READ_OTHERWISE.get(text, {}).get("rule", "dictionary")
    if rule == "dictionary":  # which the two of them share
        assert ours == official
    elif rule == "silent":
        assert ours != official
        assert ours.count(UNKNOWN) < official.count(UNKNOWN)
    else:
        assert rule in mend(text).mended
        assert ours != official


def test_every_listed_difference_is_one_of_a_record() -> None:
    assert set(READ_OTHERWISE) <= set(TEXTS)
    by_dictionary = {text for text, why in READ_OTHERWISE.items() if why["rule"] == "dictionary"}
    different = {record["text"] for record in RECORDS if not is_identical(record, OWN_FOLDER)}
    mended = set(READ_OTHERWISE) - by_dictionary
    assert different - mended == by_dictionary
