"""Readings that the user gives for words (by markup or dictionary), put in the place of the front end's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

from myna.core.errors import BadInput
from myna.text.han import HAN, KANA
from myna.text.markup import Reading
from myna.text.phonemes import Phonemes
from myna.text.symbols import symbols

Syllable = Callable[[str], "list[str] | None"]
"""Phones of a syllable in the spelling of a language (pinyin, jyutping), None where there is no such syllable."""

_KINDS = {
    "en": re.compile(r"[ACDEHIJNOSTUZ][A-Z][0-2]|[BDFGKLMNPRSTVWYZ]|CH|DH|HH|JH|NG|SH|TH|ZH"),
    "zh": re.compile(r"AA|EE|OO|[b-df-hj-np-tw-z]|[csz]h|(?:[a-z]|E|En)[a-z]*0?[1-5]"),
    "ja": re.compile(r"[INU_\[\]abd-km-pr-wyz]|[bdghkmnpr]y|ch|cl|sh|ts"),
    "ko": re.compile(r"[ㄱ-ㅣ停空]"),
    "yue": re.compile(r"Y[a-z]+[1-6]?"),
}
"""What the phones of each language look like, among those of the table."""
_NOT_SPOKEN = frozenset(["UNK", "SP", "SP2", "SP3"])
_SPELLING = re.compile(f"[{HAN}{KANA}\uac00-\ud7a3]")
_SYLLABLE_SCRIPTS = {"zh": "pinyin with its tone, as hang2", "yue": "jyutping with its tone, as hong4"}


@cache
def valid_phones(language: str, table: str) -> tuple[str, ...]:
    """The phones of ``table`` that a reading in ``language`` may use."""
    return tuple(phone for phone in symbols(table) if _KINDS[language].fullmatch(phone) and phone not in _NOT_SPOKEN)


def is_spelling(reading: str, table: str) -> bool:
    """Whether a reading is another spelling of its word, to be read in its place, and not phones."""
    return bool(_SPELLING.search(reading)) and not set(reading.split()) <= set(symbols(table))


def phones_of(reading: str, word: str, language: str, table: str, syllable: Syllable | None) -> list[str]:
    """The phones of a reading of ``word`` in ``language``.

    Raises `BadInput` naming the valid ones where it has neither a syllable for each character nor only phones.
    """
    tokens = reading.split()
    if syllable is not None and len(tokens) == len("".join(word.split())):
        spelled = [syllable(token) for token in tokens]
        if all(spelled):
            return [phone for phones in spelled for phone in phones or ()]
    wrong = next((token for token in tokens if token in _NOT_SPOKEN or token not in symbols(table)), None)
    if wrong is None:
        return tokens
    form = f" (or {_SYLLABLE_SCRIPTS[language]}, one for each character)" if language in _SYLLABLE_SCRIPTS else ""
    valid = " ".join(valid_phones(language, table))
    raise BadInput(f"unknown phone {wrong!r} in the reading of {word!r}; valid in {language!r}{form}: {valid}")


def overridden(read: Phonemes, place: Reading, phones: list[str]) -> Phonemes | None:
    """``read`` (with spans) with ``phones`` for the characters of ``place``; None where no phones are theirs alone."""
    inside = [column for column, span in enumerate(read.spans) if _meet(span, place)]
    if not inside or inside[-1] - inside[0] + 1 != len(inside):
        return None
    first, last = inside[0], inside[-1] + 1
    if any(not place.start <= start <= end <= place.end for start, end in read.spans[first:last]):
        return None
    word2ph = _recounted(read.word2ph, first, last, len(phones))
    if word2ph is None and read.word2ph is not None:
        return None
    shift = len(phones) - (last - first)
    inner = [word for word in read.words if first <= word[1] and word[2] <= last]
    others = [_moved(word, first, last, shift) for word in read.words if word not in inner]
    whole = [(" ".join(word for word, _, _ in inner), first, last + shift)] if inner else []
    return replace(
        read,
        phones=[*read.phones[:first], *phones, *read.phones[last:]],
        word2ph=word2ph,
        words=sorted([*others, *whole], key=lambda word: word[1]),
        spans=[*read.spans[:first], *[(place.start, place.end)] * len(phones), *read.spans[last:]],
    )


def _meet(span: tuple[int, int], place: Reading) -> bool:
    return span[0] < place.end and place.start < span[1]


def _moved(word: tuple[str, int, int], first: int, last: int, shift: int) -> tuple[str, int, int]:
    """A word's columns after those in [first, last) have become ``shift`` more; one that begins or ends among them now
    begins or ends with them.
    """
    text, start, end = word
    start = start if start <= first else start + shift if start >= last else first
    end = end if end <= first else max(end, last) + shift
    return text, start, end


def _recounted(word2ph: list[int] | None, first: int, last: int, count: int) -> list[int] | None:
    """``word2ph`` with ``count`` phones for those of [first, last); None where a character has some inside and some
    outside.
    """
    if word2ph is None:
        return None
    at = 0
    borders = [at := at + size for size in [0, *word2ph]]
    if first not in borders or last not in borders:
        return None
    begin = len(borders) - 1 - borders[::-1].index(first)
    end = borders.index(last)
    return [*word2ph[:begin], *spread(count, end - begin), *word2ph[end:]]


def spread(count: int, characters: int) -> list[int]:
    """``count`` phones over some characters, as evenly as can be, the first ones getting more."""
    return [count // characters + (index < count % characters) for index in range(characters)]


def chosen(places: Iterable[Reading], language: str) -> list[Reading]:
    """Those that hold in ``language``, in order, without those that begin inside another; one for that language alone
    comes before one for all.
    """
    found: list[Reading] = []
    for place in sorted(places, key=lambda place: (place.start, -place.end, not place.language)):
        if place.language in ("", language) and (not found or place.start >= found[-1].end):
            found.append(place)
    return found
