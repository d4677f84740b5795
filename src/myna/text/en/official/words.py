"""The phones of one English word as the official program finds them.

Its order: dictionary, a list of names (see `use_names`), letter by letter, the stem of a possessive, the parts of a
run-together word, and a spelling network. Of its homographs it asks a tagger for the part of speech; that tagger could
not be had, and our rules say what is a verb in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from myna.text.en.homographs import is_verbal
from myna.text.en.homographs import reading as our_reading
from myna.text.en.lexicon import letter_name, readings
from myna.text.en.morphology import with_s
from myna.text.en.official.division import divide
from myna.text.en.spelling import spell_out

Phones = tuple[str, ...]
Names = Mapping[str, Phones]
"""Names in small letters -> their phones."""

_SPELLED_LENGTH = 3
_NUM_NETWORK_PHONES = 20
_POSSESSIVE = re.compile("[a-z]+'s")
_WITH_OWN_RULES = frozenset(["close", "closer", "complex", "content", "read", "used"])
"""Homographs that our rules tell apart by more than whether they are verbs."""


def _rows(name: str) -> list[str]:
    return files("myna.text.en").joinpath(f"data/{name}").read_text(encoding="utf-8").splitlines()


@cache
def _official_words() -> dict[str, str]:
    """Words that are read otherwise in the official dictionary, or that it does not have ("")."""
    return {word: phones for word, _, phones in (row.partition(" ") for row in _rows("official_words.txt"))}


@cache
def _homographs() -> dict[str, tuple[Phones, Phones]]:
    """Word -> (reading where the tagger's answer fits, reading otherwise)."""
    rows = (row.split("|") for row in _rows("official_homographs.txt"))
    return {word: (tuple(first.split()), tuple(second.split())) for word, first, second, _tag in rows}


@dataclass
class _Chosen:
    """Where the names come from in this process."""

    names: Callable[[], Names] = dict


_CHOSEN = _Chosen()


def use_names(load: Callable[[], Names] | None) -> None:
    """From now on names that the dictionary does not have are read as ``load`` has them; None: as other words.

    ``load`` is called when the first such word is met; what it raises is raised there.
    """
    _CHOSEN.names = dict if load is None else cache(load)


def lookup(word: str) -> Phones | None:
    """Phones of a lower-case word in the official dictionary, or None."""
    found = _official_words().get(word, readings().get(word))
    return tuple(found.split()) if found else None


def token_phones(tokens: Sequence[str], index: int) -> Phones:
    """Phones of ``tokens[index]``: a word, or a mark as itself."""
    token = tokens[index]
    word = token.lower()
    if not any("a" <= letter <= "z" for letter in word):
        return (token,)
    if len(word) == 1:
        return ("EY1",) if token == "A" else lookup(word) or ()
    pair = _homographs().get(word)
    if pair is None:
        name = _CHOSEN.names().get(word) if token.istitle() and lookup(word) is None else None
        return name or word_phones(word)
    if word in _WITH_OWN_RULES:
        return pair[0] if our_reading(tokens, index) == pair[0] else pair[1]
    return pair[0] if is_verbal(tokens, index) else pair[1]


@lru_cache(maxsize=20_000)
def word_phones(word: str) -> Phones:
    """Phones of a lower-case word, whatever stands around it."""
    found = lookup(word) if len(word) > 1 else None
    if found is not None:
        return found
    if len(word) <= _SPELLED_LENGTH:
        return tuple(phone for sign in word for phone in (letter_name(sign) if sign.isalpha() else (sign,)))
    if _POSSESSIVE.fullmatch(word):
        stem = word_phones(word[:-2])
        return with_s(stem) if stem else ()
    parts = divide(word)
    if len(parts) > 1:
        return tuple(phone for part in parts for phone in word_phones(part))
    return spell_out([word])[word][:_NUM_NETWORK_PHONES]
