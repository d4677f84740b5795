"""The words of a Korean text with their parts of speech, by mecab-ko and its dictionary (Sejong tags)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from mecab import MeCab

_MAX_PIECE = 120
"""Longer stretches without a space are cut: the analyser's time grows with their square."""
_MAX_WHOLE = 2000

_SENTENCE = re.compile(r"[^.!?…\n]*[.!?…\n]*\s*")


@dataclass(frozen=True, slots=True)
class Morpheme:
    """A word part: its place in the text, its tags ("VV+EF" gives two), and its reading in Hangul ("" if unknown)."""

    start: int
    end: int
    tags: tuple[str, ...]
    reading: str


@cache
def _analyser() -> MeCab:
    return MeCab()


def morphemes(text: str) -> list[Morpheme]:
    """All morphemes of ``text`` in order; white space belongs to none."""
    result = []
    for offset, piece in _pieces(text):
        for found in _analyser().parse(piece):
            feature = found.feature
            tags = tuple((feature.pos or "").split("+"))
            start, end = found.span
            result.append(Morpheme(offset + start, offset + end, tags, feature.reading or ""))
    return result


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """``text`` cut after sentences, and long sentences at spaces, so that no stretch takes long."""
    for sentence in _SENTENCE.finditer(text):
        start = sentence.start()
        while start < sentence.end():
            end = min(start + _MAX_PIECE, sentence.end())
            if end < sentence.end():
                space = text.rfind(" ", start + 1, end)
                end = space if space > start else end
            yield start, text[start:end]
            start = end


def tagged(text: str) -> list[tuple[str, str]]:
    """The morphemes of ``text`` with their tags ("VV+EF" for two); a text that is not very long is analysed whole."""
    if len(text) > _MAX_WHOLE:
        return [(text[found.start : found.end], "+".join(found.tags)) for found in morphemes(text)]
    whole: list[tuple[str, str]] = _analyser().pos(text)
    return whole
