"""A text as the pieces that are said one after the other, each as phones, with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from myna.core.errors import NothingToSay
from myna.core.versions import ModelVersion
from myna.engine.features.reading import mode_for
from myna.text.cut import OWN_METHODS, is_marked, presegment
from myna.text.frontend import Phonemes, phonemize
from myna.text.markup import hidden, parse, stretches, without_pauses
from myna.text.phonemes import Span
from myna.text.places import placed, places, reach
from myna.text.smart import MOST, smart, syllables
from myna.text.words import Words

_SHARE = 0.6
"""Parts of a piece that is too long have at most this share of its syllables."""
_NO_DECIMAL = re.compile(r"^\.(?=\d)")
"""A stop in front of a short opening that would make a decimal of its number."""
_SHORTEST = 8
"""Shorter ones, in characters, are not cut."""


@dataclass(frozen=True)
class Piece:
    """One piece: its words as they stand in the text, without markup; its phones, with spans in the text.

    ``place`` is [start, end) in the text. ``pause_s``: seconds of silence behind it where the text asks for some.
    A piece without phones is the silence that a text begins with.
    """

    text: str
    spoken: Phonemes
    place: Span
    pause_s: float | None = None


def pieces(
    text: str, language: str, version: ModelVersion, *, cut: str = "smart", words: Words | None = None
) -> list[Piece]:
    """The pieces of ``text`` for nets of ``version``, cut by a method of `myna.text.cut`; ``words``: the dictionary.

    A piece that the nets cannot say at once is cut further, whatever the method. Parts in which nothing can be spoken
    are left out.

    Raises:
        UnknownChoice: a language (mode) or method that there is not, or a language that the version does not speak.
        NothingToSay: nothing in the text can be spoken.
        BadInput: bad markup, an unknown phone, or a part of the text is in a language the version does not speak.
        MissingExtra: the library of a language is not installed.
    """
    mode = mode_for(text, language, version)
    read = partial(phonemize, language=mode, table=version.symbols, words=words)
    most = version.piece_phones if cut in OWN_METHODS else version.uncut_phones
    found: list[tuple[str, Phonemes]] = []
    pauses: dict[int, float] = {}
    for stretch, silence_s in _stretches(text, mode):
        bare, readings = hidden(stretch)
        for part in presegment(bare, cut, mode):
            part = _NO_DECIMAL.sub(". ", part) if bare[:1] != "." else part
            found += _said(part.translate(readings), read, most)
        if silence_s is not None:
            pauses[len(found)] = pauses.get(len(found), 0.0) + silence_s
    if not found:
        read(without_pauses(text))  # says what is wrong
        raise NothingToSay("there is nothing to say in the text")
    silence = [Piece("", Phonemes([], None, ""), (0, 0), pauses[0])] if 0 in pauses else []
    return silence + [
        replace(piece, pause_s=pauses.get(number)) for number, piece in enumerate(_placed(found, text), start=1)
    ]


def _stretches(text: str, mode: str) -> Iterator[tuple[str, float | None]]:
    """The text between its pauses, and the silence behind each; a sentence that goes on behind one is not ended."""
    found = stretches(text)
    for (stretch, silence_s), (following, _) in pairwise([*found, ("", 0.0)]):
        goes_on = following and stretch.strip() and not is_marked(stretch)
        is_last = not following and not silence_s
        yield stretch + (("," if mode == "en" else "，") if goes_on else ""), None if is_last else silence_s


def _said(part: str, read: Callable[[str], Phonemes], most: int) -> list[tuple[str, Phonemes]]:
    """The part with its phones, cut where it has more than ``most``; nothing where nothing in it can be spoken."""
    try:
        spoken = read(part)
    except NothingToSay:
        return []
    if len(spoken.phones) <= most or len(part) < _SHORTEST:
        return [(part, spoken)]
    return [said for shorter in _shorter(part) for said in _said(shorter, read, most)]


def _shorter(part: str) -> list[str]:
    """The part as several, cut where one would breathe, else in the middle; what goes on behind a cut gets a comma."""
    bare, readings = hidden(part)
    cuts = (smart(bare, most) for most in (MOST, _SHARE * syllables(bare)))
    found = next((cut for cut in cuts if len(cut) > 1), [bare[: len(bare) // 2], bare[len(bare) // 2 :]])
    *before, last = [shorter.translate(readings) for shorter in found]
    return [shorter if is_marked(shorter) else f"{shorter}," for shorter in before] + [last]


def _placed(found: Sequence[tuple[str, Phonemes]], text: str) -> Iterator[Piece]:
    """The pieces with their words and spans as they are in ``text``."""
    bare = without_pauses(text)
    for spans, (_, spoken) in zip(places([part for part, _ in found], bare), found, strict=True):
        start, end = reach(spans, bare)
        words = " ".join(parse(bare[start:end]).text.split())
        yield Piece(words, replace(spoken, spans=[placed(span, spans) for span in spoken.spans]), (start, end))
