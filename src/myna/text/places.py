"""Where the characters of pieces stand in the text that they were cut from.

Cutting never changes letters and digits nor their order; marks and spaces it may leave out, replace or add.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from myna.text.phonemes import Span

_WORD = re.compile(r"[^\W_]")
_SPACE = re.compile(r"\s")


def places(pieces: Sequence[str], text: str) -> list[list[Span]]:
    """For each character of each of the ``pieces`` of ``text`` its place there; an empty one where it was added."""
    found: list[list[Span]] = []
    at, following = 0, _next_word(text, 0)
    for piece in pieces:
        spans: list[Span] = []
        for char in piece:
            if _WORD.match(char):
                place = text.find(char, following)
            else:
                space = _SPACE.search(text, at, following) if char.isspace() else None
                place = space.start() if space else text.find(char, at, following)
            if place < 0:
                spans.append((at, at))
                continue
            at = place + 1
            following = max(following, at)
            if _WORD.match(char):
                following = _next_word(text, at)
            spans.append((place, at))
        found.append(spans)
    return found


def placed(span: Span, spans: Sequence[Span]) -> Span:
    """A span of a piece, whose characters stand at ``spans``, in the text."""
    start, end = span
    if start < end:
        return spans[start][0], spans[end - 1][1]
    at = spans[start][0] if start < len(spans) else spans[-1][1]
    return at, at


def reach(spans: Sequence[Span], text: str) -> Span:
    """From the first to the last character of a piece that stands in the text and is no space; (0, 0) without any."""
    real = [span for span in spans if text[slice(*span)].strip()]
    return (real[0][0], real[-1][1]) if real else (0, 0)


def _next_word(text: str, at: int) -> int:
    match = _WORD.search(text, at)
    return match.start() if match else len(text)
