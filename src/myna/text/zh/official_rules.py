"""How the official program's normaliser puts a Chinese text in words: its rules in its order, misreadings and all.

Facts of PaddleSpeech's text normalisation (Apache-2.0) as the published acoustic models were trained with it. Every
rule rewrites the whole sentence before the next one sees it; that is where most misreadings come from (5mm is 五米米
because the rule for m comes first).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from myna.text.symbols import PUNCTUATION
from myna.text.zh.lists import lines
from myna.text.zh.normalize import GREEK
from myna.text.zh.traced import Traced

_DIGITS = "零一二三四五六七八九"
_PLACES = {8: "亿", 4: "万", 3: "千", 2: "百", 1: "十"}
_OPERATORS = {"+": "加", "-": "减", "×": "乘", "÷": "除", "=": "等于"}
_MEASURES = (
    "cm2平方厘米 cm²平方厘米 cm3立方厘米 cm³立方厘米 cm厘米 db分贝 ds毫秒 kg千克 km千米 m2平方米 m²平方米 "
    "m³立方米 m3立方米 ml毫升 m米 mm毫米 s秒"
)
"""In the order in which they are replaced, wherever they stand."""
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ", "0123456789xyn", strict=True))
_UNSAID = "—《》【】<>{}()（）#&@“”^_|\\\\"
_SIGNS = {
    **GREEK,
    **dict(zip("①②③④⑤⑥⑦⑧⑨⑩", "一二三四五六七八九十", strict=True)),
    **dict(zip("/+-×÷=", "每加减乘除等", strict=True)),
}


def cardinal(value: str) -> str:
    """An integer in digits as a quantity, of any length."""
    said = _counted(value.lstrip("0"))
    return said.removeprefix("一") if said.startswith("一十") else said or _DIGITS[0]


def _counted(value: str) -> str:
    kept = value.lstrip("0")
    if len(kept) > 1:
        place = next(place for place in _PLACES if place < len(kept))
        return _counted(value[:-place]) + _PLACES[place] + _counted(value[-place:])
    zero = _DIGITS[0] if kept and len(kept) < len(value) else ""
    return zero + digits(kept)


def digits(value: str, one: str = "一") -> str:
    """Every digit by its name."""
    return "".join(one if digit == "1" else _DIGITS[int(digit)] for digit in value)


def number(value: str) -> str:
    """An integer or decimal, with a minus or not; of trailing zeros after the point one is said."""
    sign, value = ("负", value[1:]) if value.startswith("-") else ("", value)
    whole, _, fraction = value.partition(".")
    kept = fraction.rstrip("0")
    kept += "0" if kept != fraction else ""
    said = cardinal(whole) if whole else ""
    return sign + (f"{said or _DIGITS[0]}点{digits(kept)}" if kept else said)


def _date(match: re.Match[str]) -> str:
    month = cardinal(match["month"]) + "月" if match["month"] else ""
    return f"{digits(match['year'])}年{month}" + (cardinal(match["day"]) + match["end"] if match["day"] else "")


def _written_date(match: re.Match[str]) -> str:
    return f"{digits(match['year'])}年{cardinal(match['month'])}月{cardinal(match['day'])}日"


def _time(match: re.Match[str]) -> str:
    """A time, or two; whether the second is half past is looked up in the first."""
    is_half = match["minute"] == "30"
    said = _clock(match["hour"], match["minute"], match["second"], is_half=is_half)
    until = match.groupdict().get("until")
    return f"{said}至{_clock(until, match['minute2'], match['second2'], is_half=is_half)}" if until else said


def _clock(hour: str, minute: str, second: str | None, *, is_half: bool) -> str:
    minutes = "" if minute == "00" else "半" if is_half else _padded(minute) + "分"
    return number(hour) + "点" + minutes + (_padded(second) + "秒" if second and second != "00" else "")


def _padded(value: str) -> str:
    return (_DIGITS[0] if value.startswith("0") else "") + number(value.lstrip("0"))


def _temperature(match: re.Match[str]) -> str:
    """A temperature; 摄氏 is not said even where it is written."""
    return f"{'零下' if match[1] else ''}{number(match[2])}度"


def _fraction(match: re.Match[str]) -> str:
    return f"{'负' if match[1] else ''}{number(match[3])}分之{number(match[2])}"


def _percentage(match: re.Match[str]) -> str:
    return f"{'负' if match[1] else ''}百分之{number(match[2])}"


def _telephone(match: re.Match[str]) -> str:
    return "，".join(digits(part, one="幺") for part in re.split("[- ]", match[0].lstrip("+")))


def _calculated(match: re.Match[str]) -> str:
    return match[1] + _OPERATORS[match[2]] + match[3]


def _version(match: re.Match[str]) -> str:
    return "点".join(map(digits, match[0].split(".")))


def _counting(match: re.Match[str]) -> str:
    said = number(match["value"])
    more = (match["more"] or "").replace("+", "多")
    return ("两" if said == "二" else said) + more + match["unit"]


def _power(match: re.Match[str]) -> str:
    return "的" + "".join(_SUPERSCRIPTS[letter] for letter in match[0]) + "次方"


_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_SIGNED = rf"(?:-?{_NUMBER}|\.[0-9]+)"
_WHOLE = r"(?<![0-9])[0-9]++(?:\.[0-9]++)?"
"""A number before a unit: never a part of one, which saves trying all of them."""
_RAISED = f"[{''.join(_SUPERSCRIPTS)}]*"
_OPERAND = rf"(?:-?{_NUMBER}{_RAISED}|\.[0-9]+{_RAISED}|[A-Za-z]{_RAISED})"
_UNIT = r"(?:%|°C|℃|度|摄氏度|cm[23²³]?|d[bs]|k[gm]|m[23²³lm]?|s)"
_CLOCK = r"(?P<hour>[01]?[0-9]|2[0-3]):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?"
_UNTIL = r"(?P<until>[01]?[0-9]|2[0-3]):(?P<minute2>[0-5][0-9])(?::(?P<second2>[0-5][0-9]))?"
_YEAR = r"(?P<year>[0-9]{4}|[0-9]{2})年"

_LONGEST = 512
"""A sentence without any mark is put in words in parts: the time that the patterns take grows with its square."""
_DROPPED = re.compile(f"[ {_UNSAID}]")
_SENTENCE = re.compile(rf"[：、，；。？！,;?!][”’]?|\n+|[^：、，；。？！,;?!\n]{{{_LONGEST}}}")
_CALCULATION = re.compile(rf"({_OPERAND})([-+×÷=])({_OPERAND})")
_DATES_AND_TIMES = (
    (
        re.compile(rf"{_YEAR}(?:(?P<month>0?[1-9]|1[0-2])月)?(?:(?P<day>0?[1-9]|[12][0-9]|3[01])(?P<end>[日号]))?"),
        _date,
    ),
    (re.compile(r"(?P<year>[0-9]{4})([- /.])(?P<month>0[1-9]|1[0-2])\2(?P<day>0[1-9]|[12][0-9]|3[01])"), _written_date),
    (re.compile(f"{_CLOCK}[~-]{_UNTIL}"), _time),
    (re.compile(_CLOCK), _time),
    (re.compile(rf"(?:-?{_WHOLE}|\.[0-9]++){_UNIT}~{_SIGNED}{_UNIT}"), lambda match: match[0].replace("~", "至")),
    (re.compile(rf"(-?)({_WHOLE})(?:°C|℃|度|摄氏度)"), _temperature),
)
_NUMBERS = (
    (re.compile(f"[{''.join(_SUPERSCRIPTS)}]+"), _power),
    (re.compile(r"(-?)(?<![0-9])([0-9]++)/([0-9]+)"), _fraction),
    (re.compile(rf"(-?)({_WHOLE})%"), _percentage),
    (re.compile(r"(?<![0-9])(?:\+?86 ?)?1(?:[38][0-9]|5[0-35-9]|7[678]|9[89])[0-9]{8}(?![0-9])"), _telephone),
    (re.compile(r"(?<![0-9])(?:0(?:10|2[1-3]|[3-9][0-9]{2})-?)?[1-9][0-9]{6,7}(?![0-9])"), _telephone),
    (re.compile(r"400-?[0-9]{3}-?[0-9]{4}"), _telephone),
    (re.compile(rf"(?<![0-9+×÷=-])(-?{_NUMBER})[-~](-?{_NUMBER})(?![0-9+×÷=-])"),
     lambda match: f"{number(match[1])}到{number(match[2])}"),
    (re.compile("-[0-9]+"), lambda match: number(match[0])),
    (re.compile(r"(?<![0-9])[0-9]++(?:\.[0-9]+){2,}"), _version),
    (re.compile(r"-?(?<![0-9])[0-9]++\.[0-9]+|\.[0-9]+"), lambda match: number(match[0])),
)  # fmt: skip
_LEFT_OVER = (
    (re.compile("[0-9]{3,}"), lambda match: digits(match[0], one="幺")),
    (re.compile(_SIGNED), lambda match: number(match[0])),
    (re.compile(f"[{''.join(map(re.escape, _SIGNS))}]"), lambda match: _SIGNS[match[0]]),
    (re.compile(f"[-={_UNSAID}]"), lambda _: ""),
)


def _saying(words: str) -> Callable[[re.Match[str]], str]:
    return lambda _: words


_UNITS = tuple(
    (re.compile(unit), _saying(name)) for unit, name in (re.findall("[!-~²³]+|.+", pair) for pair in _MEASURES.split())
)


def letters_of(source: str, said_as: dict[str, str]) -> Traced:
    """``source`` in words: Chinese characters and the marks of `PUNCTUATION`, and nothing else.

    ``said_as``: what some marks are first replaced by.
    """
    marks = re.compile("|".join(map(re.escape, sorted(said_as, key=len, reverse=True))))
    text = Traced.of(source).rewritten(_DROPPED, lambda _: "").translated(_plain_letters())
    worded = (_worded(sentence).rewritten(marks, lambda match: said_as[match[0]]) for sentence in text.split(_SENTENCE))
    return Traced.joined(worded).filtered(lambda letter: letter in PUNCTUATION or "\u4e00" <= letter <= "\u9fa5")


def _worded(text: Traced) -> Traced:
    for pattern, say in (*_DATES_AND_TIMES, *_UNITS):
        text = text.rewritten(pattern, say)
    while (said := text.rewritten(_CALCULATION, _calculated)) is not text:
        text = said
    for pattern, say in (*_NUMBERS, (_quantity(), _counting), *_LEFT_OVER):
        text = text.rewritten(pattern, say)
    return text


@cache
def _quantity() -> re.Pattern[str]:
    units = "|".join(sorted(lines("official_quantifiers"), key=len, reverse=True))
    return re.compile(f"(?P<value>(?<![0-9])[0-9]++)(?P<more>[多余几+])?(?P<unit>{units})")


@cache
def _plain_letters() -> dict[int, str]:
    """Simplified characters for traditional ones, by a table and one by one; half-width letters and digits."""
    half = {ord(letter): chr(ord(letter) - 0xFEE0) for letter in _full_width()}
    return {ord(pair[0]): pair[1] for pair in lines("official_simplified")} | half | {0x3000: " "}


def _full_width() -> str:
    return "".join(chr(code) for first, last in ("０９", "ＡＺ", "ａｚ") for code in range(ord(first), ord(last) + 1))
