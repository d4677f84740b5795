"""The front door of the text room: a text in a language becomes phones.

To add a language: write ``text/<code>.py`` (or a folder) with a function ``read(text) -> Phonemes`` and add its row to
`LANGUAGES`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from myna.core.errors import BadInput, UnknownChoice
from myna.text.en.reader import read as read_english
from myna.text.phonemes import Phonemes
from myna.text.symbols import PUNCTUATION, UNKNOWN, symbols

__all__ = ["LANGUAGES", "Phonemes", "phonemize"]

LANGUAGES: dict[str, Callable[[str], Phonemes]] = {
    "en": read_english,
}
"""One row per language: code -> reader. A reader loads its data on first use."""


def phonemize(text: str, language: str, table: str = "v2") -> Phonemes:
    """``text`` as phones of ``table`` ("v1" or "v2").

    Raises `UnknownChoice` for a language or table that is not there, and `BadInput` for a text in which nothing can be
    spoken: empty, blank, only punctuation, or written wholly in a script that the language does not read.
    """
    if language not in LANGUAGES:
        raise UnknownChoice("language", language, LANGUAGES)
    known = frozenset(symbols(table))
    if not text.strip():
        raise BadInput("the text is empty; give at least one word to speak")
    result = LANGUAGES[language](text)
    if all(phone in PUNCTUATION for phone in result.phones):
        raise BadInput(f"the text has nothing to speak in language {language!r}; give at least one word")
    phones = [phone if phone in known else UNKNOWN for phone in result.phones]
    return dataclasses.replace(result, phones=phones)
