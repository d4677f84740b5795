"""What the official segmentation gives to the wrong reader.

Units behind a number are read in the language around them, not in English; a currency sign goes with its number, 0x
with the rest of its number; words that a reader would leave out or spell (in the ``all_`` modes those with accents or
full-width letters) are read in English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from myna.text.segment import Segment

_NAMES = (
    "km|cm|mm|nm|μm|µm|m|kg|Kg|KG|mg|g|ml|mL|ML|L|min|dB|Hz|kHz|MHz|GHz|kW|kWh|mAh|KB|MB|GB|TB|Kbps|Mbps|Gbps|km/h|m/s"
)
_CHINESE_NAMES = f"{_NAMES}|w|W|V"
"""A w after a number is 万 in Chinese, or a watt."""
_NUMBER = r"[0-9０-９]+(?:[.,][0-9]+)*"
_ENDS_IN_NUMBER = re.compile(rf"{_NUMBER}\s?$")
_CURRENCY_AT_END = re.compile(r"[$£€¥￥₩]\s?$")
_ZERO_AT_END = re.compile("(?<![0-9.,])0$")
_NUMBER_AT_END = re.compile(r"(?<![A-Za-z0-9.,'-])[0-9]{1,9}$")
_COUNTER = tuple("年月日号號時时分点點秒个個人次回つ本名位元円圆歳岁년월일시분초개명번원")
"""What begins a word that counts: a number right before it is said in its language."""
_HEXADECIMAL = re.compile("[xX][0-9A-Fa-f]+(?![0-9A-Za-z])")
_ACCENTED = "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0300-\u036f"
_LETTER = f"[A-Za-z{_ACCENTED}Ａ-Ｚａ-ｚ]"
_LATIN = re.compile(f"{_LETTER}+(?:[ '’]{_LETTER}+)*[ ]?")
_WITH_ACCENT = re.compile(f"[A-Za-z]*[{_ACCENTED}][A-Za-z{_ACCENTED}]*[ ]?")
_WITHOUT_LATIN = {"zh": _LATIN, "yue": _LATIN, "ja": _WITH_ACCENT}
"""The words that the readers of a language leave out, or that one spells."""
_CHINESE = ("zh", "yue")


def _unit(names: str) -> str:
    return rf"(?:{'|'.join(sorted(names.split('|'), key=len, reverse=True))})[²³]?(?![A-Za-z0-9/²³])[^\w$£€¥￥₩]*"


def _after_number(names: str) -> re.Pattern[str]:
    return re.compile(rf"\s?{_unit(names)}(?:{_NUMBER}\s?{_unit(names)})*")


_AFTER_NUMBER = {True: _after_number(_CHINESE_NAMES), False: _after_number(_NAMES)}
_BEGINS = {is_zh: re.compile(rf"{_NUMBER}{pattern.pattern}") for is_zh, pattern in _AFTER_NUMBER.items()}


def mended(found: Sequence[Segment], own: str = "") -> list[Segment]:
    """The segments as our readers need them; ``own``: the language of a text of nothing but quantities."""
    return with_units(list(_with_signs([part for segment in found for part in _without_latin(segment)])), own)


def _without_latin(segment: Segment) -> list[Segment]:
    pattern = _WITHOUT_LATIN.get(segment.language)
    if pattern is None:
        return [segment]
    result: list[Segment] = []
    at = 0
    for match in pattern.finditer(segment.text):
        if segment.text[match.start() - 1 : match.start()] != "°":
            result += [_part(segment, at, match.start()), replace(_part(segment, *match.span()), language="en")]
            at = match.end()
    return [part for part in (*result, _part(segment, at, len(segment.text))) if part.text]


def _with_signs(found: Sequence[Segment]) -> Iterator[Segment]:
    """Segments in which a currency sign stands with the number behind it, the 0 of 0xFF with what follows, and a number
    with what it counts (in 2025，|2026年).
    """
    kept = [len(segment.text) for segment in found]
    for index, (before, segment) in enumerate(pairwise(found)):
        is_number = segment.text[:1].isdigit()
        is_hexadecimal = segment.language == "en" and _HEXADECIMAL.match(segment.text)
        is_counter = before.language == "en" and segment.text.startswith(_COUNTER)
        pattern = _CURRENCY_AT_END if is_number else _ZERO_AT_END if is_hexadecimal else None
        pattern = _NUMBER_AT_END if is_counter else pattern
        match = pattern.search(before.text[-12:]) if pattern else None
        kept[index] -= len(match[0]) if match else 0
    rest: Segment | None = None
    for segment, size in zip(found, kept, strict=True):
        text = _part(segment, 0, size)
        whole = _one([replace(rest, language=segment.language), text]) if rest else text
        rest = _part(segment, size, len(segment.text)) if size < len(segment.text) else None
        if whole.text:
            yield whole


def with_units(found: Sequence[Segment], own: str = "") -> list[Segment]:
    """Segments in which a unit (他跑了5|km，) belongs to the language of its number, and a number with its unit
    (用时|20min。, 5km|を走った) to the language before it, at the beginning of a text to the one behind it, alone to
    the mode's ``own`` ("" for none).
    """
    behind = found[1].language if len(found) > 1 else own
    if behind and found and found[0].language == "en" and _BEGINS[behind in _CHINESE].fullmatch(found[0].text):
        found = [replace(found[0], language=behind), *found[1:]]
    groups: list[list[Segment]] = []
    for segment in found:
        is_same = bool(groups) and groups[-1][0].language == segment.language
        size = len(segment.text) if is_same else _size(groups[-1][-1], segment) if groups else 0
        if size:
            groups[-1].append(_part(segment, 0, size))
        if size < len(segment.text):
            groups.append([_part(segment, size, len(segment.text))])
    return [_one(group) for group in groups]


def _size(before: Segment, segment: Segment) -> int:
    """How many characters of a segment belong to the one before it: none, if it is not English."""
    if segment.language != "en":
        return 0
    begins, after = _BEGINS[_is_chinese(before)], _AFTER_NUMBER[_is_chinese(before)]
    if match := begins.fullmatch(segment.text):
        return match.end()
    is_glued = not before.text[-1:].isspace()
    pattern = after if _ENDS_IN_NUMBER.search(before.text[-40:]) else begins if is_glued else None
    match = pattern.match(segment.text) if pattern else None
    return match.end() if match else 0


def _is_chinese(segment: Segment) -> bool:
    return segment.language in _CHINESE


def _part(segment: Segment, start: int, end: int) -> Segment:
    return Segment(segment.language, segment.text[start:end], segment.places[start:end])


def _one(group: list[Segment]) -> Segment:
    if len(group) == 1:
        return group[0]
    places = tuple(place for segment in group for place in segment.places)
    return Segment(group[0].language, "".join(segment.text for segment in group), places)
