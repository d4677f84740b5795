"""Numbers in digits as Chinese characters."""

from __future__ import annotations

_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")
MAX_CARDINAL_DIGITS = 16
"""Longer integers are read digit by digit."""


def digits(text: str, one: str = "一") -> str:
    """Every digit by its name, with ``one`` for 1 (幺 in telephone numbers); other characters are left out."""
    return "".join(one if letter == "1" else _DIGITS[int(letter)] for letter in text if letter in "0123456789")


def cardinal(text: str) -> str:
    """A non-negative integer in digits, as a quantity: 10500 is 一万零五百, 12 is 十二."""
    value = text.lstrip("0")
    if not value:
        return _DIGITS[0]
    if len(value) > MAX_CARDINAL_DIGITS:
        return digits(value)
    groups = [value[max(0, end - 4) : end] for end in range(len(value), 0, -4)]
    spoken = ""
    for place in reversed(range(len(groups))):
        group = _group(groups[place])
        if not group:
            continue
        has_gap = groups[place].startswith("0") or (place + 1 < len(groups) and int(groups[place + 1]) == 0)
        spoken += ("零" if spoken and has_gap else "") + group + _scale(place, groups)
    return spoken.removeprefix("一") if spoken.startswith("一十") else spoken


def _group(text: str) -> str:
    spoken = ""
    for place, letter in zip(reversed(range(len(text))), text, strict=True):
        if letter != "0":
            has_gap = text[: len(text) - 1 - place].endswith("0")
            spoken += ("零" if spoken and has_gap else "") + _DIGITS[int(letter)] + _PLACES[place]
    return spoken


def _scale(place: int, groups: list[str]) -> str:
    """The name of a group of four; 亿 of 万亿 is said once, with the group of 亿 where that is not empty."""
    if place == 3 and int(groups[2]):
        return "万"
    return _GROUPS[place]


def number(text: str) -> str:
    """An integer or decimal in digits, with thousands commas or not: 1,299.50 is 一千二百九十九点五零.

    Of trailing zeros after the point one is said. Integers with a leading zero (007) are read digit by digit.
    """
    whole, point, fraction = text.replace(",", "").partition(".")
    if not point:
        return digits(whole) if len(whole) > 1 and whole.startswith("0") else cardinal(whole)
    kept = fraction.rstrip("0")
    if kept != fraction:
        kept += "0"
    return f"{cardinal(whole or '0')}点{digits(kept)}" if kept else cardinal(whole or "0")
