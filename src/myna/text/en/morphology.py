"""Readings of words whose stem the dictionary has: plurals, past forms, suffixes, prefixes, British spelling."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from myna.text.en.lexicon import lookup, word_set

Phones = tuple[str, ...]

_VOICELESS = word_set("P T K F TH HH")
_VOICELESS_FOR_PAST = _VOICELESS | word_set("S SH CH")
_SIBILANT = word_set("S Z SH ZH CH JH")
_SUFFIXES: dict[str, str] = {
    "ing": "IH0 NG", "ings": "IH0 NG Z", "er": "ER0", "ers": "ER0 Z", "est": "AH0 S T", "eth": "IH0 TH", "ly": "L IY0",
    "ness": "N AH0 S", "less": "L AH0 S", "ful": "F AH0 L", "able": "AH0 B AH0 L", "ably": "AH0 B L IY0",
    "ment": "M AH0 N T", "ship": "SH IH0 P", "hood": "HH UH2 D", "dom": "D AH0 M", "ish": "IH0 SH", "like": "L AY2 K",
    "man": "M AH0 N", "men": "M EH0 N", "shire": "SH ER0", "y": "IY0", "proof": "P R UW2 F", "wise": "W AY2 Z",
}  # fmt: skip
_PREFIXES = {
    "un": "AH0 N", "non": "N AA2 N", "re": "R IY0", "over": "OW1 V ER0", "under": "AH2 N D ER0", "mis": "M IH0 S",
    "pre": "P R IY0", "out": "AW2 T", "anti": "AE2 N T IY0", "super": "S UW2 P ER0", "semi": "S EH2 M IY0",
    "inter": "IH2 N T ER0", "multi": "M AH2 L T IY0", "micro": "M AY2 K R OW0", "co": "K OW0",
}  # fmt: skip
_MIN_STEM = 3
_MAX_LETTERS = 40
_BRITISH = (("our", "or"), ("is", "iz"), ("ys", "yz"), ("ll", "l"), ("ae", "e"), ("gg", "g"))
_MISPRINTS = {"t-shirt": "T IY1 SH ER2 T", "t-shirts": "T IY1 SH ER2 T S"}
"""What the dictionary has wrong."""
_WITHOUT_APOSTROPHE = word_set(
    "dont doesnt didnt isnt arent wasnt werent hasnt havent hadnt couldnt wouldnt shouldnt mustnt aint"
)


def with_s(stem: Phones) -> Phones:
    """The plural or possessive of a reading."""
    if stem[-1] in _SIBILANT:
        return (*stem, "AH0", "Z")
    return (*stem, "S" if stem[-1] in _VOICELESS else "Z")


def with_d(stem: Phones) -> Phones:
    """The past form of a reading."""
    if stem[-1] in ("T", "D"):
        return (*stem, "IH0", "D")
    return (*stem, "T" if stem[-1] in _VOICELESS_FOR_PAST else "D")


@lru_cache(maxsize=20_000)
def derive(word: str) -> Phones | None:
    """Phones of a lower-case word by its dictionary stem; the word itself is looked up too. None if nothing fits."""
    if word in _MISPRINTS:
        return tuple(_MISPRINTS[word].split())
    found = lookup(word[:-1] if word.endswith("s'") else word)
    if found is not None or len(word) > _MAX_LETTERS:
        return found
    if word in _WITHOUT_APOSTROPHE:
        return lookup(f"{word[:-1]}'t")
    return _possessive(word) or _inflected(word) or _respelled(word) or _suffixed(word) or _prefixed(word)


def _possessive(word: str) -> Phones | None:
    if word.endswith("'s") and len(word) > 2:
        stem = derive(word[:-2])
        return stem and with_s(stem)
    for ending, phones in (("'ve", "AH0 V"), ("'ll", "AH0 L"), ("'re", "ER0"), ("'d", "D")):
        if word.endswith(ending) and len(word) > len(ending):
            stem = derive(word[: -len(ending)])
            return stem and (*stem, *phones.split())
    if word.endswith("'") and len(word) > 1:
        return derive(word[:-1])
    return derive(word[1:]) if word.startswith("'") and len(word) > 1 else None


def _stems(word: str, ending: str) -> Iterator[str]:
    """What ``word`` may have been before ``ending``: stop(p)ing, mak(e)ing, happ(y)iness."""
    stem = word[: -len(ending)]
    if len(stem) < _MIN_STEM:
        return
    if ending[0] in "aeiouy":
        yield stem + "e"
        if stem[-1] == stem[-2]:
            yield stem[:-1]
    yield stem
    if stem[-1] == "i":
        yield stem[:-1] + "y"


def _first_known(stems: Iterator[str]) -> Phones | None:
    return next((found for found in map(lookup, stems) if found), None)


def _inflected(word: str) -> Phones | None:
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        base = word[:-1] if not word.endswith("ies") else word[:-3] + "y"
        stem = lookup(base) or (lookup(word[:-2]) if word.endswith(("ses", "xes", "ches", "shes", "zes")) else None)
        if stem and len(base) >= _MIN_STEM:
            return with_s(stem)
        longer = _suffixed(base) if len(base) > 5 else None
        if longer:
            return with_s(longer)
    if word.endswith("ed"):
        stem = _first_known(_stems(word, "ed"))
        return stem and with_d(stem)
    return None


def _suffixed(word: str) -> Phones | None:
    for suffix, phones in _SUFFIXES.items():
        if word.endswith(suffix) and len(word) - len(suffix) >= _MIN_STEM + (
            suffix in ("er", "y", "men", "man", "ers")
        ):
            stem = _first_known(_stems(word, suffix))
            if stem is None and suffix in ("ly", "ness", "s", "less") and len(word) > 8:
                stem = _suffixed(word[: -len(suffix)]) or _inflected(word[: -len(suffix)])
            if stem:
                return (*stem, *phones.split())
    return None


def _prefixed(word: str) -> Phones | None:
    for prefix, phones in _PREFIXES.items():
        rest = word[len(prefix) :]
        if word.startswith(prefix) and len(rest) > _MIN_STEM:
            found = lookup(rest) or _inflected(rest) or _suffixed(rest)
            if found:
                return (*phones.split(), *found)
    return None


def _respelled(word: str) -> Phones | None:
    for british, american in _BRITISH:
        if british in word[2:]:
            place = word.rindex(british)
            other = word[:place] + american + word[place + len(british) :]
            found = lookup(other) or _inflected(other) or (_suffixed(other) if american != "l" else None)
            if found:
                return found
    if re.search(r"(.)\1\1", word) and re.search("[aeiou]", word):
        for repeated in (r"\1\1", r"\1"):
            found = lookup(re.sub(r"(.)\1+", repeated, word))
            if found:
                return found
    return None
