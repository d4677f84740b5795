"""A written Korean text as pieces that can be said: numbers, signs, Latin words and lone letters become Hangul."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from myna.text.ko.latin import known_word, latin_word
from myna.text.ko.letters import said_letters
from myna.text.ko.morphemes import Morpheme
from myna.text.ko.numbers import decimal, digits, sino
from myna.text.ko.quantities import (
    CURRENCIES,
    LARGE,
    SPEEDS,
    clock,
    counted,
    counters,
    date,
    dial,
    is_date,
    speed,
    units,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Words in Hangul (or one mark) that stand for ``start`` to ``end`` of the written text."""

    words: str
    start: int
    end: int


_Say = Callable[["_Reader", re.Match[str]], "str | None"]

_NUM = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_NO_LATIN = r"(?<![A-Za-z0-9.])"
_LATER = r"(?![A-Za-z])"
_UNIT = "|".join(re.escape(unit) for unit in sorted(units(), key=len, reverse=True))
_SPEED = "|".join(re.escape(unit) for unit in SPEEDS)
_COINS = "".join(map(re.escape, CURRENCIES))
_SCALE = "|".join(sorted(LARGE, key=len, reverse=True))
_SIGN_WORDS = {"+": "플러스", "-": "마이너스", "±": "플러스마이너스"}
_OPERATORS = {"+": "더하기", "×": "곱하기", "*": "곱하기", "÷": "나누기", "-": "빼기", "/": "나누기"}
_ADDRESS_MARKS = {
    ".": "점", "@": "골뱅이", "/": "슬래시", ":": "콜론", "-": "하이픈", "_": "언더바", "?": "물음표", "=": "이퀄",
    "&": "앰퍼샌드", "#": "샵", "%": "퍼센트", "+": "플러스", "~": "물결",
}  # fmt: skip
_SIGNS = {
    "%": "퍼센트", "&": "앤", "@": "골뱅이", "#": "샵", "+": "플러스", "=": "는", "×": "곱하기", "÷": "나누기",
    "±": "플러스마이너스", "°C": "도", "°": "도", "$": "달러", "₩": "원", "€": "유로", "£": "파운드", "¥": "엔",
    "√": "루트", "∞": "무한대", "≠": "같지 않음", "≤": "이하", "≥": "이상", "→": "", "²": "제곱", "³": "세제곱",
}  # fmt: skip


class _Reader:
    """Says one text; knows the morphemes around a place."""

    def __init__(self, text: str, morphemes: list[Morpheme]) -> None:
        self.text = text
        self._morphemes = morphemes
        self._starts = [morpheme.start for morpheme in morphemes]

    def counter(self, place: int) -> str:
        """The counter that stands at ``place`` or one space after it; "" for any other word."""
        place += self.text[place : place + 1] == " "
        index = bisect_left(self._starts, place)
        if index == len(self._starts) or self._starts[index] != place:
            return self._longest(place)
        end = self._morphemes[index].end
        word = self.text[place:end]
        if word == "번" and self.text[end : end + 1] == "째":
            return "번째"
        return word if word in counters() or word == "월" else ""

    def _longest(self, place: int) -> str:
        """Where the analyser took number and counter together: the longest known counter that a word ends with."""
        match = re.compile("[가-힣]{1,3}(?![가-힣])").match(self.text, place)
        return match[0] if match and (match[0] in counters() or match[0] == "월") else ""

    def before(self, place: int) -> str:
        """The word before ``place``."""
        return self.text[max(0, place - 12) : place].rstrip().rpartition(" ")[2]

    def after(self, place: int) -> str:
        """The word after the counter at ``place``."""
        tail = self.text[place : place + 16].lstrip()
        return tail.partition(" ")[2]

    def number(self, number: str, start: int, end: int) -> str:
        """A number at ``start`` to ``end`` as the word after it wants it."""
        counter = self.counter(end)
        return counted(number, counter, self.before(start), self.after(end)) if counter else decimal(number)


def _address(_reader: _Reader, match: re.Match[str]) -> str:
    parts = re.findall(r"[A-Za-z]+|\d+|.", re.sub("^https?://", "", match[0]))
    words = (digits(part) if part.isdigit() else _ADDRESS_MARKS.get(part) or latin_word(part) for part in parts)
    return " ".join(words)


def _date(_reader: _Reader, match: re.Match[str]) -> str | None:
    return date(match["y"], match["m"], match["d"]) if is_date(match["m"], match["d"]) else None


def _clock(_reader: _Reader, match: re.Match[str]) -> str | None:
    is_time = int(match["h"]) <= 24 and int(match["min"]) < 60 and int(match["s"] or 0) < 60
    return clock(match["h"], match["min"], match["s"]) if is_time else None


def _anniversary(_reader: _Reader, match: re.Match[str]) -> str:
    first, second = match["a"], match["b"]
    return sino(first) + (sino(second) if first == second else digits(second, "영"))


def _range(reader: _Reader, match: re.Match[str]) -> str | None:
    first, second, counter = match["a"], match["b"], match["c"] or ""
    is_falling = match["sign"] == "-" and _value(first) >= _value(second)
    following = match["unit"] or counter or reader.counter(match.end())
    if is_falling:
        return None if following else f"{decimal(first)} 대 {decimal(second)}"
    last = f"{decimal(second)}{units()[match['unit']]}" if match["unit"] else reader.number(second, *match.span("b"))
    if not counter and following in counters() and last != decimal(second):
        counter = following
    return f"{counted(first, counter)}{counter}에서 {last}" if counter else f"{decimal(first)}에서 {last}"


def _value(number: str) -> float:
    return float(number.replace(",", "")[:30])


def _fraction(_reader: _Reader, match: re.Match[str]) -> str:
    whole = f"{sino(match['whole'])}과 " if match["whole"] else ""
    return f"{whole}{sino(match['b'])}분의 {sino(match['a'])}"


def _money(_reader: _Reader, match: re.Match[str]) -> str:
    number = match["n"] or match["n2"]
    coin = match["coin"] or match["coin2"]
    return f"{decimal(number)}{match['scale'] or ''}{CURRENCIES[coin]}"


def _measure(reader: _Reader, match: re.Match[str]) -> str:
    sign = match["neg"]
    is_cold = sign == "-" and match["unit"].startswith("°")
    is_told = is_cold and reader.before(match.start()) == "영하"
    head = "" if is_told else "영하 " if is_cold else f"{_SIGN_WORDS[sign]} " if sign else ""
    name = "화씨 " if match["unit"] == "°F" else ""
    return f"{name}{head}{decimal(match['n'])}{units()[match['unit']]}"


def _signed(reader: _Reader, match: re.Match[str]) -> str:
    is_cold = match["sign"] == "-" and re.match(r"\s?도(?![가-힣]{2})", reader.text[match.end() : match.end() + 5])
    if is_cold and reader.before(match.start()) == "영하":
        return decimal(match["n"])
    word = "영하" if is_cold else _SIGN_WORDS[match["sign"]]
    return f"{word} {decimal(match['n'])}"


def _operator(reader: _Reader, match: re.Match[str]) -> str:
    if match["op"] == "=":
        ends_open = reader.text[: match.start()].rstrip()[-1:] in tuple("2459")
        return "는 " if ends_open else "은 "
    return f" {_OPERATORS[match['op']]} "


def _power(_reader: _Reader, match: re.Match[str]) -> str:
    base = decimal(match["n"]) if match["n"][0].isdigit() else latin_word(match["n"])
    return f"{base}의 {sino(match['b'])}제곱"


_RULES: tuple[tuple[str, _Say], ...] = (
    (r"(?<![A-Za-z0-9.])(?:[A-Za-z]+\d+[A-Za-z]?|\d[A-Za-z])(?![A-Za-z0-9])", lambda _, m: known_word(m[0])),
    (r"(?:https?://|www\.)[A-Za-z0-9\-._~:/?#@!&+=%]{1,200}[A-Za-z0-9/]", _address),
    (r"(?<![A-Za-z0-9])[A-Za-z0-9._+\-]{1,64}@[A-Za-z0-9\-]{1,64}(?:\.[A-Za-z]{2,})+", _address),
    (
        rf"{_NO_LATIN}[A-Za-z][A-Za-z0-9\-]{{0,60}}(?:\.[A-Za-z0-9\-]{{1,60}}){{0,4}}\.[A-Za-z]{{2,6}}(?![A-Za-z0-9])",
        _address,
    ),
    (r"'(?P<y>\d{2})(?P<sep>[-./])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})(?!\d)", _date),
    (r"(?P<y>(?<!\d)[12]\d{3})(?P<sep>[-./])\s?(?P<m>\d{1,2})(?P=sep)\s?(?P<d>\d{1,2})(?!\d)", _date),
    (r"(?<![\d:])(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2}))?(?![\d:])", _clock),
    (
        r"(?<!\d)(?:\+\d{1,3}[- ])?(?:\(?0\d{1,2}\)\s?|0\d{1,2}[- ]|\d{2,4}-)\d{3,4}[- ]\d{4}(?!\d)",
        lambda _, m: dial(m[0]),
    ),
    (r"(?<!\d)1[568]\d{2}-\d{4}(?!\d)|(?<!\d)\d{6}-\d{7}(?!\d)", lambda _, m: dial(m[0])),
    (r"(?<![\d.])(?P<a>\d{1,2})·(?P<b>\d{1,2})(?![\d.])", _anniversary),
    (r"\d{1,9}(?:\.\d{1,9}){2,}", lambda _, m: "점".join(map(sino, m[0].split(".")))),
    (r"(?P<whole>\d{1,4})? ?(?<![\d./])(?P<a>\d{1,12})\s?[/⁄]\s?(?P<b>\d{1,12})(?![\d/.])", _fraction),
    (
        rf"(?<![\d.\-])(?P<a>{_NUM})(?:(?P<c>[가-힣]{{1,2}})|\s?(?:{_UNIT}))?\s?(?P<sign>[~-])\s?"
        rf"(?P<b>{_NUM})(?(c)(?=(?P=c)))(?:(?P<unit>{_UNIT}){_LATER})?(?![\d\-]|\s*=)",
        _range,
    ),
    (r"(?<=[\d시분초일월년])\s?~\s?(?=\d)|(?<=:\d\d)-(?=\d{1,2}:\d)", lambda _reader, _match: "에서 "),
    (r"(?<![\d:])(?P<a>\d{1,6})\s?:\s?(?P<b>\d{1,6})(?![\d:])", lambda _, m: f"{sino(m['a'])} 대 {sino(m['b'])}"),
    (
        rf"(?P<coin>[{_COINS}])\s?(?P<n>{_NUM})(?P<scale>{_SCALE})?|(?P<n2>{_NUM})\s?(?P<coin2>[{_COINS}])",
        _money,
    ),
    (rf"(?P<n>{_NUM})\s?(?P<unit>{_SPEED}){_LATER}", lambda _, m: speed(m["n"], m["unit"])),
    (rf"(?P<neg>(?<![\w)])[-±+])?(?P<n>{_NUM})\s?(?P<unit>{_UNIT}){_LATER}", _measure),
    (r"(?<=[\d)²³])\s?(?P<op>[+×÷=*/-])\s?(?=[\d(-])", _operator),
    (rf"(?P<n>(?<!\d){_NUM}|(?<![A-Za-z])[A-Za-z])\^(?P<b>\d{{1,12}})(?!\d)", _power),
    (rf"(?<![\w)])(?P<sign>[-+±])(?P<n>{_NUM})", _signed),
    (rf"(?P<n>{_NUM})", lambda reader, m: reader.number(m["n"], m.start(), m.end())),
    (r"\(주\)", lambda _reader, _match: "주식회사 "),
    (r"[A-Za-z]+(?:['\-][A-Za-z]+)*", lambda _, m: latin_word(m[0])),
    (r"[ㄱ-ㅎ]+", lambda _, m: said_letters(m[0])),
    (r"°C|[%&@#+=×÷±°$₩€£¥√∞≠≤≥→²³]", lambda _, m: _SIGNS[m[0]]),
)

_COMPILED = tuple((re.compile(pattern), say) for pattern, say in _RULES)
_INTERESTING = re.compile(r"[^가-힣 ,.!?\n…]")


def verbalize(text: str, morphemes: list[Morpheme]) -> list[Piece]:
    """``text`` as pieces in order; what is neither read nor a mark is passed through, a character a piece."""
    reader = _Reader(text, morphemes)
    pieces: list[Piece] = []
    place = 0
    while place < len(text):
        found = _INTERESTING.search(text, place)
        plain_end = found.start() if found else len(text)
        pieces.extend(Piece(text[index], index, index + 1) for index in range(place, plain_end))
        place = plain_end
        if found:
            piece = _said(reader, place) or Piece(text[place], place, place + 1)
            pieces.append(piece)
            place = piece.end
    return pieces


def _said(reader: _Reader, place: int) -> Piece | None:
    for pattern, say in _COMPILED:
        match = pattern.match(reader.text, place)
        words = say(reader, match) if match and match.end() > place else None
        if match and words is not None:
            return Piece(words, place, match.end())
    return None
