"""English number words, as the official front end says them: no "and" in cardinals, commas between the thousands."""

from __future__ import annotations

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = (
    "",
    *"thousand million billion trillion quadrillion quintillion sextillion septillion octillion nonillion".split(),
    "decillion",
)
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
    """1234 -> "one thousand, two hundred thirty-four"; ``joint`` stands between hundreds and tens.

    Numbers of more than `MAX_CARDINAL_DIGITS` digits are read digit by digit.
    """
    if number < 0:
        return f"negative {cardinal(-number, joint)}"
    if len(str(number)) > MAX_CARDINAL_DIGITS:
        return digits(str(number))
    if number < 1000:
        return _below_thousand(number, joint)
    groups: list[str] = []
    for scale in _SCALES:
        number, group = divmod(number, 1000)
        if group:
            groups.append(f"{_below_thousand(group, joint)} {scale}".strip())
        if not number:
            break
    return ", ".join(reversed(groups))


def ordinal(number: int) -> str:
    """101 -> "one hundred and first"; 1066 -> "one thousand and sixty-sixth"."""
    thousands, rest = divmod(number, 1000)
    if thousands and 0 < rest < 100:
        return f"{cardinal(thousands * 1000)} and {ordinal(rest)}"
    words = cardinal(number, joint=" and ")
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    return words[:cut] + _ordinal_word(words[cut:])


def _ordinal_word(word: str) -> str:
    if word in _ORDINAL_ONES:
        return _ORDINAL_ONES[word]
    return f"{word[:-1]}ieth" if word.endswith("y") else f"{word}th"


def year(number: int) -> str:
    """1945 -> "nineteen forty-five", 2000 -> "two thousand", 1905 -> "nineteen oh-five" without the dash."""
    century, rest = divmod(number, 100)
    if not 1000 < number < 3000 or (2000 <= number < 2010):
        return cardinal(number)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{_below_hundred(rest)}"


def integer(text: str) -> str:
    """A run of digits as a person reads it without knowing what it counts: years in year style, 007 digit by digit."""
    if len(text) > 1 and text[0] == "0":
        return digits(text)
    return year(int(text)) if len(text) <= MAX_CARDINAL_DIGITS else digits(text)


def decimal(whole: str, fraction: str) -> str:
    """"3", "14" -> "three point one four"; an empty whole part reads "zero"."""
    return f"{cardinal(int(whole or '0')) if len(whole) <= MAX_CARDINAL_DIGITS else digits(whole)} point {digits(fraction)}"


def plural(word: str) -> str:
    """The plural of a number word or unit: "twenty" -> "twenties", "sixth" -> "sixths"."""
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"
