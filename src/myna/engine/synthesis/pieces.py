"""A text as the pieces that are said one after the other: sentences, long ones cut where one would breathe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from myna.core.errors import BadInput
from myna.text.cut import collapse_marks, presegment
from myna.text.frontend import Phonemes, phonemize

_ENDS = re.compile(r"(?<=[.!?…])[\"')\]»”’]*\s+|(?<=[。！？])|\n+")
_SHORTENED = "Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|Gen|Col|Lt|Capt|No|Vol|approx"
_ABBREVIATION = re.compile(rf"(?:^|[\s(\"'])(?:[A-Za-z]|{_SHORTENED})\.\s*$")
_BREATHS = (re.compile(r"(?<=[;:；：])\s*|\s+(?=[—–])"), re.compile(r"(?<=[,，、])\s*"), re.compile(r"\s+"))
"""Where a sentence that is too long may be cut: the first of these that gives two parts or more."""
_FEW_PHONES = 12
"""A shorter sentence is said together with its neighbour: so little has no melody of its own."""


@dataclass(frozen=True)
class Piece:
    """One piece: its words as they stand in the text, and its phones."""

    text: str
    spoken: Phonemes


def pieces(text: str, language: str, *, table: str, most_phones: int) -> list[Piece]:
    """The pieces of ``text``, each of about ``most_phones`` phones at most.

    Raises `BadInput` where nothing in the text can be spoken, `UnknownChoice` for a language that cannot be read.
    """
    found: list[Piece] = []
    for sentence in _sentences(collapse_marks(text)):
        for piece in _read(sentence, language, table, most_phones):
            last = found[-1] if found else None
            if last is not None and _are_one(last, piece, most_phones):
                found[-1:] = _read(f"{last.text} {piece.text}", language, table, most_phones)
            else:
                found.append(piece)
    if not found:
        phonemize(text, language, table)  # says what is wrong
        raise BadInput("there is nothing to say in the text")
    return found


def _are_one(first: Piece, second: Piece, most_phones: int) -> bool:
    lengths = len(first.spoken.phones), len(second.spoken.phones)
    return min(lengths) < _FEW_PHONES and sum(lengths) <= most_phones


def _sentences(text: str) -> Iterator[str]:
    """``text`` cut behind the marks that end a sentence, and at line ends; not behind abbreviations."""
    start = 0
    for match in _ENDS.finditer(text):
        before = text[start : match.end()]
        if "\n" not in match.group() and _ABBREVIATION.search(before):
            continue
        if before.strip():
            yield before.strip()
        start = match.end()
    if text[start:].strip():
        yield text[start:].strip()


def _read(sentence: str, language: str, table: str, most_phones: int) -> Iterator[Piece]:
    """The sentence, in parts where it has too many phones; parts in which nothing can be spoken are dropped."""
    # The front end's own rules: a stop at the end, a stop before a very short opening, at most 510 characters.
    for part in presegment(sentence, "cut0", language):
        try:
            spoken = phonemize(part, language, table)
        except BadInput:
            continue
        if len(spoken.phones) <= most_phones:
            yield Piece(sentence if part.strip(" .。") == sentence.strip(" .。") else part.strip(), spoken)
        else:
            for half in _halves(part):
                yield from _read(half, language, table, most_phones)


def _halves(sentence: str) -> list[str]:
    """A sentence as two, cut at the best place nearest its middle."""
    middle = len(sentence) / 2
    for breath in _BREATHS:
        places = [match.end() for match in breath.finditer(sentence) if 0.15 < match.end() / len(sentence) < 0.85]
        if places:
            cut = min(places, key=lambda place: abs(place - middle))
            return [sentence[:cut].strip(), sentence[cut:].strip()]
    cut = len(sentence) // 2
    return [sentence[:cut], sentence[cut:]]
