"""Japanese phones against the official front end, and every difference from it with its reason.

``ja.jsonl`` holds its outputs with naist-jdic 1.11 (Debian's open-jtalk-mecab-naist-jdic) and no user dictionary.
`read_as_official` has to be identical to them where that dictionary is present; `read` mends what is misread there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyopenjtalk", reason="needs the extra ja: pip install 'myna[ja]'")

from myna.text.ja.dictionary import OWN_FOLDER, default_folder
from myna.text.ja.mending import mend
from myna.text.ja.reader import read, read_as_official
from myna.text.symbols import UNKNOWN, symbols

LINES = (Path(__file__).parent / "ja.jsonl").read_text(encoding="utf-8").splitlines()
RECORDS = [json.loads(line) for line in LINES]
TEXTS = sorted({record["text"] for record in RECORDS})
REASONS = {
    "address": "official says UNK for @ and stops at the dots of an address",
    "date": "official reads 2024/03/15 as three numbers",
    "decimals": "official ends the sentence at the point of 3.14",
    "fraction": "official reads 3分の1 as three minutes",
    "grouped": "official reads 3,980 as two numbers",
    "phone_number": "official reads 1234 of a telephone number as a thousand and so on",
    "range": "official says UNK for a wave that draws out a sound",
    "sign": "official says UNK for ℃",
    "time": "official says UNK for the colon of 14:05",
    "unit": "official spells the m of 100m",
    "compatibility": "official says UNK for a squared ㎏",
    "variant": "official leaves out kanji its dictionary does not know, and UNK for a variation selector",
}
MENDED = {
    "100mを9秒58で走る。": "unit",
    "99.9％の確率": "decimals",
    "0.5リットル": "decimals",
    "円周率は3.14です。": "decimals",
    "3分の1": "fraction",
    "㎏と㎝と㌔": "compatibility",
    "会議は2024/03/15に行われます。": "date",
    "合計で3,980円になります。": "grouped",
    "気温は25℃です。": "sign",
    "そうだ〜、そうだよね～": "range",
    "電車は14:05に出発します。": "time",
    "電話番号は03-1234-5678です。": "phone_number",
    "メールはtest@example.comまで。": "address",
    "臺灣と中國": "variant",
    "葛󠄀城市": "variant",
    "髙橋さんと山﨑さん": "variant",
}
SILENT_MARKS = {
    "「こんにちは」と彼は言った。": "official says UNK for a bracket at the beginning",
    "夏目漱石の「吾輩は猫である」。": "official says UNK for a bracket at the end",
    "彼は—つまり—犯人だ。": "official says UNK for a dash",
    "楽しい😀！": "official says UNK for an emoji",
    "私は안녕と言った。": "official says UNK for each foreign letter",
    "❤": "official says UNK for a picture",
}
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
    if text in MENDED:
        assert MENDED[text] in mend(text).mended
        assert ours != official
    elif text in SILENT_MARKS:
        assert ours != official
        assert ours.count(UNKNOWN) < official.count(UNKNOWN)
    else:
        assert ours == official


def test_every_reason_is_known_and_used() -> None:
    assert set(MENDED.values()) == set(REASONS)
    assert MENDED.keys() | SILENT_MARKS.keys() <= set(TEXTS)
