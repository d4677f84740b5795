"""A Japanese word as Open JTalk's rules see it, and the tables those rules use.

Source: Open JTalk 1.11 (``njd``, Modified BSD); the tables are derived by ``recipes/text/ja_open_jtalk.py``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

NONE: Final = "*"
"""How the dictionary writes that a word has no reading, no rule, no group."""
UNDECIDED: Final = -1
"""`Word.chain` before the accent phrases are set; 1: joins the word before it, 0: starts a phrase."""


@dataclass(slots=True)
class Word:
    """One word of a stretch.

    ``text``: as written; ``pos`` and ``groups``: part of speech and its three sub-classes; ``form``: its inflection;
    ``reading`` and ``pron``: in katakana, as written and as spoken; ``accent``: the mora after which the pitch falls, 0
    for none; ``moras``: how many it has; ``rule``: how its accent chains to the word before; ``start``, ``end``: the
    characters of the stretch it comes from.
    """

    text: str
    pos: str
    groups: tuple[str, str, str]
    form: str
    reading: str
    pron: str
    accent: int
    moras: int
    rule: str
    chain: int = UNDECIDED
    start: int = 0
    end: int = 0

    @property
    def is_number(self) -> bool:
        """Whether the dictionary calls it a numeral."""
        return self.groups[0] == "数"

    @property
    def counts(self) -> bool:
        """Whether it can count things after a numeral."""
        return self.groups[1] == "助数詞" or self.groups[0] == "副詞可能"

    def become(self, feature: str) -> None:
        """Takes everything from another dictionary entry, but keeps its place in the text."""
        new = parse(feature)[0]
        self.text, self.pos, self.groups, self.form = new.text, new.pos, new.groups, new.form
        self.reading, self.pron, self.accent, self.moras = new.reading, new.pron, new.accent, new.moras
        self.rule = new.rule
        if new.chain != UNDECIDED:
            self.chain = new.chain

    def say(self, pron: str, accent: int, moras: int) -> None:
        """Is spoken otherwise from now on."""
        self.pron, self.accent, self.moras = pron, accent, moras

    def hush(self) -> None:
        """Says nothing; such words are dropped at the end of a step."""
        self.pron = NONE


def parse(feature: str) -> list[Word]:
    """The words of one dictionary line ``text,pos,group1,…,reading,pron,accent/moras,rule,chain``.

    An entry may hold several words, parted by ``:`` in its readings.
    """
    cells = [cell or NONE for cell in feature.split(",")] + [NONE] * 13
    text, pos, *groups = cells[:5]
    form, original, reading, pron, accents, rule, chain = cells[6:13]
    decided = int(chain) if chain in {"0", "1"} else UNDECIDED
    kinds = (groups[0], groups[1], groups[2])
    if NONE in accents or "/" not in accents:
        return [Word(text, pos, kinds, form, reading, pron, 0, 0, rule, decided)]
    if accents.count("/") == 1:
        accent, moras = _accent(accents)
        return [Word(text, pos, kinds, form, reading, pron, accent, moras, rule, decided)]
    words = []
    parts = zip(accents.split(":"), _padded(original), _padded(reading), _padded(pron), strict=False)
    for index, (numbers, written, read, spoken) in enumerate(parts):
        accent, moras = _accent(numbers)
        part = Word(written, pos, kinds, form, read, spoken, accent, moras, rule, 0 if index else decided)
        words.append(part)
    words[-1].text = text[sum(len(word.text) for word in words[:-1]) :] or NONE
    return words


def _padded(cell: str) -> list[str]:
    return [part or NONE for part in cell.split(":")] + [NONE] * 9


def _accent(numbers: str) -> tuple[int, int]:
    accent, _, moras = numbers.partition("/")
    return int(accent or 0), int(moras or 0)


def without_silent(words: list[Word]) -> list[Word]:
    """The words that are spoken; a neighbour takes over the place in the text of one that is not."""
    spoken: list[Word] = []
    waiting: int | None = None
    for word in words:
        if word.pron != NONE:
            if waiting is not None:
                word.start, waiting = waiting, None
            spoken.append(word)
        elif spoken:
            spoken[-1].end = max(spoken[-1].end, word.end)
        elif waiting is None:
            waiting = word.start
    return spoken


@cache
def rules() -> dict[str, Any]:
    """The tables of Open JTalk: moras, kana and everything about numbers."""
    text = files(__package__).joinpath("data/open_jtalk.json").read_text(encoding="utf-8")
    tables: dict[str, Any] = json.loads(text)
    return tables
