"""The user's own dictionary: words and how they are read, in a file ``words.tsv``.

A line is ``word<TAB>reading``, or ``word<TAB>reading<TAB>language`` for a word of one language only; the reading is
written as in the markup. Lines that begin with ``#`` are remarks. A workspace may have such a file and each voice
another, whose entries come first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from myna.core.errors import BadInput, WorkspaceError
from myna.core.workspace import WORDS_FILE
from myna.text.markup import Reading

FILE_NAME = WORDS_FILE
MAX_BYTES = 16_000_000
"""Larger files are refused."""

_BOUND = re.compile(r"[A-Za-z0-9'\u00c0-\u024f]")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True)
class Word:
    """One entry; ``language`` is "" where it holds in all."""

    word: str
    reading: str
    language: str = ""


@dataclass(frozen=True)
class Words:
    """A dictionary: of two entries for one word in one language the later one holds."""

    entries: tuple[Word, ...] = ()

    @cached_property
    def _by_word(self) -> dict[str, dict[str, Word]]:
        found: dict[str, dict[str, Word]] = {}
        for entry in self.entries:
            found.setdefault(entry.word, {})[entry.language] = entry
        return found

    def __or__(self, other: Words) -> Words:
        """Both; where they differ ``other`` holds."""
        return Words((*self.entries, *other.entries))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest_first = sorted(self._by_word, key=len, reverse=True)
        return re.compile("|".join(map(_alternative, longest_first)))

    def readings(self, text: str, taken: Sequence[Reading] = ()) -> list[Reading]:
        """Where words of the dictionary stand in ``text``: the longest first, none inside those ``taken``.

        An entry in small letters is also found in capitals; words in Latin letters only whole.
        """
        if not self.entries:
            return []
        found: list[Reading] = []
        for match in self._pattern.finditer(text):
            start, end = match.span()
            if not any(start < other.end and other.start < end for other in taken):
                entries = self._by_word.get(match.group()) or self._by_word[match.group().lower()]
                found += [Reading(start, end, entry.reading, entry.language) for entry in entries.values()]
        return found


def _alternative(word: str) -> str:
    before = r"(?<![A-Za-z0-9'\u00c0-\u024f])" if _BOUND.match(word) else ""
    after = r"(?![A-Za-z0-9\u00c0-\u024f])" if _BOUND.match(word[-1]) else ""
    spelled = re.escape(word)
    return f"{before}(?ai:{spelled}){after}" if word.isascii() and word == word.lower() else f"{before}{spelled}{after}"


def read_words(folders: Iterable[Path]) -> Words:
    """The dictionaries of ``folders`` in one, the last folder's entries first; a folder without one adds nothing.

    Raises `BadInput` for a line that is no entry, `WorkspaceError` for a file that cannot be read.
    """
    words = Words()
    for folder in folders:
        path = folder / FILE_NAME
        if not path.exists():
            continue
        try:
            if path.stat().st_size > MAX_BYTES:
                raise BadInput(f"{path} is larger than {MAX_BYTES:,} bytes")
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise BadInput(f"{path} is not UTF-8 text") from None
        except OSError as error:
            raise WorkspaceError(f"cannot read {path}: {error.strerror}") from None
        words |= parse_words(lines, str(path))
    return words


def parse_words(lines: Iterable[str], name: str = FILE_NAME) -> Words:
    """The entries of ``lines``; raises `BadInput` with the number of the line that is none."""
    return Words(tuple(_entry(line, f"{name}:{number}") for number, line in enumerate(lines, 1) if _is_entry(line)))


def _is_entry(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _entry(line: str, place: str) -> Word:
    fields = [" ".join(column.split()) for column in line.split("\t")]
    if len(fields) not in (2, 3) or not fields[0] or not fields[1]:
        raise BadInput(f"{place} is no entry; write word<TAB>reading or word<TAB>reading<TAB>language")
    language = fields[2] if len(fields) == 3 else ""
    if language and not _LANGUAGE.fullmatch(language):
        raise BadInput(f"{place}: {language!r} is no language; write a code such as zh, en, ja, ko or yue")
    return Word(fields[0], fields[1], language)
