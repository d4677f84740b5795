"""A text before it is read: one kind of digit, letter and sign, simplified characters, and where each came from."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

import opencc

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) != "，"}
_SAME_MEANING = {
    ord(letter): same
    for same, letters in {
        " ": "\u00a0\u2002\u2003\u2009\u202f\u3000\t\r",
        "-": "‐‑‒–−﹣",
        "~": "〜∼∿",
        "￥": "¥￥",
        "…": "⋯",
        "零": "〇",
        "·": "•‧・",
        ".": "｡",
    }.items()
    for letter in letters
}
_ONE_TO_ONE = _FULL_WIDTH | _SAME_MEANING
_SURROGATE = re.compile("[\ud800-\udfff]")
_PARTICLE = re.compile("(?<![名原专遗土显巨编译论合拙卓昭])著(?![名作者述称录书])")
"""In Taiwan 着 is written 著 too (看著); elsewhere 著 is in these words only."""
_WORDLIKE = re.compile(r"[A-Za-z0-9.,:]")


@dataclass(frozen=True)
class Folded:
    """``text[i]`` was made of ``source[origin[i]]``; ``len(origin) == len(text)``."""

    text: str
    origin: list[int]


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def simplify(text: str) -> str:
    """Traditional characters to simplified ones, as many as before; others stay."""
    safe = _SURROGATE.sub(" ", text)
    converted: str = _converter().convert(safe)
    if len(converted) != len(safe):
        converted = "".join(_simplified(letter) for letter in safe)
    if converted == safe:
        return safe
    kept = (new if _is_common(new) or not _is_common(old) else old for old, new in zip(safe, converted, strict=True))
    return _PARTICLE.sub("着", "".join(kept))


def _is_common(letter: str) -> bool:
    """Not one of the simplified characters that hardly any font or model has, as 𪟝 for 勣."""
    return not ("\u3400" <= letter <= "\u4dbf" or letter >= "\U00020000")


def _simplified(letter: str) -> str:
    converted: str = _converter().convert(letter)
    return converted if len(converted) == 1 else letter


def fold(source: str) -> Folded:
    """``source`` with half-width digits, letters and signs, simplified characters, and only those spaces that stand
    between two Latin words or numbers.
    """
    text = simplify("".join(_compatible(letter) for letter in source.translate(_ONE_TO_ONE)))
    kept = [place for place, letter in enumerate(text) if letter != " "]
    spaced: list[int] = []
    for index, place in enumerate(kept):
        previous = kept[index - 1] if index else -1
        if place - previous > 1 and index and _WORDLIKE.match(text[previous]) and _WORDLIKE.match(text[place]):
            spaced.append(place - 1)
        spaced.append(place)
    return Folded("".join(text[place] for place in spaced), spaced)


def _compatible(letter: str) -> str:
    """The Han character that a compatibility ideograph (U+F900..U+FAFF, U+2F800..U+2FA1F) stands for."""
    if "\uf900" <= letter <= "\ufaff" or "\U0002f800" <= letter <= "\U0002fa1f":
        return unicodedata.normalize("NFKC", letter)
    return letter
