"""What every language makes of a text."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

BERT_LANGUAGE = "zh"
"""The language that the published BERT reads; the features of all other phones are zeros."""

Span = tuple[int, int]
"""[start, end) of characters of a source text."""


@dataclass(frozen=True)
class Part:
    """The phones [first, last) of a text: one language, read as ``norm_text``; ``word2ph`` as in `Phonemes`."""

    language: str
    first: int
    last: int
    norm_text: str
    word2ph: list[int] | None


@dataclass(frozen=True)
class Phonemes:
    """A text as phones.

    ``phones``: symbols of the table that was asked for. ``word2ph``: how many phones each character of ``norm_text``
    has, in languages written in characters; None elsewhere. ``norm_text``: the text as it is read out (numbers in
    words). ``words``: (word as it stands in the source text, first phone, one past its last phone), in order; phones
    between two words are punctuation. ``spans``: for each phone, the characters of the source text that it says, so
    that all phones of "500元" have one span; a reader may leave it empty, then it is found from ``words``.
    ``parts``: the parts in one language each (empty as it comes from a reader). ``pauses``: (phone before which there
    is silence, how many seconds), where the text's markup asks for it.
    """

    phones: list[str]
    word2ph: list[int] | None
    norm_text: str
    words: list[tuple[str, int, int]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    pauses: list[tuple[int, float]] = field(default_factory=list)

    @property
    def languages(self) -> list[str]:
        """The language of each phone."""
        return [part.language for part in self.parts for _ in range(part.first, part.last)]

    @property
    def bert_parts(self) -> list[Part]:
        """The parts that BERT reads: row i of a part's features belongs to ``word2ph[i]`` phones, from ``first`` on."""
        return [part for part in self.parts if part.language == BERT_LANGUAGE and part.word2ph is not None]


def located(read: Phonemes, text: str) -> Phonemes:
    """``read``, what a reader made of ``text``, with both ``spans`` and ``words``: each is found from the other."""
    spans = read.spans if len(read.spans) == len(read.phones) else _spans(read, text)
    return replace(read, spans=spans, words=read.words or _words(spans, text))


def _spans(read: Phonemes, text: str) -> list[Span]:
    """A word's place for each of its phones; for the phones between two words what stands between these."""
    if not read.words:
        return [(0, len(text))] * len(read.phones)
    found: list[Span] = []
    at = 0
    for word, first, last in read.words:
        start = max(text.find(word, at), at)
        end = min(start + len(word), len(text))
        found += [_stripped(text, at, start)] * (first - len(found)) + [(start, end)] * (last - first)
        at = end
    return found + [_stripped(text, at, len(text))] * (len(read.phones) - len(found))


def _stripped(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _words(spans: list[Span], text: str) -> list[tuple[str, int, int]]:
    """Neighbouring phones of one span are a word, if it has letters or digits."""
    words: list[tuple[str, int, int]] = []
    first = 0
    for column in range(1, len(spans) + 1):
        if column == len(spans) or spans[column] != spans[first]:
            word = text[slice(*spans[first])]
            if any(map(str.isalnum, word)):
                words.append((word, first, column))
            first = column
    return words
