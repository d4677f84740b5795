"""Japanese as the official program reads it, misreadings and all: for its voices, and for comparing with it."""

from __future__ import annotations

import re
from pathlib import Path

from myna.text.ja.dictionary import default_folder
from myna.text.ja.pitch import with_marks
from myna.text.ja.reader import JAPANESE, MARKS, RUN, stretch_words
from myna.text.phonemes import Phonemes

STRETCH = re.compile(f"[{JAPANESE}]+")


def read(text: str, folder: Path | None = None) -> Phonemes:
    """As the official program reads ``text``, misreadings and all; for comparing with it.

    Every character that is neither Japanese nor a mark the models know becomes itself, and so UNK in the end.
    """
    folder = folder or default_folder()
    norm_text = RUN.sub(r"\1", text)
    spoken = norm_text.replace("％", "パーセント").lower()
    phones: list[str] = []
    end = 0
    for found in STRETCH.finditer(spoken):
        phones += _marks(spoken[end : found.start()])
        phones += [name for name, _ in with_marks(stretch_words(found.group(), folder))]
        end = found.end()
    return Phonemes(phones + _marks(spoken[end:]), None, norm_text)


def _marks(between: str) -> list[str]:
    return [MARKS.get(character, character) for character in between if character != " "]
