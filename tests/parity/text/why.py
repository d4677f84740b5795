"""Why our own reading of a text is not the official one: the kinds of misreading, told from what stands in the text.

A record whose text has a reason of its own (``<file>_reasons.json``) needs none of these. Of a mixed text every segment
is compared by itself, so that only what is read otherwise there has to have a reason.
"""

from __future__ import annotations

import re
from typing import Any

from myna.core.errors import BadInput
from myna.text.frontend import phonemize_plain
from myna.text.han import HAN, KANA
from myna.text.segment import own_language, segments
from myna.text.symbols import PUNCTUATION
from myna.text.units import mended

Record = dict[str, Any]

SILENT = frozenset([*PUNCTUATION, "UNK", "停", "空", "_", "[", "]"])

_LATIN_ELSEWHERE = "\u00c0-\u024f\u0300-\u036fＡ-Ｚａ-ｚ０-９"
_SEGMENTED = "official takes Han characters for Japanese, or a rare one for a foreign letter"
_UNITS = "official gives a unit, a currency sign or a word with accents to another language than its number's"
_NUMBERS_KO = "official reads numbers without a counter digit by digit, and units letter by letter"
_RULES: dict[str, tuple[tuple[str, str], ...]] = {
    "ko": (
        (f"[{HAN}{KANA}々]", "official pauses for each Chinese character and kana in Korean"),
        (f"[{_LATIN_ELSEWHERE}]", "official pauses for each full-width or accented letter in Korean"),
        (r"[0-9½①-⓿]", _NUMBERS_KO),
        ("[A-Za-z]", "official spells Latin words letter by letter in Korean"),
        (r"[^\w\s,.!?]", "official pauses for each quote, tilde and emoji in Korean"),
    ),
    "ja": (
        (r"[0-9][,:/.~〜-][0-9]", "official cuts numbers at their signs in Japanese"),
        (r"[0-9]\s?[A-Za-z%％°℃]|[=+×÷@&]", "official spells units and says UNK for signs in Japanese"),
        ("[\uac00-\ud7a3\u3131-\u318e\u0400-\u04ff\u0e00-\u0e7f\u0600-\u06ff]",
         "official says UNK for each foreign letter in Japanese"),
        (f"[{_LATIN_ELSEWHERE}]", "official says UNK for accented letters in Japanese"),
        (r"[^\w\s,.!?、。，！？…]|[①-⓿]", "official says UNK for marks, circled numbers and emoji in Japanese"),
        (f"[{HAN}]", "official leaves out Han characters that its Japanese dictionary does not know"),
    ),
    "en": (
        (r"[0-9]", "official reads dates, times, releases, money and other numbers as bare numbers in English"),
        (r"[A-Za-z]+@|www\.|://", "official says addresses as one word in English"),
        (rf"[{_LATIN_ELSEWHERE}]", "official drops or joins accented and full-width letters in English"),
        (r"\b(?:Dr|Mr|Mrs|St|Jr|Sr)\.", "official reads abbreviations as they are written in English"),
        (r"[A-Z]{2,}", "official spells every word in capitals in English"),
        (r"[a-z][A-Z]", "official cuts English words at every capital"),
        (r"[^\x00-\x7f]|[;:\"()]", "official drops marks and what is not English, and joins what stands around it"),
        (r"\b[a-z]\.", "official does not see letters alone"),
        (r"(?i)\b(?:live|lead|wind|tear|bow|bass|wound|minute|read|a)\b", "official knows fewer homographs in English"),
        (r"-", "official reads a hyphen as minus or joins its words in English"),
        (r"(?i)[a-z]", "official divides an unknown English word otherwise"),
    ),
    "zh": (
        (r"[0-9０-９]\s?(?:km|cm|mm|kg|m|g|ml|min|°|℃|w|s)", "official misreads units in Chinese"),
        (r"[$€£￥¥]", "official does not read currency signs in Chinese"),
        ("[0-9０-９]", "official misreads numbers, ordinals and telephone numbers in Chinese"),
        ("[A-Za-zÀ-ɏ]", "official leaves out Latin words in Chinese, but for s and m"),
        (r"[〇\u3400-\u4dbf\U00020000-\U0003ffff㗎]", "official drops 〇 and characters outside its list"),
        ("行行|[地的得]", "official takes neighbours for a doubled character, and particles for words"),
        (r"[。.…!！?？]{2,}", "official keeps every mark of a row"),
        (f"[{HAN}]", "official applies tone rules inside other words"),
    ),
}  # fmt: skip
_RULES["yue"] = (
    *_RULES["zh"][:-3],
    (r"[。.…!！?？]{2,}", "official keeps every mark of a row"),
    (f"[{HAN}]", "official simplifies Cantonese first and reads another character's sound"),
)


def reasons(record: Record) -> tuple[str, ...]:
    """The kinds of misreading that make our own reading another one; empty where something has none."""
    if "segments" not in record or "seg_phones" not in record:
        return _all([_kind(record["lang"], record["text"])])
    found: list[str | None] = []
    first = 0
    for (language, text), size in zip(record["segments"], record["seg_phones"], strict=True):
        if _spoken(text, language, record["version"]) != _words(record["phones"][first : first + size]):
            found.append(_kind(language, text))
        first += size
    if _own_segments(record) != [(language, _letters(text)) for language, text in record["segments"]]:
        is_robust = record.get("lid_robust", True)
        found.append(_UNITS if is_robust else _SEGMENTED)
    return _all(found)


def _all(found: list[str | None]) -> tuple[str, ...]:
    return () if None in found else tuple(sorted({one for one in found if one}))


def _kind(language: str, text: str) -> str | None:
    rules = _RULES.get(language.rpartition("_")[2], ())
    return next((why for pattern, why in rules if re.search(pattern, text)), None)


def _words(phones: list[str]) -> list[str]:
    return [phone for phone in phones if phone not in SILENT]


def _spoken(text: str, language: str, version: str) -> list[str]:
    try:
        return _words(phonemize_plain(text, language, version).phones)
    except BadInput:
        return []


def _letters(text: str) -> str:
    return "".join(sign for sign in text if sign.isalnum() or sign in "$€£¥￥₩°")


def _own_segments(record: Record) -> list[tuple[str, str]]:
    text = re.sub(" {2,}", " ", record["text"])
    found = mended(segments(text, record["lang"]), own_language(record["lang"]))
    return [(segment.language, _letters(segment.text)) for segment in found]
