"""Japanese text to phones with pitch marks.

The words and accents are Open JTalk's; the stretches it is given and the marks between them are those of GPT-SoVITS.
"""

from __future__ import annotations

import re
from pathlib import Path

from myna.text.ja.accent import set_accent
from myna.text.ja.dictionary import default_folder, look_up
from myna.text.ja.numbers import set_numbers
from myna.text.ja.pitch import with_marks
from myna.text.ja.pronunciation import set_pronunciation
from myna.text.ja.words import Word
from myna.text.phonemes import Phonemes

OFFICIAL_STRETCH = re.compile(
    "[A-Za-z\\d\u3005\u3040-\u30ff\u4e00-\u9fff\uff11-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9d]+"
)
OFFICIAL_RUN = re.compile(r"([!?…,.\-])[!?…,.\-]+")
OFFICIAL_MARKS = str.maketrans(
    {"：": ",", "；": ",", "，": ",", "、": ",", "·": ",", "。": ".", "\n": ".", "！": "!", "？": "?"}
)
LONGEST = 1000
"""Characters given to the dictionary at once."""


def stretch_words(stretch: str, folder: Path) -> list[Word]:
    """The words of a text without marks, with readings, numbers and accents set."""
    words = set_numbers(set_pronunciation(look_up(stretch, folder)))
    set_accent(words)
    return words


def read_as_official(text: str, folder: Path | None = None) -> Phonemes:
    """As the official program reads ``text``, misreadings and all; for comparing with it.

    Every character that is neither Japanese nor a mark the models know becomes itself, and so UNK in the end.
    """
    folder = folder or default_folder()
    norm_text = OFFICIAL_RUN.sub(r"\1", text)
    spoken = norm_text.replace("％", "パーセント").lower()
    phones: list[str] = []
    end = 0
    for found in OFFICIAL_STRETCH.finditer(spoken):
        phones += _official_marks(spoken[end : found.start()])
        phones += [name for name, _ in with_marks(stretch_words(found.group(), folder))]
        end = found.end()
    return Phonemes(phones + _official_marks(spoken[end:]), None, norm_text)


def _official_marks(between: str) -> list[str]:
    return list(between.replace(" ", "").translate(OFFICIAL_MARKS).replace("...", "…"))


def read(text: str) -> Phonemes:
    return read_as_official(text)
