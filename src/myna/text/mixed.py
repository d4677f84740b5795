"""A text of several languages as one: cut into segments, each read in its language, and put together again.

The assembly of the official GPT-SoVITS program as facts: phones and normalised texts are joined without anything
between them, and a text with very few phones is read once more with a full stop in front.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from myna.text.markup import Reading
from myna.text.phonemes import Part, Phonemes, Span, located
from myna.text.readings import chosen, overridden, spread
from myna.text.segment import Segment, own_language, segments
from myna.text.units import mended

MIN_PHONES = 6
"""A text with fewer phones gets a full stop in front: the models swallow very short ones."""

_SPACES = re.compile(" {2,}")
_STARTS_WITH_NUMBER = re.compile(r"\s*[0-9０-９]")

CHARACTER_LANGUAGES = ("zh", "yue")
"""Those whose readers say how many phones each character has."""

Read = Callable[[str, str], Phonemes]
"""Reads a text in a language."""
PhonesOf = Callable[[str, str, str], "list[str]"]
"""The phones of a reading, given with its word and language."""


@dataclass(frozen=True)
class Overrides:
    """What the user wants read otherwise: in place of the ``spelled`` words (none inside another) another spelling is
    read, to each of the ``spoken`` ones belong the phones that ``phones_of`` says.
    """

    spelled: Sequence[Reading] = ()
    spoken: Sequence[Reading] = ()
    phones_of: PhonesOf = lambda reading, _word, _language: reading.split()


@dataclass(frozen=True)
class _Piece:
    """``text`` in one language, its characters at ``places`` of the working text; ``spoken``: the words in it whose
    phones the user has said. With ``is_said`` it is such a word, and nothing else.
    """

    language: str
    text: str
    places: Sequence[int]
    spoken: tuple[Reading, ...] = ()
    is_said: bool = False


@dataclass(frozen=True)
class _Working:
    """A text as it is read: ``places[i]`` are the characters of the source that character i stands for."""

    text: str
    places: list[Span]
    spoken: list[Reading]


def read_mixed(
    text: str,
    mode: str,
    read: Read,
    overrides: Overrides | None = None,
    *,
    min_phones: int = MIN_PHONES,
    is_mended: bool = True,
) -> Phonemes:
    """``text`` in a mode of `segments`, with spans, words and parts; without phones where nothing can be read.

    ``is_mended``: kg, km and the like are read in the language around them, where the official program reads them in
    English, Chinese text has no words left in Latin letters, which the official program drops, and the stop before a
    short text makes no decimal of its number.
    """
    working = _working(text, overrides or Overrides())
    phones_of = (overrides or Overrides()).phones_of
    result = _assembled(text, working, mode, read, phones_of, is_mended=is_mended)
    if len(result.phones) < min_phones:
        mark = _opening(working.text, mode) if is_mended else "."
        result = _assembled(text, _prefixed(working, mark), mode, read, phones_of, is_mended=is_mended)
    return result


def _opening(text: str, mode: str) -> str:
    """The stop in front of a very short text: one that makes no decimal of a number there."""
    first = segments(text, mode)[:1] if _STARTS_WITH_NUMBER.match(text) else []
    stops = {"en": ". ", **dict.fromkeys(CHARACTER_LANGUAGES, "。")}
    return next((stops.get(segment.language, ".") for segment in first), ".")


def _working(text: str, overrides: Overrides) -> _Working:
    """The text with the other spellings in place, and runs of spaces as one."""
    spellings = {(place.start, place.end): place.reading for place in overrides.spelled}
    edits = sorted([*spellings, *(match.span() for match in _SPACES.finditer(text))])
    parts: list[str] = []
    places: list[Span] = []
    begins: dict[int, int] = {}
    at = 0
    for start, end in [*edits, (len(text), len(text))]:
        if start < at:
            continue
        begins.update((place, len(places) + place - at) for place in range(at, start + 1))
        parts.append(text[at:start])
        places += [(place, place + 1) for place in range(at, start)]
        inserted = spellings.get((start, end), " " if end > start else "")
        parts.append(inserted)
        places += [(start, end)] * len(inserted)
        at = end
        begins[end] = len(places)
    spoken = [
        replace(place, start=begins[place.start], end=begins[place.end])
        for place in overrides.spoken
        if place.start in begins and place.end in begins
    ]
    return _Working("".join(parts), places, [place for place in spoken if place.start < place.end])


def _prefixed(working: _Working, mark: str) -> _Working:
    shift = len(mark)
    spoken = [replace(place, start=place.start + shift, end=place.end + shift) for place in working.spoken]
    first = working.places[0][0] if working.places else 0
    return _Working(mark + working.text, [(first, first)] * shift + working.places, spoken)


def _assembled(
    source: str, working: _Working, mode: str, read: Read, phones_of: PhonesOf, *, is_mended: bool
) -> Phonemes:
    found = segments(working.text, mode, official=not is_mended)
    found = mended(found, own_language(mode)) if is_mended else found
    alone: list[Reading] = []
    while True:
        pieces = [piece for segment in found for piece in _pieces(segment, working, alone)]
        results = [_read(piece, read, phones_of) for piece in pieces]
        failed = [place for result in results if isinstance(result, list) for place in result]
        if not failed:
            return _joined(source, working, pieces, [result for result in results if isinstance(result, Phonemes)])
        alone += failed


def _pieces(segment: Segment, working: _Working, alone: Sequence[Reading]) -> Iterator[_Piece]:
    """The segment, cut around the words that have to be said ``alone`` or that reach beyond it.

    Of a word in several segments the first one has it.
    """
    if not segment.places:
        return
    first, last = segment.places[0], segment.places[-1] + 1
    here = chosen((place for place in working.spoken if place.start < last and first < place.end), segment.language)
    apart = [place for place in here if place in alone or place.start < first or last < place.end]
    inner = [place for place in here if place not in apart]
    at = first
    for place in apart:
        yield from _between(segment, at, place.start, inner)
        if place.start >= first:
            word = working.text[place.start : place.end]
            yield _Piece(segment.language, word, range(place.start, place.end), (place,), is_said=True)
        at = place.end
    yield from _between(segment, at, last, inner)


def _between(segment: Segment, start: int, end: int, inner: Sequence[Reading]) -> Iterator[_Piece]:
    first, last = (bisect_left(segment.places, place) for place in (start, end))
    text = segment.text[first:last]
    if text.strip() or text == segment.text == " ":
        here = tuple(place for place in inner if start <= place.start and place.end <= end)
        yield _Piece(segment.language, text, segment.places[first:last], here)


def _read(piece: _Piece, read: Read, phones_of: PhonesOf) -> Phonemes | list[Reading]:
    """The piece read, with spans in the working text; or the words in it that have to be said alone."""
    if piece.is_said:
        word = piece.text.strip()
        phones = phones_of(piece.spoken[0].reading, word, piece.language)
        span = (piece.places[0], piece.places[-1] + 1)
        word2ph = spread(len(phones), len(word)) if piece.language in CHARACTER_LANGUAGES else None
        return Phonemes(phones, word2ph, word, [(word, 0, len(phones))], [span] * len(phones))
    result = located(read(piece.text, piece.language), piece.text)
    result = replace(result, spans=[_placed(piece.places, span) for span in result.spans])
    failed: list[Reading] = []
    for place in piece.spoken:
        word = piece.text[bisect_left(piece.places, place.start) : bisect_left(piece.places, place.end)]
        said = overridden(result, place, phones_of(place.reading, word, piece.language))
        if said is None:
            failed.append(place)
        else:
            result = said
    return failed or result


def _placed(places: Sequence[int], span: Span) -> Span:
    """A span of a piece in the text that its characters stand in."""
    start, end = span
    if start < end:
        return places[start], places[end - 1] + 1
    at = places[start] if start < len(places) else places[-1] + 1
    return at, at


def _joined(source: str, working: _Working, pieces: Sequence[_Piece], results: Sequence[Phonemes]) -> Phonemes:
    """The pieces as one, with spans and words of the source text; pieces without phones are dropped."""
    phones: list[str] = []
    spans: list[Span] = []
    words: list[tuple[str, int, int]] = []
    parts: list[Part] = []
    for piece, result in zip(pieces, results, strict=True):
        if not result.phones:
            continue
        first = len(phones)
        phones += result.phones
        spans += [_sourced(working.places, span) for span in result.spans]
        words += [
            (source[spans[start + first][0] : spans[end + first - 1][1]] or word, start + first, end + first)
            for word, start, end in result.words
        ]
        parts.append(Part(piece.language, first, len(phones), result.norm_text, result.word2ph))
    counts = [part.word2ph for part in parts]
    word2ph = [size for count in counts for size in count or ()] if parts and None not in counts else None
    return Phonemes(phones, word2ph, "".join(part.norm_text for part in parts), words, spans, parts)


def _sourced(places: Sequence[Span], span: Span) -> Span:
    """A span of the working text in the source."""
    start, end = span
    if start < end:
        return places[start][0], max(places[end - 1][1], places[start][0])
    at = places[start][0] if start < len(places) else places[-1][1]
    return at, at
