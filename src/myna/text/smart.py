"""Cutting by what is written: between sentences, and in long ones where one would breathe.

A number, abbreviation, address, quotation or markup is never cut, unless it alone is longer than a piece may be (then a
quotation is cut like other text). Pieces are long enough to have a melody and short enough to be spoken well.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import accumulate

MOST = 50.0
"""The longest piece, in syllables (about ten seconds)."""
LEAST = 6.0
"""A shorter piece joins a neighbour."""

_LATIN_SYLLABLES = 0.3
_DENSE = re.compile(r"[0-9\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")
CLOSERS = "\"')\\]}»”’」』）】》〉"
_QUOTED = re.compile(
    "|".join(
        rf"{opening}[^{opening}{closing}\n]{{0,300}}{closing}"
        for opening, closing in ("“”", "‘’", "「」", "『』", "《》", "【】", "（）", "«»", ('"', '"'), (r"\(", r"\)"))
    )
)
_WHOLE = re.compile(
    r"<[^<>|\n]{0,200}\|[^<>|\n]{0,200}>|\[pause[^\]\n]{0,20}\]"  # markup
    r"|(?:https?://|www\.)[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{0,2000}[A-Za-z0-9/#=&]"
    r"|[A-Za-z0-9_.+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63})+"
    r"|[A-Za-z]{0,10}[$€£¥￥]?\d+(?:[.,:/\-~][ ]?\d+)+%?"
    r"|\d+(?: \d{3})+(?!\d)"
)
_SENTENCE_END = re.compile(
    rf"[。！？!?…]+[{CLOSERS}。！？!?…]*|\.+(?=[{CLOSERS}\s\u3000-\u9fff\uac00-\ud7a3]|$)[{CLOSERS}.]*|\n+"
)
_ABBREVIATION = re.compile(
    r"(?:^|[^A-Za-z])(?:[A-Za-z]|(?:[A-Za-z]\.)+[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|Gen|Col|Lt|Sgt|Capt|Rev|Hon|No|Vol"
    r"|Fig|Eq|pp|ed|al|etc|approx|est|dept|Inc|Ltd|Co|Corp|Mt|Ave|Blvd|Ph\.D"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.$"
)
_BREATHS = (
    re.compile(rf"[;；:：~—]+[{CLOSERS}]*|(?<![{CLOSERS}])[{CLOSERS}]{{1,8}}(?=\w)"),
    re.compile(rf"[,，、]+[{CLOSERS}]*"),
    re.compile(r"\s+"),
    re.compile(r"(?<=[^\x00-\x7f])(?=\w)|(?<=\w)(?=[^\x00-\x7f\W])"),
)
"""Where a long sentence may be cut, the best places first; a cut is behind the match."""


def smart(text: str, most: float = MOST) -> list[str]:
    """The pieces of ``text``, of at most ``most`` syllables, in order; joined they are the text but for white space.

    Marks without words go with their neighbour; a text without letters and digits has no pieces.
    """
    weights = [0.0, *accumulate(map(_weight, text))]
    inside = _inside(text, weights)
    places = [[match.end() for match in breath.finditer(text) if not inside[match.end()]] for breath in _BREATHS]
    spans: list[tuple[int, int]] = []
    start = 0
    for end in [*_sentence_ends(text, inside), len(text)]:
        if any(map(str.isalnum, text[start:end])):
            spans += _breathed(start, end, most, weights, places)
            start = end
    if start < len(text) and spans:
        spans[-1] = (spans[-1][0], len(text))
    pieces = (" ".join(text[start:end].split()) for start, end in _merged(text, spans, most, weights))
    return [piece for piece in pieces if piece]


def _weight(char: str) -> float:
    if _DENSE.match(char):
        return 1.0
    return _LATIN_SYLLABLES if char.isalpha() else 0.0


def _inside(text: str, weights: list[float]) -> bytearray:
    """For each place whether a cut before this character would cut something that belongs together."""
    inside = bytearray(len(text) + 1)
    for pattern in (_QUOTED, _WHOLE):
        for match in pattern.finditer(text):
            start, end = match.span()
            if pattern is _WHOLE or weights[end] - weights[start] <= MOST:
                inside[start + 1 : end] = b"\1" * (end - start - 1)
    return inside


def _sentence_ends(text: str, inside: bytearray) -> list[int]:
    found: list[int] = []
    for match in _SENTENCE_END.finditer(text):
        end = match.end()
        is_stop = match.group().startswith(".") and not match.group().startswith("..")
        if (
            inside[end]
            or _goes_on(text, end)
            or (is_stop and _ABBREVIATION.search(text[max(0, match.start() - 12) : match.start() + 1]))
        ):
            continue
        found.append(end)
    return found


def _goes_on(text: str, end: int) -> bool:
    """Whether a sentence goes on behind a quotation: “好。”他说, "Stop!" he said."""
    following = text[end : end + 2].lstrip(" ")[:1]
    is_next = following == text[end : end + 1] and following.isalnum()
    return text[end - 1] in CLOSERS and (following.islower() or is_next)


def _breathed(
    start: int, end: int, most: float, weights: list[float], places: list[list[int]]
) -> list[tuple[int, int]]:
    """A sentence in parts of at most ``most`` syllables, halved at the best place near the middle."""
    todo, done = [(start, end)], []
    while todo:
        start, end = todo.pop()
        at = _halfway(start, end, weights, places) if weights[end] - weights[start] > most else None
        if at is None:
            done.append((start, end))
        else:
            todo += [(at, end), (start, at)]
    return done


def _halfway(start: int, end: int, weights: list[float], places: list[list[int]]) -> int | None:
    whole = weights[end] - weights[start]
    middle = bisect_left(weights, weights[start] + whole / 2, start, end)
    for breaths in places:
        near = bisect_left(breaths, middle)
        for at in sorted(breaths[max(0, near - 1) : near + 1], key=lambda at: abs(at - middle)):
            if start < at < end and 0.1 * whole < weights[at] - weights[start] < 0.9 * whole:
                return at
    return None


def _merged(text: str, spans: list[tuple[int, int]], most: float, weights: list[float]) -> list[tuple[int, int]]:
    """Very short pieces joined with the shorter of their neighbours, where the two are not too long together.

    A line without a mark at its end stays by itself: it is a heading.
    """
    result: list[tuple[int, int]] = []
    for start, end in spans:
        if result and _are_one(text, result[-1], (start, end), most, weights):
            result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return result


def _are_one(text: str, first: tuple[int, int], second: tuple[int, int], most: float, weights: list[float]) -> bool:
    sizes = [weights[end] - weights[start] for start, end in (first, second)]
    last = text[slice(*first)].rstrip()[-1:]
    is_heading = last.isalnum() and "\n" in text[first[1] - 1 : second[0] + 1]
    return min(sizes) < LEAST and sum(sizes) <= most and not is_heading


def syllables(text: str) -> float:
    """About how many syllables ``text`` has."""
    return sum(map(_weight, text))
