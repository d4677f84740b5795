"""The front door of the text room: a text becomes phones.

To add a language: write ``text/<code>.py`` (or a folder) with a function ``read(text) -> Phonemes`` and add its row to
`LANGUAGES`. The module is imported on first use, so it may import its libraries at the top. It may also have
``read_for(text, table)``, where the tables are spoken differently, and ``syllable(spelled) -> list[str] | None``: the
phones of a syllable as users spell it in markup.

A language may be read in a second way, as the official program reads it, quirk for quirk: the row then names a
module of its own for that, with a ``read`` (or ``read_for``) of the same form.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from types import ModuleType

from myna.core.errors import MissingExtra, NothingToSay, UnknownChoice
from myna.text.cut import SPLITS
from myna.text.markup import Marked, Reading, parse
from myna.text.mixed import MIN_PHONES, Overrides, read_mixed
from myna.text.phonemes import Phonemes, located
from myna.text.readings import is_spelling, phones_of
from myna.text.segment import MODES, segments
from myna.text.symbols import PUNCTUATION, UNKNOWN, symbols
from myna.text.words import Words

__all__ = [
    "LANGUAGES",
    "Language",
    "Phonemes",
    "ended",
    "modes",
    "phonemize",
    "phonemize_plain",
    "phonemize_training",
    "reader",
    "training_text",
    "use_polyphone_model",
]


@dataclass(frozen=True)
class Language:
    """One language: the module that has ``read(text) -> Phonemes``, the extra that brings its libraries ("" for none),
    the symbol tables that have its phones, and the module of the official reading ("" where ours is all there is).
    """

    module: str
    extra: str = ""
    tables: tuple[str, ...] = ("v1", "v2")
    official: str = ""


LANGUAGES: dict[str, Language] = {
    "zh": Language("myna.text.zh.reader", "zh", official="myna.text.zh.official"),
    "en": Language("myna.text.en.reader", official="myna.text.en.official.reader"),
    "ja": Language("myna.text.ja.reader", "ja", official="myna.text.ja.official"),
    "ko": Language("myna.text.ko.reader", "ko", tables=("v2",), official="myna.text.ko.official"),
    "yue": Language("myna.text.yue.reader", "yue", tables=("v2",), official="myna.text.yue.official"),
}
"""One row per language, by its code."""


_SILENT = frozenset([*PUNCTUATION, UNKNOWN, "停", "空", "_", "[", "]"])
"""Phones of a text in which nothing is said."""


@cache
def _module(language: str, *, official: bool = False) -> ModuleType:
    if language not in LANGUAGES:
        raise UnknownChoice("language", language, LANGUAGES)
    row = LANGUAGES[language]
    try:
        return importlib.import_module((row.official if official else "") or row.module)
    except ModuleNotFoundError as error:
        if not row.extra or (error.name or "").partition(".")[0] == "myna":
            raise
        what = f"to read {language!r} {error.name} is needed"
        raise MissingExtra(f"{what}; install it with: pip install 'myna[{row.extra}]'") from None


def reader(language: str) -> Callable[[str], Phonemes]:
    """The ``read`` of a language, imported now.

    Raises `UnknownChoice` for a language without a row, `MissingExtra` where a library it needs is not installed.
    """
    found: Callable[[str], Phonemes] = _module(language).read
    return found


def use_polyphone_model(folder: Path, bert: Path) -> str:
    """From now on the g2pW model in ``folder`` reads Chinese polyphones if it is there, else pypinyin's phrases do.

    ``bert`` is the folder of the Chinese BERT, whose tokens it knows. Returns what is in use; raises `MissingExtra`
    where Chinese cannot be read at all.
    """
    reader("zh")
    used: str = importlib.import_module("myna.text.zh.polyphone").use_model(folder, bert)
    return used


def modes(table: str = "v2") -> tuple[str, ...]:
    """The modes of a text (see `segment.MODES`) that the phones of ``table`` are enough for."""
    return tuple(mode for mode in MODES if mode.rpartition("_")[2] in ("auto", *_readable(table)))


def _readable(table: str) -> list[str]:
    symbols(table)  # says what is wrong
    return [code for code, row in LANGUAGES.items() if table in row.tables]


def phonemize(
    text: str, language: str, table: str = "v2", words: Words | None = None, *, official: bool = False
) -> Phonemes:
    """``text`` as phones of ``table`` ("v1" or "v2"), with spans, words and parts in its own characters.

    ``language`` is one of `modes`: a language's code (what is written in Latin letters is read in English all the
    same), ``auto``, and others. The text may have the marks of `markup`; ``words`` is the user's dictionary.
    ``official``: read as the official program does, misreadings and all, to compare with it or with its voices; then
    every phone may belong to the whole text instead of to its own word.

    Raises:
        UnknownChoice: a mode or table that is not there, or a part in a language that the table has no phones of.
        NothingToSay: nothing can be spoken in the text (it is empty, blank, only marks, or wholly in a script that the
            language does not read; ``official`` refuses the first two only).
        BadInput: its markup is wrong, or a reading has an unknown phone.
        MissingExtra: the library of a language is not installed.
    """
    return _phonemized(text, language, table, words, min_phones=MIN_PHONES, official=official)


def _phonemized(
    text: str, language: str, table: str, words: Words | None, *, min_phones: int, official: bool = False
) -> Phonemes:
    known = modes(table)
    if language not in known:
        raise UnknownChoice("language" if language not in MODES else f"language of table {table!r}", language, known)
    marked = parse(text)
    if not marked.text.strip():
        raise NothingToSay("the text is empty; give at least one word to speak")
    overrides = _overrides(marked, language, table, words or Words())
    read = partial(_read, table=table, official=official)
    result = read_mixed(marked.text, language, read, overrides, min_phones=min_phones, is_mended=not official)
    return _sourced(result if official else _checked(result, language), marked)


def phonemize_training(text: str, language: str, table: str = "v2", words: Words | None = None) -> Phonemes:
    """`phonemize` for the words of a recording: without a stop in front of a very short text.

    The official program does not tell languages apart here, and reads % as a dash: see `training_text`.
    """
    return _phonemized(text, language, table, words, min_phones=0)


def phonemize_plain(text: str, language: str, table: str = "v2", *, official: bool = False) -> Phonemes:
    """The whole of ``text`` read in one ``language``, whatever it is written in, without markup.

    That is how the official program reads the texts it trains on. Raises as `phonemize`; with ``official`` every text
    is read, also one with nothing to speak (the official program has marks for those).
    """
    if official:
        return located(_read(text, language, table, official=True), text)
    if not text.strip():
        raise NothingToSay("the text is empty; give at least one word to speak")
    return _checked(located(_read(text, language, table), text), language)


def ended(text: str, language: str) -> str:
    """``text`` without newlines around it, and with a stop if it has none: how the words of a reference are read."""
    text = text.strip("\n")
    return text if not text or text[-1] in SPLITS else text + ("." if language == "en" else "。")


def training_text(text: str) -> str:
    """``text`` as the official program reads it before training (there it goes to `phonemize_plain`)."""
    return text.replace("%", "-").replace("￥", ",")


def _read(text: str, language: str, table: str, *, official: bool = False) -> Phonemes:
    """What the language's reader makes of a text, in phones of ``table``; those that it has not are UNK."""
    module = _module(language, official=official)
    if language not in _readable(table):
        raise UnknownChoice(f"language of table {table!r}", language, _readable(table))
    known = frozenset(symbols(table))
    read_for = getattr(module, "read_for", None)
    result: Phonemes = read_for(text, table) if read_for else module.read(text)
    return replace(result, phones=[phone if phone in known else UNKNOWN for phone in result.phones])


def _checked(result: Phonemes, language: str) -> Phonemes:
    if _SILENT.issuperset(result.phones):
        raise NothingToSay(f"the text has nothing to speak in language {language!r}; give at least one word")
    return result


def _overrides(marked: Marked, mode: str, table: str, words: Words) -> Overrides:
    """What markup and dictionary say: the words to be read by another spelling, and those whose phones are given."""
    every = [*marked.readings, *words.readings(marked.text, marked.readings)]
    is_told = any(place.language and is_spelling(place.reading, table) for place in every)
    languages = _languages(marked.text, mode) if is_told else {}
    spelled: list[Reading] = []
    for place in sorted(every, key=lambda place: (place.start, not place.language)):
        is_here = place.language in ("", languages.get(place.start))
        is_free = not spelled or spelled[-1].end <= place.start
        if is_spelling(place.reading, table) and is_here and is_free:
            spelled.append(place)
    taken = {place.start for place in spelled}
    spoken = [place for place in every if place.start not in taken and not is_spelling(place.reading, table)]
    return Overrides(spelled, spoken, partial(_phones_of, table=table))


def _languages(text: str, mode: str) -> dict[int, str]:
    return {place: segment.language for segment in segments(text, mode) for place in segment.places}


def _phones_of(reading: str, word: str, language: str, table: str) -> list[str]:
    syllable = getattr(_module(language), "syllable", None)
    return phones_of(reading, word, language, table, syllable)


def _sourced(result: Phonemes, marked: Marked) -> Phonemes:
    """Spans, words and pauses in the text with its markup."""
    spans = [_marked_span(marked, start, end) for start, end in result.spans]
    pauses = [
        (next((column for column, (start, _) in enumerate(result.spans) if start >= place), len(spans)), seconds)
        for place, seconds in marked.pauses
    ]
    return replace(result, spans=spans, pauses=pauses)


def _marked_span(marked: Marked, start: int, end: int) -> tuple[int, int]:
    if start < end:
        return marked.places[start], marked.places[end - 1] + 1
    at = marked.places[start] if start < len(marked.places) else marked.places[-1] + 1
    return at, at
