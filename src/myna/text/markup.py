"""Marks in a text that say how it is to be spoken, the same in every language.

``<word|reading>``: the word is read so. A reading is phones of the symbol table (``<read|R EH1 D>``), a syllable per
character in pinyin or jyutping (``<行|hang2>``), or another spelling in the word's script (``<上手|うわて>``).
``[pause:0.5s]``: silence of so many seconds (``s``) or milliseconds (``ms``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from myna.core.errors import BadInput

MAX_PAUSE_S = 10.0
"""The longest silence that a text may ask for."""

_MARK = re.compile(
    r"<(?P<word>(?! )[^<>|\n]*)\|(?P<reading>[^<>|\n]*)>|\[pause(?P<pause>[^\]\n]*)(?P<closed>\]?)", re.I
)
_UNCLOSED = re.compile(r"<[^\s<>|][^<>|\n]*\|[^<>|\n]*(?=$|\n|<)")
_LENGTH = re.compile(r":\s*(\d{1,6}(?:\.\d{1,6})?)\s*(s|ms)\s*", re.I)
_FIRST_LETTER, _LAST_LETTER = 0x20000, 0x2A6E0
"""Han characters so rare that a text has few of them."""
_PAUSE_FORM = "write a pause as [pause:0.5s] or [pause:500ms]"
_READING_FORM = "write a reading as <word|reading>"


@dataclass(frozen=True)
class Reading:
    """The characters [start, end) of a text are read as ``reading``, if that is in ``language`` (or it is "")."""

    start: int
    end: int
    reading: str
    language: str = ""


@dataclass(frozen=True)
class Marked:
    """A text without its markup: ``places[i]`` is where character i of ``text`` stands in the marked one.

    ``readings`` and ``pauses`` (position, seconds) count in ``text``, where a comma stands for a pause behind a word.
    """

    text: str
    places: tuple[int, ...]
    readings: tuple[Reading, ...]
    pauses: tuple[tuple[int, float], ...]


def parse(marked: str) -> Marked:
    """The text and its marks; raises `BadInput` for markup that is not closed, empty, or no length of time."""
    _check_closed(marked)
    text: list[str] = []
    places: list[int] = []
    readings: list[Reading] = []
    pauses: list[tuple[int, float]] = []
    at = 0
    for match in _MARK.finditer(marked):
        _copy(marked, at, match.start(), text, places)
        if match["word"] is None:
            if "".join(text[-2:]).rstrip()[-1:].isalnum():
                text.append(",")
                places.append(match.start())
            pauses.append((len(text), _seconds(match)))
        else:
            start = len(text)
            _copy(marked, *match.span("word"), text, places)
            readings.append(_reading(match, start, len(text)))
        at = match.end()
    _copy(marked, at, len(marked), text, places)
    return Marked("".join(text), tuple(places), tuple(readings), tuple(pauses))


def stretches(marked: str) -> list[tuple[str, float]]:
    """The text between its pauses, still with its readings, and the seconds of silence behind each stretch.

    Stretches without a letter or digit join their silence to what stands before them. Raises as `parse`.
    """
    _check_closed(marked)
    found: list[tuple[str, float]] = []
    at = 0
    for match in [*(match for match in _MARK.finditer(marked) if match["word"] is None), None]:
        words = marked[at : match.start() if match else len(marked)]
        silence = _seconds(match) if match else 0.0
        if found and not any(map(str.isalnum, words)):
            found[-1] = (found[-1][0] + words, found[-1][1] + silence)
        else:
            found.append((words, silence))
        at = match.end() if match else at
    return found


def without_pauses(marked: str) -> str:
    """The text with spaces in the place of its pauses, so that everything else stays where it is."""
    return _MARK.sub(lambda match: match.group() if match["word"] is not None else " " * len(match.group()), marked)


def hidden(marked: str) -> tuple[str, dict[int, str]]:
    """The text with one letter in the place of each reading, so that no cut falls into it; `str.translate` brings the
    readings back.
    """
    letters = (chr(code) for code in range(_FIRST_LETTER, _LAST_LETTER) if chr(code) not in marked)
    found: dict[int, str] = {}

    def hide(match: re.Match[str]) -> str:
        if match["word"] is None:
            return match.group()
        letter = next(letters, "")
        if not letter:
            raise BadInput("the text has too many readings; say it in parts")
        found[ord(letter)] = match.group()
        return letter

    return _MARK.sub(hide, marked), found


def _check_closed(marked: str) -> None:
    bare = _MARK.sub("", marked)
    if match := _UNCLOSED.search(bare):
        raise BadInput(f"the markup {match.group()[:40]!r} is not closed; {_READING_FORM}")


def _copy(marked: str, start: int, end: int, text: list[str], places: list[int]) -> None:
    text.extend(marked[start:end])
    places.extend(range(start, end))


def _reading(match: re.Match[str], start: int, end: int) -> Reading:
    word, reading = match["word"].strip(), " ".join(match["reading"].split())
    if not word or not reading:
        raise BadInput(f"the markup {match.group()[:40]!r} lacks its word or its reading; {_READING_FORM}")
    return Reading(start, end, reading)


def _seconds(match: re.Match[str]) -> float:
    length = _LENGTH.fullmatch(match["pause"])
    if length is None or not match["closed"]:
        raise BadInput(f"the markup {match.group()[:40]!r} is no pause; {_PAUSE_FORM}")
    seconds = float(length[1]) / (1000 if length[2].lower() == "ms" else 1)
    if seconds > MAX_PAUSE_S:
        raise BadInput(f"the pause {match.group()[:40]!r} is too long; {MAX_PAUSE_S:g} s is the most")
    return seconds
