"""Japanese text to phones with pitch marks.

The words and accents are Open JTalk's; the stretches it is given and the marks between them are those of GPT-SoVITS.
What that program misreads is mended first, see `myna.text.ja.mending`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from myna.text.ja.accent import set_accent
from myna.text.ja.dictionary import default_folder, look_up
from myna.text.ja.mending import mend
from myna.text.ja.numbers import set_numbers
from myna.text.ja.pitch import BORDER, PAUSE_PHONE, with_marks
from myna.text.ja.pronunciation import set_pronunciation
from myna.text.ja.spoken import Place, Spoken
from myna.text.ja.words import Word
from myna.text.phonemes import Phonemes
from myna.text.symbols import PUNCTUATION

JAPANESE = "A-Za-z\\d\u3005\u3040-\u30ff\u4e00-\u9fff\uff11-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9d"
STRETCH = re.compile(rf"(?:[{JAPANESE}〇]|(?<=\d)[．－](?=\d))+")
RUN = re.compile(r"([!?…,.\-])[!?…,.\-]+")
MARKS = {"：": ",", "；": ",", "，": ",", "、": ",", "·": ",", "。": ".", "\n": ".", "！": "!", "？": "?"}
MORE_MARKS = {":": ",", ";": ",", "．": ".", "｡": ".", "‥": "…", "⋯": "…", "؟": "?", **MARKS}
PAUSING = frozenset("()[]{}<>（）［］｛｝【】〔〕〈〉《》—―─–/／|｜")
"""Marks at which one pauses inside a sentence, but says nothing at its ends or beside another mark."""
HYPHEN = "－"
LONGEST = 1000
"""Characters given to the dictionary at once."""


def stretch_words(stretch: str, folder: Path) -> list[Word]:
    """The words of a text without marks, with readings, numbers and accents set."""
    words = set_numbers(set_pronunciation(look_up(stretch, folder)))
    set_accent(words)
    return words


def read(text: str, folder: Path | None = None) -> Phonemes:
    """``text`` as phones; ``folder``: the dictionary, by default the best that is installed.

    Raises `InstallationError` where that folder holds no dictionary.
    """
    spoken = mend(text)
    spoken.rewrite("run", RUN, lambda match: match.group(1))
    spoken.rewrite("run", re.compile("。{3,}"), lambda _: "…")
    speech = Speech(spoken)
    end = 0
    for found in STRETCH.finditer(spoken.text):
        for index in range(end, found.start()):
            speech.mark(index)
        for start in range(found.start(), found.end(), LONGEST):
            stop = min(start + LONGEST, found.end())
            speech.say(stretch_words(spoken.text[start:stop].lower(), folder or default_folder()), start)
        end = found.end()
    for index in range(end, len(spoken.text)):
        speech.mark(index)
    return Phonemes(speech.phones, None, spoken.text, list(speech.words(text)), speech.spans)


@dataclass
class Speech:
    """The phones so far, each with its place in the source; ``waiting``: a pause or border said only before a word."""

    spoken: Spoken
    phones: list[str] = field(default_factory=list)
    spans: list[Place] = field(default_factory=list)
    waiting: tuple[str, Place] | None = None

    def mark(self, index: int) -> None:
        """One character that is no word."""
        character, place = self.spoken.text[index], self.spoken.places[index]
        mark = MORE_MARKS.get(character, character)
        if mark in PUNCTUATION:
            self._put(mark, place)
            self.waiting = None
        elif character in PAUSING:
            self.waiting = (",", place)
        elif character != " " and self.waiting is None:
            self.waiting = (BORDER, place)

    def say(self, words: list[Word], offset: int) -> None:
        """The words of a stretch that begins ``offset`` characters into the text."""
        if self.waiting and self.phones and self.phones[-1] not in PUNCTUATION:
            name, place = self.waiting
            self._put(name, self.spans[-1] if name == BORDER else place)
        self.waiting = None
        places = self.spoken.places
        for name, word in with_marks(words):
            is_hyphen = name == PAUSE_PHONE and word.text == HYPHEN
            place = (places[offset + word.start][0], places[offset + word.end - 1][1])
            self._put("-" if is_hyphen else name, place)

    def words(self, source: str) -> Iterator[tuple[str, int, int]]:
        """(word of the source text, first phone, one past its last), in order; phones of one place are one word."""
        first = 0
        for index in range(1, len(self.phones) + 1):
            is_end = index == len(self.phones) or self.spans[index] != self.spans[first]
            if is_end:
                start, end = self.spans[first]
                if self.phones[first] not in PUNCTUATION and self.phones[first] != PAUSE_PHONE:
                    yield source[start:end], first, index
                first = index

    def _put(self, phone: str, place: Place) -> None:
        self.phones.append(phone)
        self.spans.append(place)
