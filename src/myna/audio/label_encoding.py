"""Bytes of a label file as text: UTF-8, or another encoding where it is certain which.

Label files name their languages in ASCII, so it is known which encodings come into question; one of them is certain
when nearly all characters are everyday ones in it and clearly fewer in every other. General guessers do not know the
language: charset-normalizer takes Japanese in EUC-JP for Korean.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

from myna.core.errors import BadInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BY_LANGUAGE = {
    "zh": ("gb18030", "big5"),
    "yue": ("big5", "gb18030"),
    "ja": ("cp932", "euc_jp"),
    "ko": ("cp949",),
    "en": ("cp1252",),
}
ENCODINGS = ("utf-8", "utf-16", *dict.fromkeys(name for names in _BY_LANGUAGE.values() for name in names))
"""What can be asked for by name."""

_EVERYDAY = {  # the rows of its national standard in which an encoding has its everyday characters, and its marks
    "gb18030": ("gb2312", 0xA1, 0xD7),
    "big5": ("big5", 0xA1, 0xC6),
    "cp932": ("euc_jp", 0xA1, 0xCF),
    "euc_jp": ("euc_jp", 0xA1, 0xCF),
    "cp949": ("euc_kr", 0xA1, 0xC8),
}
_WESTERN = frozenset("‘’“”–—…•àáâäãåæçèéêëìíîïñòóôöøùúûüœßÀÉÜÖÄ£€°©®\xa0")
_SURE, _MARGIN, _FEWEST = 0.9, 0.2, 6
_LANGUAGE = re.compile(rb"\|\s*(zh|cn|ja|jp|en|ko|kr|yue)\s*\|", re.IGNORECASE)
_SPELLINGS = {"cn": "zh", "jp": "ja", "kr": "ko"}


def decoded(data: bytes, name: str, encoding: str = "") -> str:
    """The text of a label file called ``name``; ``encoding`` is asked for, else found.

    In a file that is UTF-8 for the most part, other bytes become lone surrogates (``surrogateescape``), so that what
    is written back in the same way has them unchanged.

    Raises:
        BadInput: the encoding is not certain, or is not the one that is asked for, or this is no text.
    """
    if encoding:
        return _asked_for(data, name, encoding)
    marked = next((found for mark, found in _MARKS if data.startswith(mark)), "") or _wide(data)
    if marked and marked != "utf-8-sig":
        return _asked_for(data, name, marked)
    data = data.removeprefix(codecs.BOM_UTF8)
    if is_utf8(data):
        return data.decode("utf-8")
    if _is_mostly_utf8(data):
        return data.decode("utf-8", errors="surrogateescape")
    found = _certain(data)
    if not found:
        raise BadInput(
            f"{name} is not UTF-8 text and it is not certain what it is; save it as UTF-8, or name its encoding: "
            f"{', '.join(ENCODINGS)}"
        )
    return data.decode(found)


def is_utf8(data: bytes) -> bool:
    """Whether these bytes can be read as UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _asked_for(data: bytes, name: str, encoding: str) -> str:
    try:
        known = codecs.lookup(encoding).name
        return data.decode("utf-8-sig" if known == "utf-8" else known)
    except LookupError:
        raise BadInput(f"unknown encoding {encoding!r}; choose one of: {', '.join(ENCODINGS)}") from None
    except UnicodeError:
        raise BadInput(f"{name} is not {encoding} text; it may be damaged") from None


def _wide(data: bytes) -> str:
    """The UTF-16 that a text without a mark is in: its bars have a zero beside them; "" for none."""
    if len(data) % 2:
        return ""
    for encoding, bar, high in (("utf-16-le", b"|\0", 1), ("utf-16-be", b"\0|", 0)):
        zeros, others = data[high::2].count(0), data[1 - high :: 2].count(0)
        if zeros > others and data.count(bar) * 2 > data.count(b"|"):
            return encoding
    return ""


def _is_mostly_utf8(data: bytes) -> bool:
    """Whether at least as many lines beyond ASCII are UTF-8 as are not."""
    verdicts = [is_utf8(line) for line in data.split(b"\n") if not line.isascii()]
    return sum(verdicts) * 2 >= len(verdicts)


def _certain(data: bytes) -> str:
    """The encoding in which nearly all characters are everyday ones, if there is only one; "" else."""
    named = {found.decode().lower() for found in _LANGUAGE.findall(data)}
    languages = {_SPELLINGS.get(name, name) for name in named} or set(_BY_LANGUAGE)
    candidates = dict.fromkeys(name for language in sorted(languages) for name in _BY_LANGUAGE[language])
    scores = sorted(((_score(data, name), name) for name in candidates), reverse=True)
    best, name = scores[0]
    second = scores[1][0] if len(scores) > 1 else 0.0
    return name if best >= _SURE and best - second >= _MARGIN else ""


def _score(data: bytes, encoding: str) -> float:
    """The share of everyday ones among the characters beyond ASCII; 0.0 where the bytes are not in this encoding."""
    try:
        chars = [char for char in data.decode(encoding) if not char.isascii()]
    except UnicodeDecodeError:
        return 0.0
    if encoding == "cp1252":
        return sum(char in _WESTERN for char in chars) / max(len(chars), 1)
    return _everyday(chars, *_EVERYDAY[encoding]) / len(chars) if len(chars) >= _FEWEST else 0.0


def _everyday(chars: Iterable[str], standard: str, first: int, last: int) -> int:
    count = 0
    for char in chars:
        try:
            count += first <= char.encode(standard)[0] <= last
        except UnicodeEncodeError:
            continue
    return count
