"""Units of measure in Latin letters behind a number: they are read in the language around them, not in English."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from myna.text.segment import Segment

_NAMES = (
    "km|cm|mm|nm|μm|m|kg|Kg|KG|mg|g|ml|mL|ML|L|min|dB|Hz|kHz|MHz|GHz|kW|kWh|mAh|KB|MB|GB|TB|Kbps|Mbps|Gbps|km/h|m/s"
)
_UNIT = rf"(?:{'|'.join(sorted(_NAMES.split('|'), key=len, reverse=True))})[²³]?(?![A-Za-z0-9/²³])"
_AFTER_NUMBER = re.compile(rf"\s?{_UNIT}[^\w]*")
_NUMBER = r"[0-9０-９]+(?:[.,][0-9]+)*"
_ENDS_IN_NUMBER = re.compile(rf"{_NUMBER}\s?$")
_WHOLE = re.compile(rf"{_NUMBER}\s?{_UNIT}[^\w]*")


def with_units(found: Sequence[Segment]) -> list[Segment]:
    """Segments in which a unit (他跑了5|km，) belongs to the language of its number, and a number with its unit
    (用时|20min。, 5km|を走った) to the language before it, at the beginning of a text to the one behind it.
    """
    result: list[Segment] = []
    if len(found) > 1 and _WHOLE.fullmatch(found[0].text):
        found = [replace(found[0], language=found[1].language), *found[1:]]
    for segment in found:
        before = result[-1] if result else None
        if before is None or before.language == segment.language:
            result[-1:] = [_one(before, segment)] if before else [segment]
            continue
        size = _size(before, segment) if segment.language == "en" else 0
        if size:
            result[-1] = _one(before, _part(segment, 0, size))
        if size < len(segment.text):
            result.append(_part(segment, size, len(segment.text)))
    return result


def _size(before: Segment, segment: Segment) -> int:
    """How many characters of an English segment belong to the one before it."""
    if match := _WHOLE.fullmatch(segment.text):
        return match.end()
    match = _AFTER_NUMBER.match(segment.text) if _ENDS_IN_NUMBER.search(before.text[-40:]) else None
    return match.end() if match else 0


def _part(segment: Segment, start: int, end: int) -> Segment:
    return Segment(segment.language, segment.text[start:end], segment.places[start:end])


def _one(first: Segment, second: Segment) -> Segment:
    return Segment(first.language, first.text + second.text, (*first.places, *second.places))
