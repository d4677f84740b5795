"""English words and their readings: CMUdict, and a guess where a run-together word divides."""

from __future__ import annotations

import gzip
import math
from functools import cache, lru_cache
from importlib.resources import files


def word_set(words: str) -> frozenset[str]:
    """The words of a line, as a set."""
    return frozenset(words.split())


def _lines(name: str) -> list[str]:
    packed = files(__package__).joinpath(f"data/{name}").read_bytes()
    return gzip.decompress(packed).decode().splitlines()


@cache
def readings() -> dict[str, str]:
    """Lower-case word -> its phones, joined by spaces."""
    pairs = (line.partition(" ") for line in _lines("cmudict.txt.gz"))
    return {word: phones for word, _, phones in pairs}


def lookup(word: str) -> tuple[str, ...] | None:
    """Phones of a lower-case word, or None."""
    found = readings().get(word)
    return tuple(found.split()) if found else None


def letter_name(letter: str) -> tuple[str, ...]:
    """Phones of the name of a lower-case letter; nothing for another character."""
    return ("EY1",) if letter == "a" else lookup(letter) or ()


@cache
def _log_counts() -> dict[str, float]:
    """Word -> log10 of how often it stands in the word-count corpus."""
    return {word: int(count) / 100 for word, count in (line.split(" ") for line in _lines("word_counts.txt.gz"))}


_CORPUS_LOG_SIZE = math.log10(1_024_908_267_229)
_LONGEST_PART = 20
_LONGEST_DIVIDED = 60
_VERY_LONG = 16
_SHORT_PARTS = word_set(
    "out sub off the and for you can not one two get day way car bot cam pay all any air app art big box cut eye end "
    "ice ink man map new old pet red run sea set sun tax tea top toy web win geo eco neo fly dog cat bed sky key log "
    "low hot mid max fit hub lab net pan pop rib rod row saw tip war bay bug cup fan fox gas gun hat hen jet"
)


@lru_cache(maxsize=20_000)
def divide(word: str) -> tuple[str, ...]:
    """The likeliest division of a lower-case word into dictionary words; ``(word,)`` when none is convincing.

    Maximises the product of word probabilities. A very long word may have parts that are no words. Parts of three
    letters must be everyday words and shorter ones are not taken, or nearly every string would divide.
    """
    if not 5 <= len(word) <= _LONGEST_DIVIDED or not word.isascii() or not word.isalpha():
        return (word,)
    best: list[tuple[float, tuple[str, ...]] | None] = [(0.0, ())] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - _LONGEST_PART), end):
            before = best[start]
            part_score = _part_score(word[start:end], has_unknown=len(word) >= _VERY_LONG)
            if before is None or part_score is None:
                continue
            score = before[0] + part_score
            current = best[end]
            if current is None or score > current[0]:
                best[end] = (score, (*before[1], word[start:end]))
    found = best[-1]
    return found[1] if found else (word,)


def _part_score(part: str, has_unknown: bool) -> float | None:
    """Log10 of a part's probability; None if it may be no part."""
    count = _log_counts().get(part)
    if count is not None and (len(part) > 3 or part in _SHORT_PARTS):
        return count - _CORPUS_LOG_SIZE
    return -6 - 1.5 * len(part) if has_unknown and 3 <= len(part) <= 12 else None
