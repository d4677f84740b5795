"""English words and their readings: CMUdict, and a guess where a run-together word divides."""

from __future__ import annotations

import gzip
import math
from functools import cache, lru_cache
from importlib.resources import files


def _lines(name: str) -> list[str]:
    packed = files(__package__).joinpath(f"data/{name}").read_bytes()
    return gzip.decompress(packed).decode().splitlines()


@cache
def readings() -> dict[str, str]:
    """Lower-case word -> its phones, joined by spaces."""
    return dict(line.split(" ", 1) for line in _lines("cmudict.txt.gz"))  # type: ignore[misc]


def lookup(word: str) -> tuple[str, ...] | None:
    """Phones of a lower-case word, or None."""
    found = readings().get(word)
    return tuple(found.split()) if found else None


@cache
def _log_counts() -> dict[str, float]:
    """Word -> log10 of how often it stands in the word-count corpus."""
    return {word: int(count) / 100 for word, count in (line.split(" ") for line in _lines("word_counts.txt.gz"))}


_CORPUS_LOG_SIZE = math.log10(1_024_908_267_229)
_LONGEST_PART = 20
_LONGEST_DIVIDED = 60
_SHORT_PARTS = frozenset(
    "out sub off the and for you can not one two get day way car bot cam pay all any air app art big box cut eye end ice "
    "ink man map new old pet red run sea set sun tax tea top toy web win geo eco neo fly dog cat bed sky key log low hot "
    "mid max fit hub lab net pan pop rib rod row saw tip war bay bug cup fan fox gas gun hat hen jet".split()
)


@lru_cache(maxsize=20_000)
def divide(word: str) -> tuple[str, ...]:
    """The likeliest division of a lower-case word into dictionary words; ``(word,)`` when none is convincing.

    Maximises the product of word probabilities. Parts of three letters must be everyday words and shorter ones are not
    taken, or nearly every string would divide.
    """
    if not 5 <= len(word) <= _LONGEST_DIVIDED or not word.isascii() or not word.isalpha():
        return (word,)
    counts = _log_counts()
    best: list[tuple[float, tuple[str, ...]] | None] = [(0.0, ())] + [None] * len(word)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - _LONGEST_PART), end):
            before = best[start]
            part = word[start:end]
            if before is None or part not in counts or (len(part) < 4 and part not in _SHORT_PARTS):
                continue
            score = before[0] + counts[part] - _CORPUS_LOG_SIZE
            current = best[end]
            if current is None or score > current[0]:
                best[end] = (score, (*before[1], part))
    found = best[-1]
    if found is None or len(found[1]) > 1 + len(word) // 4 or found[0] / len(word) < -2:
        return (word,)
    return found[1]
