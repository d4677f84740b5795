"""English text to phones as the official program reads it."""

from __future__ import annotations

import re

from myna.text.en.official.verbalize import verbalize
from myna.text.en.official.words import token_phones
from myna.text.phonemes import Phonemes
from myna.text.symbols import symbols

MIN_PHONES = 4
_HANGING = re.compile(r"([^A-Za-z])\1{3,}")
_TOKEN = re.compile(
    r"""[a-z]+(?:[.-][a-z]+)*\.[a-z]{2,13}\b  # an address, or two words without a space after the stop between them
    | [a-z][a-z'-]+[a-z]
    | [a-z]+
    | \.(?:[ ]*\.)+
    | \S""",
    re.VERBOSE | re.IGNORECASE,
)
"""What NLTK's tokeniser for tweets makes of letters and ``' . , ? ! -``."""


def read(text: str) -> Phonemes:
    """``text`` as phones; one with hardly anything to speak gets a comma in front, an empty one is that comma."""
    norm_text = verbalize(text)
    tokens = _TOKEN.findall(_HANGING.sub(r"\1\1\1", norm_text))
    known = frozenset(symbols("v2"))
    phones = ["-" if phone == "'" else phone for index in range(len(tokens)) for phone in token_phones(tokens, index)]
    phones = [phone for phone in phones if phone in known]
    return Phonemes([","] * (len(phones) < MIN_PHONES) + phones, None, norm_text)
