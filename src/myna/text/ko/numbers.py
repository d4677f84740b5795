"""Korean number words: Sino-Korean (일, 이, 삼), native before a counter (한, 두, 세), and digit by digit."""

from __future__ import annotations

_DIGITS = "영일이삼사오육칠팔구"
_UNITS = ("", "십", "백", "천")
_SCALES = ("", "만", "억", "조", "경", "해", "자", "양", "구", "간", "정")
_MODIFIERS = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")

MAX_CARDINAL_DIGITS = 4 * len(_SCALES)


def digits(number: str, zero: str = "공") -> str:
    """``number`` digit by digit: 007 is 공공칠."""
    return "".join(zero if digit == "0" else _DIGITS[int(digit)] for digit in number)


def sino(number: str) -> str:
    """A whole number in Sino-Korean words; one longer than the largest scale is read digit by digit."""
    number = number.lstrip("0") or "0"
    if number == "0":
        return _DIGITS[0]
    if len(number) > MAX_CARDINAL_DIGITS:
        return digits(number, _DIGITS[0])
    result = ""
    for scale in range((len(number) - 1) // 4, -1, -1):
        group = number[-4 * scale - 4 : len(number) - 4 * scale]
        words = _below_ten_thousand(group)
        if words:
            is_bare_ten_thousand = words == "일" and scale == 1 and not result
            result += ("" if is_bare_ten_thousand else words) + _SCALES[scale]
    return result


def _below_ten_thousand(group: str) -> str:
    result = ""
    for place, digit in zip(range(len(group) - 1, -1, -1), group, strict=True):
        if digit != "0":
            result += ("" if digit == "1" and place else _DIGITS[int(digit)]) + _UNITS[place]
    return result


def native(number: str) -> str:
    """A whole number before a native counter: 3 is 세, 20 스무, 101 백한."""
    number = number.lstrip("0") or "0"
    if number == "0" or len(number) > MAX_CARDINAL_DIGITS:
        return sino(number)
    rest = int(number[-2:])
    head = sino(number[:-2] + "00") if number[:-2] else ""
    return head + ("스무" if rest == 20 else _TENS[rest // 10] + _MODIFIERS[rest % 10])


def decimal(number: str) -> str:
    """A number with or without a decimal point and thousands commas: 3.14 is 삼점일사."""
    whole, _, fraction = number.replace(",", "").partition(".")
    is_code = len(whole) > 1 and whole.startswith("0") and not fraction
    words = digits(whole) if is_code else sino(whole)
    return f"{words}점{digits(fraction, '영')}" if fraction else words
