"""What the official segmentation gives to the wrong reader: units of measure and, in Chinese, words in Latin letters.

Units behind a number are read in the language around them, not in English; words that the Chinese readers would leave
out (in the ``all_`` modes those with accents or full-width letters) are read in English.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from myna.text.segment import Segment

_NAMES = (
    "km|cm|mm|nm|μm|m|kg|Kg|KG|mg|g|ml|mL|ML|L|min|dB|Hz|kHz|MHz|GHz|kW|kWh|mAh|KB|MB|GB|TB|Kbps|Mbps|Gbps|km/h|m/s"
)
_CHINESE_NAMES = f"{_NAMES}|w|W|V"
"""A w after a number is 万 in Chinese, or a watt."""
_NUMBER = r"[0-9０-９]+(?:[.,][0-9]+)*"
_ENDS_IN_NUMBER = re.compile(rf"{_NUMBER}\s?$")
_LETTER = "[A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0300-\u036fＡ-Ｚａ-ｚ]"
_LATIN = re.compile(f"{_LETTER}+(?:[ '’]{_LETTER}+)*[ ]?")
_WITHOUT_LATIN = ("zh", "yue")
"""Languages whose readers leave out words in Latin letters."""


def _unit(names: str) -> str:
    return rf"(?:{'|'.join(sorted(names.split('|'), key=len, reverse=True))})[²³]?(?![A-Za-z0-9/²³])[^\w]*"


_AFTER_NUMBER = {True: re.compile(rf"\s?{_unit(_CHINESE_NAMES)}"), False: re.compile(rf"\s?{_unit(_NAMES)}")}
_BEGINS = {is_zh: re.compile(rf"{_NUMBER}{pattern.pattern}") for is_zh, pattern in _AFTER_NUMBER.items()}


def mended(found: Sequence[Segment]) -> list[Segment]:
    """The segments as our readers need them."""
    return with_units([part for segment in found for part in _without_latin(segment)])


def _without_latin(segment: Segment) -> list[Segment]:
    if segment.language not in _WITHOUT_LATIN:
        return [segment]
    result: list[Segment] = []
    at = 0
    for match in _LATIN.finditer(segment.text):
        result += [_part(segment, at, match.start()), replace(_part(segment, *match.span()), language="en")]
        at = match.end()
    return [part for part in (*result, _part(segment, at, len(segment.text))) if part.text]


def with_units(found: Sequence[Segment]) -> list[Segment]:
    """Segments in which a unit (他跑了5|km，) belongs to the language of its number, and a number with its unit
    (用时|20min。, 5km|を走った) to the language before it, at the beginning of a text to the one behind it.
    """
    if len(found) > 1 and _BEGINS[_is_chinese(found[1])].fullmatch(found[0].text):
        found = [replace(found[0], language=found[1].language), *found[1:]]
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
    return segment.language in _WITHOUT_LATIN


def _part(segment: Segment, start: int, end: int) -> Segment:
    return Segment(segment.language, segment.text[start:end], segment.places[start:end])


def _one(group: list[Segment]) -> Segment:
    if len(group) == 1:
        return group[0]
    places = tuple(place for segment in group for place in segment.places)
    return Segment(group[0].language, "".join(segment.text for segment in group), places)
