"""Which language each part of a mixed text is in.

Our own rules by script; where the script tells the language, the segments are those of the official GPT-SoVITS program,
whose language model is not needed: it is wrong on many short Chinese parts.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass

from myna.core.errors import UnknownChoice
from myna.text.han import HAN, KANA, LanguageOf, language_of, told_apart

MODES = ("auto", "auto_yue", "zh", "en", "ja", "ko", "yue", "all_zh", "all_ja", "all_ko", "all_yue")
"""``auto``: every part in its own language. A language's code: that language, but English stays English. ``all_``: the
same, but only what has ASCII letters is English. ``auto_yue`` and ``all_yue``: Chinese is Cantonese. ``en``: all of it
is English.
"""

_SCRIPTS = {
    "east": f"{HAN}{KANA}",
    "hangul": "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff",
    "latin": "A-Za-zＡ-Ｚａ-ｚ\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff\u0300-\u036f",
}
_NUMERALS = "0-9０-９½⅓⅔¼¾Ⅰ-ↈ①-⓿❶-➓㈠-㈩㊀-㊉"
_OF_A_UNIT = "(?<=[0-9０-９])[μµ](?=[A-Za-z])"
_ATOM = re.compile(
    rf"(?P<east>[{_SCRIPTS['east']}]+)|(?P<hangul>[{_SCRIPTS['hangul']}]+)"
    + rf"|(?P<latin>(?:[{_SCRIPTS['latin']}]|{_OF_A_UNIT})+)"
    + rf"|(?P<digit>(?:[{_NUMERALS}]|(?<=[0-9０-９])°[CF](?![A-Za-z]))+)"
    + rf"|(?P<foreign>(?:(?![{''.join(_SCRIPTS.values())}{_NUMERALS}])[^\W\d_⁰-₎¹²³])+)"
)
_ENGLISH = re.compile(
    r"(?=.*[A-Za-z])[\x00-\x7f\u2000-\u206f\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]*",
    re.DOTALL,
)
_KEPT_OF_FOREIGN = re.compile(r"[\s.!?。！？…]")
_POINTS_ON = (",", ".", "!", "?", "，", "。", "！", "？")
_STOPS = (".", "。")
_KEEPING_FOREIGN = ("ja", "ko")


def own_language(mode: str) -> str:
    """The language that a mode names, "" where it names none."""
    return "" if mode.startswith("auto") else mode.rpartition("_")[2]


@dataclass(frozen=True)
class Segment:
    """A part of a text in one language; ``places[i]`` is where its i-th character stands in the text."""

    language: str
    text: str
    places: range | tuple[int, ...]


@dataclass
class _Part:
    """A part at [start, end); the language is "digit" or "x" until its neighbours have said it."""

    language: str
    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


def segments(text: str, mode: str, *, identify: LanguageOf = language_of, official: bool = False) -> list[Segment]:
    """``text`` in parts of one language each, in order; joined they are the text without its outer white space.

    In a mode without a language of its own, letters of scripts that none of the languages reads are left out.
    ``identify`` tells Chinese from Japanese in stretches of Han characters alone. A text without letters and digits is
    one segment, Chinese in the modes ``auto``. ``official``: such letters stay in a Japanese or Korean text without Han
    characters, and a text without letters and digits may be English. Raises `UnknownChoice` for another mode.
    """
    if mode not in MODES:
        raise UnknownChoice("language", mode, MODES)
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    if start >= end:
        return []
    if mode == "en":
        return [Segment("en", text, range(len(text)))]
    prefix, _, own = mode.rpartition("_")
    chinese = "yue" if own == "yue" else "zh"
    atoms = _atoms(text, start, end)
    if prefix == "all":
        return [_segment(text, part, set()) for part in _with_default(text, atoms, own)]
    if official and atoms[0].language == "marks" and (own == "auto" or prefix == "auto" or _has_symbol(text)):
        return [_officially_silent(text, start, end)]
    keeps_all = official and mode in _KEEPING_FOREIGN and all(atom.language != "east" for atom in atoms)
    dropped = set() if keeps_all else _unread(text, atoms)
    parts = _told(text, atoms, chinese, identify)
    if own != "auto" and prefix != "auto":
        for part in parts:
            part.language = part.language if part.language == "en" else own
    return [_segment(text, part, dropped) for part in _joined(parts)]


def _has_symbol(text: str) -> bool:
    """Whether there is an emoji or another sign that is no punctuation."""
    return any(unicodedata.category(sign).startswith("S") for sign in text)


def _officially_silent(text: str, start: int, end: int) -> Segment:
    """A text of marks: English, with an emoji as it is, else as a blank."""
    return Segment("en", text[start:end], range(start, end)) if _has_symbol(text) else Segment("en", " ", (start,))


def _atoms(text: str, start: int, end: int) -> list[_Part]:
    """``text[start:end]`` by script; spaces and marks belong to what stands before them, leading ones to what follows.

    The languages are those of the scripts: "east" (Han and kana), "hangul", "digit", "latin", "foreign"; "marks" where
    there is nothing else.
    """
    atoms = [_Part(match.lastgroup or "", match.start(), match.end()) for match in _ATOM.finditer(text, start, end)]
    if not atoms:
        return [_Part("marks", start, end)]
    atoms[0].start = start
    for atom, following in itertools.pairwise(atoms):
        atom.end = following.start
    atoms[-1].end = end
    return _joined(atoms)


def _joined(parts: list[_Part]) -> list[_Part]:
    """Neighbours of one language as one part."""
    result: list[_Part] = []
    for part in parts:
        if result and result[-1].language == part.language:
            result[-1].end = part.end
        else:
            result.append(_Part(part.language, part.start, part.end))
    return result


def _with_default(text: str, atoms: list[_Part], default: str) -> list[_Part]:
    """English where there are ASCII letters and nothing that English has not; all else is ``default``."""
    for atom in atoms:
        is_english = atom.language == "latin" and _ENGLISH.fullmatch(text, atom.start, atom.end)
        atom.language = "en" if is_english else default
    return _joined(atoms)


def _told(text: str, atoms: list[_Part], chinese: str, identify: LanguageOf) -> list[_Part]:
    """Every atom in its own language; digits and foreign letters in that of a neighbour."""
    east = [(atom.start, atom.end) for atom in atoms if atom.language == "east"]
    parts = [_Part(chinese if said == "zh" else said, *place) for said, *place in told_apart(text, east, identify)]
    names = {"hangul": "ko", "latin": "en", "digit": "digit", "foreign": "x", "marks": chinese}
    parts += [_Part(names[atom.language], atom.start, atom.end) for atom in atoms if atom.language in names]
    parts = _joined(sorted(parts, key=lambda part: part.start))
    return _foreign_told(_digits_told(text, parts, chinese), chinese)


def _digits_told(text: str, parts: list[_Part], chinese: str) -> list[_Part]:
    result: list[_Part] = []
    for index, part in enumerate(parts):
        following = parts[index + 1] if index + 1 < len(parts) else None
        if part.language == "digit":
            part.language = _digit_language(text, result[-1] if result else None, part, following, chinese)
        result[-1:] = _joined([*result[-1:], part])
    return result


def _digit_language(text: str, left: _Part | None, part: _Part, right: _Part | None, chinese: str) -> str:
    """The language of a number between two parts: where a mark points, else that of the longer one."""
    if left is None or right is None:
        neighbour = left or right
        return chinese if neighbour is None else neighbour.language
    if left.language == right.language:
        return left.language
    if text[left.start : left.end].rstrip().endswith(_POINTS_ON):
        return right.language
    if text.startswith(_POINTS_ON, right.start) or text[part.start : part.end].rstrip().endswith(_STOPS):
        return left.language
    return left.language if left.length >= right.length else right.language


def _foreign_told(parts: list[_Part], chinese: str) -> list[_Part]:
    last = next((part.language for part in parts if part.language != "x"), chinese)
    for part in parts:
        part.language = last = last if part.language == "x" else part.language
    return _joined(parts)


def _unread(text: str, atoms: list[_Part]) -> set[int]:
    """The places of the letters of scripts that no language here reads."""
    return {
        at
        for atom in atoms
        if atom.language == "foreign"
        for at in range(atom.start, atom.end)
        if not _KEPT_OF_FOREIGN.match(text, at)
    }


def _segment(text: str, part: _Part, dropped: set[int]) -> Segment:
    places = range(part.start, part.end)
    if not dropped or not any(at in dropped for at in places):
        return Segment(part.language, text[part.start : part.end], places)
    kept = tuple(at for at in places if at not in dropped)
    return Segment(part.language, "".join(text[at] for at in kept), kept)
