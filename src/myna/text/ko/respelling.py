"""Words whose sound the spelling does not tell, respelled as they are said: 물약 is 물략, 할걸 할껄, 문법 문뻡.

data/respelled.txt is derived from the word list of g2pk2 (see recipes/text/build_korean.py), data/hardened.txt is ours:
words of the standard dictionary whose second part is said tense.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_SIX = re.compile("(?<=[십백천만억])육")
_POINT = re.compile("점(?=[영일이삼사오육칠팔구])")
_AFTER_ENDING = {
    "걸": "껄", "밖에": "빠께", "세라": "쎄라", "수록": "쑤록", "지라도": "찌라도", "지언정": "찌언정", "진대": "찐대",
}  # fmt: skip
_ALWAYS_ENDINGS = ("수록", "지라도", "지언정")
_ENDING = re.compile("|".join(_AFTER_ENDING))
_CODAS_PER_VOWEL = 28
_RIEUL = 8


@dataclass(frozen=True, slots=True)
class Word:
    """A stretch of the spoken text that is one morpheme, with its tags."""

    start: int
    end: int
    tags: tuple[str, ...]


@cache
def _respelled() -> dict[str, str]:
    folder = files(__package__)
    names = ("data/respelled.txt", "data/hardened.txt")
    lines = [line for name in names for line in folder.joinpath(name).read_text(encoding="utf-8").splitlines()]
    return dict(line.split("\t") for line in lines if line and not line.startswith("#"))


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile("|".join(sorted(_respelled(), key=len, reverse=True)))


def number_sound(words: str) -> str:
    """Number words as said: 십육 is 십뉵 (said 심뉵), the 점 of decimals 쩜."""
    return _POINT.sub("쩜", _SIX.sub("뉵", words))


def respelled(spoken: str, words: Sequence[Word]) -> str:
    """``spoken`` with such words as they are said; its length stays."""
    letters = list(spoken)
    owners: list[Word | None] = [None] * len(spoken)
    for word in words:
        owners[word.start : word.end] = [word] * (word.end - word.start)
    for match in _pattern().finditer(spoken):
        if _is_whole(match.start(), match.end(), owners):
            letters[match.start() : match.end()] = _respelled()[match[0]]
    for match in _ENDING.finditer(spoken):
        start = match.start()
        is_ending = match[0] in _ALWAYS_ENDINGS or _is_verbal(owners[start - 1])
        if start and is_ending and _has_rieul(spoken[start - 1]):
            letters[start : match.end()] = _AFTER_ENDING[match[0]]
    return "".join(letters)


def _is_whole(start: int, end: int, owners: list[Word | None]) -> bool:
    """Whether a listed word stands at ``start``: not as pieces of two other words, nor with an ending (받아들일)."""
    first = owners[start]
    if first is None:
        return True
    if first.start == start and first.end < end:
        return True
    return first.end >= end and not _is_verbal(first)


def _is_verbal(word: Word | None) -> bool:
    return word is not None and any(tag.startswith("E") for tag in word.tags)


def _has_rieul(character: str) -> bool:
    return "가" <= character <= "힣" and (ord(character) - ord("가")) % _CODAS_PER_VOWEL == _RIEUL
