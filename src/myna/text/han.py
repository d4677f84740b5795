"""Chinese or Japanese: to which language a stretch of Han characters belongs, by its characters and its neighbours.

The national character sets say which characters a country writes: JIS X 0208 (Japan), GB 2312 (simplified Chinese) and
Big5 (traditional Chinese) come with Python as codecs, so there is no table here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f々"
HAN = "〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"

_IS_KANA = re.compile(f"[{KANA}]")
_IS_HAN = re.compile(f"[{HAN}]")
_RUNS = re.compile(f"[^{KANA}]+|[{KANA}]+")
_CLAUSE_MARK = re.compile(r"[\n,.:;!?，。：；！？、…“”\"「」『』（）()《》【】]")
_SENTENCE_MARK = re.compile(r"[\n.!?。！？…]")
_JIS_SECOND_LEVEL = 0xD0
_BOTH_WAYS = frozenset("内温没着黄静奥尽")
"""Not in Big5, and yet common where Chinese is written in traditional characters."""

LanguageOf = Callable[[str], str | None]
"""Says "zh" or "ja" of a stretch of Han characters, or None where it cannot say."""


@dataclass(frozen=True)
class Unit:
    """A stretch of Han and kana between two marks, at [start, end) of the text; ``clause`` and ``sentence`` number
    where it stands.
    """

    start: int
    end: int
    clause: int
    sentence: int


@lru_cache(maxsize=65536)
def _sets(char: str) -> tuple[bool, bool, bool, bool]:
    """Whether a character is Japanese (JIS, or IBM's additions), rare in it, simplified and traditional Chinese."""
    return (
        bool(_encoded(char, "cp932")),
        _encoded(char, "euc_jp")[:1] >= bytes([_JIS_SECOND_LEVEL]),
        bool(_encoded(char, "gb2312")),
        bool(_encoded(char, "big5")),
    )


def _encoded(char: str, codec: str) -> bytes:
    try:
        return char.encode(codec)
    except UnicodeEncodeError:
        return b""


def is_simplified_only(char: str) -> bool:
    """Whether only simplified Chinese writes this character."""
    is_japanese, is_rare, is_simplified, is_traditional = _sets(char)
    return is_simplified and not is_traditional and (not is_japanese or is_rare)


def language_of(han: str) -> str | None:
    """ "zh" or "ja" where the characters of ``han`` tell, None where both languages could write it so."""
    kinds = {char: _sets(char) for char in han if _IS_HAN.match(char) and char != "〇"}
    if any(is_simplified_only(char) or (not kind[0] and (kind[2] or kind[3])) for char, kind in kinds.items()):
        return "zh"
    if any(kind[0] and not kind[2] and not kind[3] for kind in kinds.values()):
        return "ja"  # a character that Japan alone has simplified
    is_half = any(kind[2] and not kind[3] for char, kind in kinds.items() if char not in _BOTH_WAYS)
    if is_half and any(kind[3] and not kind[2] for kind in kinds.values()):
        return "ja"  # neither wholly simplified nor wholly traditional: 日本国憲法
    return None


def units(text: str, stretches: Sequence[tuple[int, int]]) -> list[Unit]:
    """The units of the [start, end) ``stretches`` of Han and kana (with the marks behind them)."""
    clauses = [match.start() for match in _CLAUSE_MARK.finditer(text)]
    sentences = [match.start() for match in _SENTENCE_MARK.finditer(text)]
    found: list[Unit] = []
    clause = sentence = 0
    for start, end in stretches:
        at = start
        while at < end:
            while clause < len(clauses) and clauses[clause] < at:
                clause += 1
            while sentence < len(sentences) and sentences[sentence] < at:
                sentence += 1
            stop = at
            while stop < end and not _CLAUSE_MARK.match(text[stop]):
                stop += 1
            while stop < end and _CLAUSE_MARK.match(text[stop]):
                stop += 1
            found.append(Unit(at, stop, clause, sentence))
            at = stop
    return found


def told_apart(
    text: str, stretches: Sequence[tuple[int, int]], identify: LanguageOf = language_of
) -> list[tuple[str, int, int]]:
    """(language, start, end) of all parts of ``stretches``: kana are Japanese; Han characters by themselves, else by
    the kana of their clause, else by the rest of the text, else Chinese.
    """
    found = [piece for unit in units(text, stretches) for piece in _of_unit(text, unit, identify)]
    kana_clauses = {unit.clause for language, _, _, unit in found if language == "ja" and unit.clause >= 0}
    sentences: dict[int, set[str]] = {}
    for language, _, _, unit in found:
        if language is not None:
            sentences.setdefault(unit.sentence, set()).add(language)
    everywhere = set().union(*sentences.values()) if sentences else set()
    result: list[tuple[str, int, int]] = []
    for language, start, end, unit in found:
        if language is None:
            near = sentences.get(unit.sentence) or everywhere
            is_japanese = unit.clause in kana_clauses or near == {"ja"}
            language = "ja" if is_japanese else "zh"
        result.append((language, start, end))
    return result


def _of_unit(text: str, unit: Unit, identify: LanguageOf) -> list[tuple[str | None, int, int, Unit]]:
    """The unit whole, or cut where simplified characters stand beside kana."""
    words = text[unit.start : unit.end]
    if not _IS_KANA.search(words):
        return [(identify(words), unit.start, unit.end, unit)]
    pieces: list[tuple[str | None, int, int, Unit]] = []
    for match in _RUNS.finditer(words):
        language = "zh" if any(map(is_simplified_only, match.group())) else "ja"
        pieces.append((language, unit.start + match.start(), unit.start + match.end(), unit))
    return pieces
