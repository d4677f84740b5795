"""English number words, as the official front end says them: no "and" in cardinals, commas between the thousands."""

from __future__ import annotations

_ONE_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TEN_NAMES = "zero ten twenty thirty forty fifty sixty seventy eighty ninety"
_SCALE_NAMES = (
    "thousand million billion trillion quadrillion quintillion sextillion septillion octillion nonillion decillion"
)
_ONES = _ONE_NAMES.split()
_TENS = _TEN_NAMES.split()
_SCALES = ("", *_SCALE_NAMES.split())
_ORDINAL_ONES = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
MAX_CARDINAL_DIGITS = 3 * len(_SCALES)
"""Longer numbers are read digit by digit."""


def digits(text: str) -> str:
    """Digit by digit: "007" -> "zero zero seven"."""
    return " ".join(_ONES[int(digit)] for digit in text)


def _below_hundred(number: int) -> str:
    if number < 20:
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


def _below_thousand(number: int, joint: str) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_hundred(rest)
    return f"{_ONES[hundreds]} hundred" + (f"{joint}{_below_hundred(rest)}" if rest else "")


def cardinal(number: int, joint: str = " ") -> str:
    """1234 -> "one thousand, two hundred thirty-four"; 1034 -> "one thousand thirty-four".

    ``joint`` stands before the tens and ones.

    Numbers of more than `MAX_CARDINAL_DIGITS` digits are read digit by digit.
    """
    if number < 0:
        return f"negative {cardinal(-number, joint)}"
    if len(str(number)) > MAX_CARDINAL_DIGITS:
        return digits(str(number))
    if number < 1000:
        return _below_thousand(number, joint)
    groups: list[str] = []
    thousands, rest = divmod(number, 1000)
    if 0 < rest < 100:
        return f"{cardinal(thousands * 1000, joint)}{joint}{_below_hundred(rest)}"
    for scale in _SCALES:
        number, group = divmod(number, 1000)
        if group:
            groups.append(f"{_below_thousand(group, joint)} {scale}".strip())
        if not number:
            break
    return ", ".join(reversed(groups))


def ordinal(number: int) -> str:
    """101 -> "one hundred and first"; 1066 -> "one thousand and sixty-sixth"."""
    words = cardinal(number, joint=" and ")
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    return words[:cut] + _ordinal_word(words[cut:])


def _ordinal_word(word: str) -> str:
    if word in _ORDINAL_ONES:
        return _ORDINAL_ONES[word]
    return f"{word[:-1]}ieth" if word.endswith("y") else f"{word}th"


def year(number: int) -> str:
    """1945 -> "nineteen forty-five", 1905 -> "nineteen oh five", 1600 -> "sixteen hundred"; others as cardinals."""
    century, rest = divmod(number, 100)
    if not 1000 < number < 3000:
        return cardinal(number)
    if 2000 <= number < 2010:
        return f"two thousand {_ONES[rest] if rest else ''}".rstrip()
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{_below_hundred(rest)}"


def integer(text: str) -> str:
    """A run of digits as a person reads it without knowing what it counts: years in year style, 007 digit by digit."""
    if len(text) > 1 and text[0] == "0":
        return digits(text)
    return year(int(text)) if len(text) <= MAX_CARDINAL_DIGITS else digits(text)


def decimal(whole: str, fraction: str) -> str:
    """Three, 14 -> "three point one four"; an empty whole part reads "zero"."""
    spoken = cardinal(int(whole or "0")) if len(whole) <= MAX_CARDINAL_DIGITS else digits(whole)
    return f"{spoken} point {digits(fraction)}"


def plural(word: str) -> str:
    """The plural of a number word or unit: "twenty" -> "twenties", "sixth" -> "sixths"."""
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"
