"""How the official program divides a run-together word: the likeliest words of a corpus, each after the one before.

The method is that of wordsegment 1.3.1 (Grant Jenks, after Peter Norvig), with its counts as logarithms.
"""

from __future__ import annotations

import lzma
import math
from functools import cache, lru_cache
from importlib.resources import files

_LOG_TOTAL = math.log10(1_024_908_267_229)
_LONGEST_PART = 24
_AT_ONCE = 250
"""Letters divided at once; the last words of such a stretch are divided again with the next one."""
_NUM_AGAIN = 5
_START = "<s>"

Division = tuple[float, list[str]]
"""Log10 of its probability, and its words."""


def _lines(name: str) -> list[str]:
    packed = files("myna.text.en").joinpath(f"data/{name}").read_bytes()
    return lzma.decompress(packed).decode().split("\n")


@cache
def _counts() -> dict[str, float]:
    """Word -> log10 of its count."""
    return {
        word: int(count) / 1000 for word, _, count in (line.partition(" ") for line in _lines("official_counts.txt.xz"))
    }


@cache
def _followers() -> dict[str, str]:
    """Word -> the words that follow it and their counts, as they stand in the file."""
    return {first: rest for first, _, rest in (line.partition(" ") for line in _lines("official_pairs.txt.xz"))}


@lru_cache(maxsize=2000)
def _after(word: str) -> dict[str, float]:
    """The words that follow ``word`` -> log10 of the pair's count."""
    cells = _followers().get(word, "").split()
    return {second: int(count) / 1000 for second, count in zip(cells[::2], cells[1::2], strict=True)}


@lru_cache(maxsize=20_000)
def divide(word: str) -> tuple[str, ...]:
    """The likeliest words of ``word``; everything in it but lower-case letters is left out."""
    letters = "".join(letter for letter in word.lower() if "a" <= letter <= "z")
    words: list[str] = []
    again: list[str] = []
    for start in range(0, len(letters), _AT_ONCE):
        found = _likeliest("".join(again) + letters[start : start + _AT_ONCE])
        words += found[:-_NUM_AGAIN]
        again = found[-_NUM_AGAIN:]
    return (*words, *_likeliest("".join(again)))


def _likeliest(letters: str) -> list[str]:
    """Every end of ``letters`` is divided once for every word that may stand before it, from the back."""
    best: dict[tuple[str, int], Division] = {}
    for start in range(len(letters), -1, -1):
        befores = [letters[first:start] for first in range(max(0, start - _LONGEST_PART), start)] if start else [_START]
        ends = range(start + 1, min(start + _LONGEST_PART, len(letters)) + 1)
        parts = [(letters[start:end], end) for end in ends]
        plain = [_plain_score(part) for part, _ in parts]
        for before in befores:
            after = _after(before) if before in _counts() else {}
            found = [
                _joined(_score(part, score, before, after), part, best[part, end])
                for (part, end), score in zip(parts, plain, strict=True)
            ]
            best[before, start] = max(found, default=(0.0, []))
    return best[_START, 0][1]


def _joined(score: float, part: str, rest: Division) -> Division:
    return score + rest[0], [part, *rest[1]]


def _plain_score(part: str) -> float:
    """Log10 of a word's probability; one that the corpus does not have is the unlikelier the longer it is."""
    count = _counts().get(part)
    return 1 - _LOG_TOTAL - len(part) if count is None else count - _LOG_TOTAL


def _score(part: str, plain: float, before: str, after: dict[str, float]) -> float:
    pair = after.get(part)
    return plain if pair is None else pair - _counts()[before]
