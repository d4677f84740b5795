"""Chinese as the official program reads it, misreadings and all: for its voices, and for comparing with it."""

from __future__ import annotations

import re

from myna.text.phonemes import Phonemes
from myna.text.symbols import PUNCTUATION
from myna.text.zh import g2p, polyphone
from myna.text.zh.official_rules import letters_of
from myna.text.zh.reader import WITHOUT_ERHUA, phonemes

_SAID_AS = {
    **dict(zip("：；，。！？·、$/—~～", ",,,.!?,,.,-……", strict=True)),
    "...": "…",
    "嗯": "恩",
    "呣": "母",
}
_PAUSES = {"￥": "SP2", "^": "SP3"}
"""Signs that make every comma of their text a long pause; the first that is there counts."""
_RUN = re.compile(r"[!?…,.\-]{2,}")
_PINYIN_ALONE = ("v1",)
"""Symbol tables with which a model of polyphones is never used."""


def read(text: str) -> Phonemes:
    """``text`` as phones of table v2."""
    return read_for(text, "v2")


def read_for(text: str, table: str) -> Phonemes:
    """``text`` as phones for the models of a symbol table.

    A character on which the official program fails (噷) is read as elsewhere, or left out where it has no reading.
    """
    sign = next((sign for sign in _PAUSES if sign in text), "")
    every = letters_of(text.replace(sign, ",") if sign else text, _SAID_AS).filtered(_is_read)
    letters = every.rewritten(_RUN, lambda run: run[0][0])
    reader = None if table in _PINYIN_ALONE else polyphone.sentence_reader()
    said = g2p.say(letters.text, has_erhua=table not in WITHOUT_ERHUA, reader=reader, official=True)
    pauses = {place: _PAUSES[sign] for place, letter in enumerate(letters.text) if letter == ","} if sign else {}
    return phonemes(text, said, letters.spans, pauses)


def _is_read(letter: str) -> bool:
    return letter in PUNCTUATION or polyphone.is_readable(letter)
