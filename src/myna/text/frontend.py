"""The front door of the text room: a text in a language becomes phones.

To add a language: write ``text/<code>.py`` (or a folder) with a function ``read(text) -> Phonemes`` and add its row to
`LANGUAGES`. The module is imported on first use, so it may import its libraries at the top.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from myna.core.errors import BadInput, MissingExtra, UnknownChoice
from myna.text.phonemes import Phonemes
from myna.text.symbols import PUNCTUATION, UNKNOWN, symbols

__all__ = ["LANGUAGES", "Language", "Phonemes", "phonemize", "phonemize_plain", "reader"]


@dataclass(frozen=True)
class Language:
    """One language: the module that has ``read(text) -> Phonemes``, the extra that brings its libraries ("" for none),
    and the symbol tables that have its phones.
    """

    module: str
    extra: str = ""
    tables: tuple[str, ...] = ("v1", "v2")


LANGUAGES: dict[str, Language] = {
    "zh": Language("myna.text.zh.reader", "zh"),
    "en": Language("myna.text.en.reader"),
    "ja": Language("myna.text.ja", "ja"),
    "ko": Language("myna.text.ko", "ko", tables=("v2",)),
    "yue": Language("myna.text.yue", "yue", tables=("v2",)),
}
"""One row per language, by its code."""


@cache
def reader(language: str) -> Callable[[str], Phonemes]:
    """The ``read`` of a language, imported now.

    Raises `UnknownChoice` for a language without a row, `MissingExtra` where a library it needs is not installed.
    """
    if language not in LANGUAGES:
        raise UnknownChoice("language", language, LANGUAGES)
    row = LANGUAGES[language]
    try:
        found: Callable[[str], Phonemes] = importlib.import_module(row.module).read
    except ModuleNotFoundError as error:
        if not row.extra or (error.name or "").partition(".")[0] == "myna":
            raise
        what = f"to read {language!r} {error.name} is needed"
        raise MissingExtra(f"{what}; install it with: pip install 'myna[{row.extra}]'") from None
    return found


def phonemize(text: str, language: str, table: str = "v2") -> Phonemes:
    """``text`` as phones of ``table`` ("v1" or "v2").

    Raises `UnknownChoice` for a language or table that is not there, and `BadInput` for a text in which nothing can be
    spoken: empty, blank, only punctuation, or written wholly in a script that the language does not read.
    """
    return phonemize_plain(text, language, table)


def phonemize_plain(text: str, language: str, table: str = "v2") -> Phonemes:
    """The whole of ``text`` read in one ``language``, whatever it is written in; raises as `phonemize`."""
    known = frozenset(symbols(table))
    read = reader(language)
    if table not in LANGUAGES[language].tables:
        readable = [code for code, row in LANGUAGES.items() if table in row.tables]
        raise UnknownChoice(f"language of symbol table {table!r}", language, readable)
    if not text.strip():
        raise BadInput("the text is empty; give at least one word to speak")
    result = read(text)
    if all(phone in PUNCTUATION for phone in result.phones):
        raise BadInput(f"the text has nothing to speak in language {language!r}; give at least one word")
    phones = [phone if phone in known else UNKNOWN for phone in result.phones]
    return dataclasses.replace(result, phones=phones)
