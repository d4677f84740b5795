"""Any Unicode text to the few characters that the English reader knows, remembering where each came from."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_REPLACED = {
    **dict.fromkeys("‘’‚‛ʼ′´`", "'"),
    **dict.fromkeys("“”„‟«»″「」『』《》〈〉", '"'),
    **dict.fromkeys("‐‑", "-"),
    **dict.fromkeys("‒–—―⸺〜～", " - "),
    **dict.fromkeys("−﹣", "-"),
    **dict.fromkeys("，、､·•", ","),
    **dict.fromkeys("。｡", ". "),
    **dict.fromkeys("™®©", ""),
    "：": ":",
    "；": ";",
    "？": "?",
    "！": "!",
    "⁄": "/",
    "≈": " about ",
    "±": " plus or minus ",
    "→": ",",
    "²": "^2",
    "³": "^3",
    "ß": "ss",
    "æ": "ae",
    "Æ": "Ae",
    "œ": "oe",
    "Œ": "Oe",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ð": "th",
    "þ": "th",
    "Þ": "Th",
    "ı": "i",
}
_KEPT = frozenset("£€¥₹°×÷")


@dataclass(frozen=True)
class Folded:
    """``text``: printable ASCII and the signs £ € ¥ ₹ ° × ÷. ``origin[i]``: index in the source of ``text[i]``."""

    text: str
    origin: list[int]


def fold(source: str) -> Folded:
    """Letters lose their accents, full-width forms and curly quotes become plain; what cannot be read is a space."""
    pieces: list[str] = []
    origin: list[int] = []
    for index, character in enumerate(source):
        piece = _fold_character(character)
        if character in "½¼¾⅓⅔⅛⅜⅝⅞" and index and source[index - 1].isdigit():
            piece = " " + piece
        if character in "μµ" and source[index + 1 : index + 2].isascii() and source[index + 1 : index + 2].isalpha():
            piece = "u"  # of μm and the like
        pieces.append(piece)
        origin.extend([index] * len(piece))
    return Folded("".join(pieces), origin)


def _fold_character(character: str) -> str:
    if " " <= character <= "~":
        return character
    if character in _REPLACED:
        return _REPLACED[character]
    if character in _KEPT:
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    category = unicodedata.category(character)
    if category in ("Mn", "Cf"):
        return ""
    plain = unicodedata.normalize("NFKD", character).replace("⁄", "/")
    kept = "".join(part for part in plain if " " <= part <= "~" or part in _KEPT)
    return kept or " "
