"""A Chinese text as it is read out: numbers, units and signs in characters, simplified, without what has no sound."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from myna.text.zh.fold import fold
from myna.text.zh.rules import RULES

_LETTERS = (
    "α阿尔法 β贝塔 γ伽玛 Γ伽玛 δ德尔塔 Δ德尔塔 ε艾普西龙 ζ捷塔 η依塔 θ西塔 Θ西塔 ι艾欧塔 κ喀帕 λ拉姆达 Λ拉姆达 "
    "μ缪 ν拗 ξ克西 Ξ克西 ο欧米克伦 π派 Π派 ρ肉 ς西格玛 Σ西格玛 σ西格玛 τ套 υ宇普西龙 φ服艾 Φ服艾 "
    "χ器 ψ普赛 Ψ普赛 ω欧米伽 Ω欧米伽"
)
GREEK = {pair[0]: pair[1:] for pair in _LETTERS.split()}
"""Greek letters by their names."""
_SIGNS = {
    **GREEK,
    **dict.fromkeys("—《》【】<>{}()#&@“”_|\\ \n‰%", ""),
    "+": "加", "×": "乘", "÷": "除以", "=": "等于", "≈": "约等于", "≠": "不等于", "≤": "小于等于", "≥": "大于等于",
    "√": "根号", "∞": "无穷大", "℃": "摄氏度", "℉": "华氏度",
}  # fmt: skip
_START = re.compile(r"[0-9A-Za-z+\-.±×÷=￥$€£₩฿₽⁰¹²³⁴-⁹⁻/<>]")
"""Characters at which a rule may begin."""
_PER = re.compile(
    r"/(?=吨|人|天|日|年|月|周|小时|公里|千米|米|公斤|千克|斤|个|次|秒|分|平|立方|升|克|张|件|位|台|套|辆|盒|瓶|kg|h|s|m)"
)
_WORD = re.compile("[A-Za-z]+")


@dataclass(frozen=True)
class Spoken:
    """``text`` is what is said; ``spans[i]`` the (start, end) of the characters of the source that ``text[i]`` says."""

    text: str
    spans: list[tuple[int, int]]


def normalize(text: str) -> str:
    """``text`` as it is read out. Marks stay as they are written (half-width), and so do letters of other scripts."""
    return spoken(text).text


def spoken(source: str) -> Spoken:
    """``source`` as it is read out, with where each character comes from."""
    folded = fold(source)
    text, origin = folded.text, folded.origin
    said: list[str] = []
    spans: list[tuple[int, int]] = []
    place = 0
    while place < len(text):
        words, end = _read_at(text, place)
        span = (origin[place], origin[end - 1] + 1)
        said.append(words)
        spans.extend([span] * len(words))
        place = end
    return Spoken("".join(said), spans)


def _read_at(text: str, place: int) -> tuple[str, int]:
    """What is said for the stretch of ``text`` that begins at ``place``, and where it ends."""
    letter = text[place]
    if "\u4e00" <= letter <= "\u9fff":
        return letter, place + 1
    if _START.match(letter):
        for pattern, say in RULES:
            match = pattern.match(text, place)
            words = say(match) if match else None
            if match and words is not None:
                return words, match.end()
        word = _WORD.match(text, place)
        if word:
            return word[0], word.end()
    return _sign(text, place), place + 1


def _sign(text: str, place: int) -> str:
    """A single character that is no part of a number."""
    letter = text[place]
    if letter in _SIGNS:
        return _compared(text, place) or _SIGNS[letter]
    if letter == "/":
        return "每" if _PER.match(text, place) else "，"
    if letter == "-":
        around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
        return "" if not around or re.search("[!-~]", around) else "，"
    if letter == "$":
        return ""
    if unicodedata.category(letter) in ("No", "Nl"):
        return _enclosed(letter)
    return letter


def _compared(text: str, place: int) -> str:
    """< and > between numbers."""
    is_between = re.match(r"\w[<>]\w", text[max(0, place - 1) : place + 2])
    return {"<": "小于", ">": "大于"}.get(text[place], "") if is_between else ""


def _enclosed(letter: str) -> str:
    """A number in one character: ①, Ⅲ, ½."""
    plain = unicodedata.normalize("NFKC", letter).replace("⁄", "/").strip("().")
    if plain == letter or not plain.isascii():
        return plain if plain != letter else ""
    value = unicodedata.numeric(letter)
    if "/" in plain:
        return spoken(plain).text
    return spoken(str(int(value))).text if value == int(value) else ""
