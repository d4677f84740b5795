"""A written English text in words as the official program has them.

Facts about that program, in its order: each step sees what the ones before it made, and that is where its misreadings
come from (the "s" of 1980s is a second, "km/h" ends at its slash). Where it fails on a number we read on.
"""

from __future__ import annotations

import re
import unicodedata
from functools import partial

from myna.text.en.numbers import MAX_CARDINAL_DIGITS, cardinal, digits, ordinal, year

_UNITS = {
    "m": ("meter", "meters"), "km": ("kilometer", "kilometers"), "ft": ("feet", "feet"), "L": ("liter", "liters"),
    "tbsp": ("tablespoon", "tablespoons"), "tsp": ("teaspoon", "teaspoons"), "h": ("hour", "hours"),
    "min": ("minute", "minutes"), "s": ("second", "seconds"), "°C": ("degree celsius", "degrees celsius"),
    "°F": ("degree fahrenheit", "degrees fahrenheit"),
}  # fmt: skip
_SIGNS = {"+": "plus", "-": "minus", "×": "times", "÷": "divided by", "=": "Equals"}
_POWERS = "[⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ]*"
_OPERAND = rf"(?:-?\d+(?:\.\d+)?{_POWERS}|\.\d+{_POWERS}|[A-Za-z]{_POWERS})"

_ITEM = re.compile(r"\b([0-9]+)\. ")
_CALCULATION = re.compile(rf"({_OPERAND})\s+([-+×÷=])\s+({_OPERAND})")
_NEGATIVE = re.compile(r"(?:^|\s+)-(\d+)")
_WITH_COMMAS = re.compile("[0-9][0-9,]+[0-9]")
_CLOCK = re.compile(r"\b([01]?[0-9]|2[0-3]):([0-5][0-9])\b")
_MEASURE = re.compile(rf"\b([0-9]+)(\.[0-9]+)?({'|'.join(_UNITS)})\b")
_POUND, _DOLLAR = ("pound", "pounds", "penny", "pence"), ("dollar", "dollars", "cent", "cents")
_MONEY = (
    (re.compile("£([0-9.,]*[0-9])"), _POUND),
    (re.compile("([0-9.,]*[0-9])£"), _POUND),
    (re.compile(r"\$([0-9.,]*[0-9])"), _DOLLAR),
    (re.compile(r"([(0-9.,]*[0-9])\$"), _DOLLAR),
)
_DECIMAL = re.compile(r"([0-9]+)\.(\s*[0-9]+)")
_FRACTION = re.compile("([0-9]+)/([0-9]+)")
_ORDINAL = re.compile("([0-9]+)(?:st|nd|rd|th)")
_NUMBER = re.compile("[0-9]+")
_UNSPOKEN = re.compile(r"[^ A-Za-z'.,?!-]")
_INNER_CAPITAL = re.compile(r"(?<!^)(?<!\s)([A-Z])")
_MARK_AFTER_MARK = re.compile(r"([\s!?…,.-])[!?…,.-]+")
_NOON = 12


def verbalize(text: str) -> str:
    """``text`` in words: letters, spaces and ``' . , ? ! -``."""
    for mark, plain in zip("。！？", ".!?", strict=True):
        text = text.replace(mark, plain)
    text = _ITEM.sub(lambda match: f"{_ordinal_sign(match[1])}, ", text)
    while _CALCULATION.search(text):
        text = _CALCULATION.sub(lambda match: f"{match[1]} {_SIGNS[match[2]]} {match[3]}", text)
    text = _NEGATIVE.sub(r"negative \1", text)
    text = _WITH_COMMAS.sub(lambda match: match[0].replace(",", ""), text)
    text = _CLOCK.sub(_clock, text)
    text = _MEASURE.sub(_measure, text)
    for pattern, names in _MONEY:
        text = pattern.sub(partial(_money, names=names), text)
    text = _DECIMAL.sub(lambda match: f"{match[1]} point {' '.join(match[2])}", text)
    text = _FRACTION.sub(_fraction, text)
    text = _ORDINAL.sub(lambda match: _ordinal(match[1]), text)
    text = _NUMBER.sub(lambda match: _number(match[0]), text)
    text = "".join(sign for sign in unicodedata.normalize("NFD", text) if unicodedata.category(sign) != "Mn")
    text = _UNSPOKEN.sub("", text.replace("%", " percent"))
    text = re.sub(r"(?i)i\.e\.", "that is", text)
    text = re.sub(r"(?i)e\.g\.", "for example", text)
    return _MARK_AFTER_MARK.sub(r"\1", _INNER_CAPITAL.sub(r" \1", text))


def _is_speakable(number: str) -> bool:
    return len(number.lstrip("0")) <= MAX_CARDINAL_DIGITS


def _number(number: str) -> str:
    return year(int(number)) if _is_speakable(number) else digits(number)


def _ordinal(number: str) -> str:
    return ordinal(int(number)) if _is_speakable(number) else digits(number)


def _ordinal_sign(number: str) -> str:
    is_teen = number[-2:-1] == "1"
    return number + ("th" if is_teen else {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th"))


def _clock(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    half = "a.m." if hour < _NOON else "p.m."
    minutes = cardinal(minute) if minute else "o'clock"
    return f"{cardinal(hour - _NOON if hour > _NOON else hour)} {minutes} {half}"


def _measure(match: re.Match[str]) -> str:
    number, fraction, unit = match.groups()
    is_one = not fraction and _is_speakable(number) and int(number) == 1
    return f"{number}{fraction or ''} {_UNITS[unit][0 if is_one else 1]}"


def _money(match: re.Match[str], names: tuple[str, str, str, str]) -> str:
    amount, (one, many, small_one, small_many) = match[1], names
    whole, *parts = re.sub("[(,]", "", amount).split(".")
    if len(parts) > 1:
        return f"{amount} {many}"
    units = whole.lstrip("0")
    cents = parts[0].ljust(2, "0").lstrip("0") if parts else ""
    said = [f"{units} {one if units == '1' else many}"] if units else []
    said += [f"{cents} {small_one if cents == '1' else small_many}"] if cents else []
    return " and ".join(said) or f"zero {many}"


def _fraction(match: re.Match[str]) -> str:
    numerator, denominator = match.groups()
    if not (_is_speakable(numerator) and _is_speakable(denominator)):
        return f"{_number(numerator)} {_number(denominator)}"
    words = cardinal(int(numerator), joint=" and ")
    if int(denominator) == 1:
        return words
    if int(denominator) == 2:
        return f"{words} {'half' if int(numerator) == 1 else 'halves'}"
    return f"{words} {ordinal(int(denominator))}{'s' if int(numerator) > 1 else ''}"
