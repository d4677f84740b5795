"""Words to phones with the marks of the pitch accent.

Sources: Open JTalk 1.11, ``jpcommon`` (Modified BSD), for moras and accent phrases; Kurihara, Seiyama and Kumano,
"Prosodic features control by symbols as input of sequence-to-sequence acoustic modeling for neural TTS" (2021), for the
marks ``[`` (pitch rises), ``]`` (falls) and ``#`` (border of two accent phrases).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from myna.text.ja.pronunciation import PAUSE
from myna.text.ja.words import Word, rules

PAUSE_PHONE = "_"
BORDER = "#"
"""In no symbol table: the official acoustic models know it as UNK, and so does the front door."""
SPLIT = {"gw": ("g", "w"), "kw": ("k", "w")}
"""Sounds of グヮ and クヮ that no symbol table has."""
ENDS_MORA = frozenset(["a", "i", "u", "e", "o", "N", "cl"])
LONG = "ー"
COUNTED = 49
"""Open JTalk counts no further inside an accent phrase."""


@dataclass(slots=True)
class Phrase:
    """An accent phrase: the mora its pitch falls after (0 for none), and how many moras it has."""

    accent: int
    moras: int = 0


@dataclass(slots=True)
class Phone:
    """A phone, the word it belongs to, and which mora of which phrase it is in; a pause has no phrase."""

    name: str
    word: Word
    phrase: Phrase | None = None
    mora: int = 0


@dataclass
class Stretch:
    """The phones of one stretch while words are put to its end."""

    phones: list[Phone] = field(default_factory=list)
    phrase: Phrase | None = None
    pause: Word | None = None

    def add(self, word: Word) -> None:
        """Puts one word to the end."""
        if word.pron in {PAUSE, "？"}:
            self.pause = word
            return
        is_new = True
        for mora in _moras().findall(word.pron.replace("’", "")):
            if mora == LONG:
                self._lengthen(word)
                continue
            if mora not in rules()["moras"]:
                break
            if is_new:
                self._open(word)
                is_new = False
            self._say(rules()["moras"][mora], word)

    def _open(self, word: Word) -> None:
        """Begins a word: after a waiting pause, in the phrase it belongs to."""
        if self.pause is not None and self.phones:
            self.phones.append(Phone(PAUSE_PHONE, self.pause))
        self.pause = None
        if self.phrase is None or word.chain != 1:
            self.phrase = Phrase(word.accent)

    def _say(self, sounds: list[str], word: Word) -> None:
        if self.phrase is not None:
            self.phrase.moras += 1
            for sound in sounds:
                for name in SPLIT.get(sound, (sound,)):
                    self.phones.append(Phone(name, word, self.phrase, self.phrase.moras))

    def _lengthen(self, word: Word) -> None:
        """One mora more of the last sound; a word that begins with it joins the phrase before."""
        if self.phones and self.pause is None:
            self._say([self.phones[-1].name], word)


@cache
def _moras() -> re.Pattern[str]:
    return re.compile("|".join([LONG, *map(re.escape, rules()["moras"]), "."]), re.DOTALL)


def with_marks(words: list[Word]) -> list[tuple[str, Word]]:
    """The phones and marks of one stretch, each with its word."""
    stretch = Stretch()
    for word in words:
        stretch.add(word)
    marked: list[tuple[str, Word]] = []
    phones = stretch.phones
    for index, phone in enumerate(phones):
        marked.append((phone.name, phone.word))
        if phone.phrase is not None and index + 1 < len(phones):
            mark = _mark(phone, phone.phrase, phones[index + 1])
            if mark:
                marked.append((mark, phone.word))
    return marked


def _mark(phone: Phone, phrase: Phrase, following: Phone) -> str:
    """What stands between two phones; nothing before a pause."""
    if following.phrase is None:
        return ""
    mora, count = min(phone.mora, COUNTED), min(phrase.moras, COUNTED)
    after = min(following.mora, COUNTED)
    fall = phrase.accent or phrase.moras
    if phone.mora == phrase.moras and after == 1 and phone.name in ENDS_MORA:
        return BORDER
    if phone.mora == fall and after == mora + 1 and mora != count:
        return "]"
    return "[" if mora == 1 and after == 2 else ""
