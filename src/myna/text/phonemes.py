"""What every language makes of a text."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Phonemes:
    """A text as phones.

    ``phones``: symbols of the table that was asked for. ``word2ph``: how many phones each character of ``norm_text``
    has, in languages written in characters; None elsewhere. ``norm_text``: the text as it is read out (numbers in
    words). ``words``: (word as it stands in the source text, first phone, one past its last phone), in order; phones
    between two words are punctuation. ``spans``: for each phone, the (start, end) of the characters of the source text
    that it says, so that all phones of "500元" have one span; a reader may leave it empty, then it is found from
    ``words``.
    """

    phones: list[str]
    word2ph: list[int] | None
    norm_text: str
    words: list[tuple[str, int, int]] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
