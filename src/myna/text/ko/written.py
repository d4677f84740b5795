"""A Korean text as it is written, in one spelling: composed syllables, half-width signs, one kind of space.

Every character keeps the place in the source text that it came from.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

QUOTES = frozenset("\"'“”‘’„‟‹›«»「」『』《》〈〉`´")
BRACKETS = frozenset("()[]{}<>〔〕【】〖〗")

_JAMO_RUN = re.compile("[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]+|.", re.DOTALL)
_CONJOINING = re.compile("[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]")
_KEPT = frozenset("…·²³" + "".join(map(chr, range(0x3131, 0x318F))))
_SILENT = {"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Lm"}
_REPLACED = {
    "−": "-", "–": "-", "—": "-", "―": "-", "‐": "-", "‑": "-", "∼": "~", "〜": "~", "～": "~", "￦": "₩", "￥": "¥",
    "：": ":", "；": ";", "，": ",", "、": ",", "。": ".", "！": "!", "？": "?", "・": "·", "･": "·", "‧": "·",
    "•": "·", "〇": "영", "°": "°", "º": "°", "˚": "°", "⁓": "~", "′": "'", "″": '"',
}  # fmt: skip


@dataclass(frozen=True)
class Written:
    """``text``, and for each of its characters the (start, end) in the source text."""

    text: str
    spans: tuple[tuple[int, int], ...]


def fold(source: str) -> Written:
    """``source`` in one spelling; characters without a sound (controls, marks, halves of surrogates) are left out."""
    letters: list[str] = []
    spans: list[tuple[int, int]] = []
    for match in _JAMO_RUN.finditer(source):
        for text, start, end in _folded(match[0], match.start()):
            if text == " " and letters and letters[-1] == " ":
                continue
            if "⁄" in text and letters and letters[-1].isdigit():
                letters.append(" ")
                spans.append((start, end))
            letters.extend(text)
            spans.extend([(start, end)] * len(text))
    return Written("".join(letters), tuple(spans))


def _folded(run: str, start: int) -> list[tuple[str, int, int]]:
    """The folded text of a character (or of conjoining letters), with its place in the source."""
    if len(run) == 1 and not _CONJOINING.match(run):
        return [(_folded_character(run), start, start + 1)]
    result = []
    for syllable in unicodedata.normalize("NFC", run):
        length = len(unicodedata.normalize("NFD", syllable))
        if "가" <= syllable <= "힣":
            result.append((syllable, start, start + length))
        start += length
    return result


def _folded_character(character: str) -> str:
    if "가" <= character <= "힣" or character in _KEPT or " " <= character <= "~":
        return character
    if character in _REPLACED:
        return _REPLACED[character]
    if character in "\n\u2028\u2029\x85\x0b\x0c":
        return "\n"
    if character in "\t\r" or unicodedata.category(character) == "Zs":
        return " "
    decomposition = unicodedata.decomposition(character)
    if decomposition.startswith("<narrow> 31"):
        return chr(int(decomposition.split()[1], 16))
    if 0x2160 <= ord(character) <= 0x217F:
        return str(int(unicodedata.numeric(character)))
    plain = unicodedata.normalize("NFKC", character)
    if unicodedata.category(character) in _SILENT and not plain.isalnum():
        return ""
    if plain.isalpha() and plain[0] < "\u0250":
        plain = "".join(part for part in unicodedata.normalize("NFD", plain) if unicodedata.category(part) != "Mn")
    return plain
