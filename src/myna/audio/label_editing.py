"""Editing label files: functions from one state to the next, and an editor that saves each step and can take it back.

Rows are numbered from 1 in the file's order, lines that cannot be used included: they are shown, can be rewritten or
deleted, and are else written back as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from myna.audio.label_encoding import is_utf8
from myna.audio.label_filter import expression
from myna.audio.label_form import code_of, joined_texts
from myna.audio.label_history import KEPT, digest_of, redo, restore, save, undo
from myna.audio.label_sounds import halves, joined, overwrite, sound_file, write_beside
from myna.audio.labels import (
    LANGUAGES,
    Label,
    LabelFile,
    Line,
    label_line,
    parse_label_file,
    raw_line,
    read_bytes,
)
from myna.core.errors import BadInput, Conflict, NotFound


def edited(
    file: LabelFile,
    rows: Sequence[int],
    *,
    text: str | None = None,
    language: str | None = None,
    speaker: str | None = None,
) -> LabelFile:
    """Rows with another text, language or speaker; None leaves as it is.

    Raises:
        BadInput: a row without label, a language that is none, an empty text, or one that a line cannot hold.
        NotFound: no such row.
    """
    code = None if language is None else code_of(language)
    if code == "":
        raise BadInput(f"unknown language {language!r}; choose one of: {', '.join(LANGUAGES)}")
    lines = list(file.lines)
    for row in rows:
        label = _label(file, row)
        changed = replace(
            label,
            text=label.text if text is None else " ".join(text.split()),
            language=label.language if code is None else code,
            speaker=label.speaker if speaker is None else " ".join(speaker.split()),
        )
        lines[row - 1] = _with(file, _line(file, row), changed)
    return file.with_lines(lines)


def rewritten(file: LabelFile, row: int, raw: str) -> LabelFile:
    """A row as somebody wrote it whole: how a line that cannot be used is mended by hand.

    Raises:
        BadInput: several lines, or a line that is no label either; `NotFound`: no such row.
    """
    line = replace(raw_line(raw.strip(), file), number=_line(file, row).number)
    if line.problem:
        raise BadInput(f"this is no label: {line.problem}")
    return file.with_lines([*file.lines[: row - 1], line, *file.lines[row:]])


def deleted(file: LabelFile, rows: Sequence[int]) -> LabelFile:
    """Without these rows; raises `NotFound` for one that is not there."""
    gone = {id(_line(file, row)) for row in rows}
    return file.with_lines(line for line in file.lines if id(line) not in gone)


def replaced(
    file: LabelFile, rows: Sequence[int], old: str, new: str, *, is_regex: bool = False
) -> tuple[LabelFile, int]:
    """Texts of these rows with ``new`` for ``old``, and in how many rows; ``new`` may then refer to groups (``\\\\1``).

    Raises:
        BadInput: nothing to look for, an expression that is none, or a text that would be empty.
    """
    if not old:
        raise BadInput("there is nothing to look for; give some text")
    pattern, put = expression(old, is_regex=is_regex), new if is_regex else new.replace("\\", r"\\")
    lines, count = list(file.lines), 0
    for row in rows:
        label = _line(file, row).label
        if label is None:
            continue
        try:
            text = " ".join(pattern.sub(put, label.text).split())
        except (re.error, IndexError) as error:
            raise BadInput(f"{new!r} cannot stand for {old!r}: {error}") from None
        if text != label.text:
            lines[row - 1] = _with(file, lines[row - 1], replace(label, text=text))
            count += 1
    return file.with_lines(lines), count


def merged(file: LabelFile, rows: Sequence[int], sound: Path, text: str | None = None) -> LabelFile:
    """These rows as one, where the first of them stood: ``sound`` with the texts joined, or with ``text``.

    Raises:
        BadInput: fewer than two rows, or rows of several speakers or languages.
        NotFound: no such row.
    """
    chosen = list(dict.fromkeys(rows))
    if len(chosen) < 2:
        raise BadInput("at least two rows are needed to merge them")
    labels = [_label(file, row) for row in chosen]
    for what, values in (
        ("speakers", {label.speaker for label in labels}),
        ("languages", {label.language for label in labels}),
    ):
        if len(values) > 1:
            raise BadInput(f"rows of several {what} cannot be merged: {', '.join(sorted(values))}")
    whole = joined_texts([label.text for label in labels]) if text is None else " ".join(text.split())
    line = label_line(replace(labels[0], path=sound, text=whole), is_json=file.is_json)
    gone = set(chosen)
    rest = [(row, old) for row, old in enumerate(file.lines, 1) if row == chosen[0] or row not in gone]
    return file.with_lines(line if row == chosen[0] else old for row, old in rest)


def split(file: LabelFile, row: int, first: tuple[Path, str], second: tuple[Path, str]) -> LabelFile:
    """A row as two, each with its sound and text; raises `BadInput` for an empty text, `NotFound` for no such row."""
    label = _label(file, row)
    lines = [
        label_line(replace(label, path=path, text=" ".join(text.split())), is_json=file.is_json)
        for path, text in (first, second)
    ]
    return file.with_lines([*file.lines[: row - 1], *lines, *file.lines[row:]])


class LabelEditor:
    """A label file that is being edited; every operation is saved at once and can be undone.

    ``clips``: the folder of the clips, None: where the labels say. ``root``: the only folder in which sounds are read
    or written, None: any. Sounds are written as new files unless an operation is told to overwrite. Several editors of
    one file do not overwrite each other's work: the later one gets a `Conflict` and calls `load`. `WorkspaceError`
    where a folder cannot be written.
    """

    def __init__(
        self, path: Path, *, clips: Path | None = None, root: Path | None = None, encoding: str = "", kept: int = KEPT
    ) -> None:
        self.path, self.clips, self.root, self.encoding, self.kept = path.resolve(), clips, root, encoding, kept
        self.file, self.digest = LabelFile(()), ""
        self.load()

    def load(self) -> None:
        """Read the file anew; raises as `read_label_file`."""
        data = read_bytes(self.path)
        encoding = "" if is_utf8(data) else self.encoding  # what is saved here is UTF-8, whatever the file was in
        self.file, self.digest = parse_label_file(data, self.path.name, encoding), digest_of(data)

    def edit(
        self, rows: Sequence[int], *, text: str | None = None, language: str | None = None, speaker: str | None = None
    ) -> None:
        """Give rows another text, language or speaker; raises as `edited`."""
        self._save(edited(self.file, rows, text=text, language=language, speaker=speaker), f"edited {_named(rows)}")

    def rewrite(self, row: int, raw: str) -> None:
        """Write a line anew; raises as `rewritten`."""
        self._save(rewritten(self.file, row, raw), f"rewrote row {row}")

    def delete(self, rows: Sequence[int]) -> None:
        """Take rows out; the sounds stay. Raises as `deleted`."""
        self._save(deleted(self.file, rows), f"deleted {_named(rows)}")

    def replace(self, rows: Sequence[int], old: str, new: str, *, is_regex: bool = False) -> int:
        """Replace in the texts of rows; returns in how many. Raises as `replaced`."""
        file, count = replaced(self.file, rows, old, new, is_regex=is_regex)
        if count:
            self._save(file, f"replaced {old!r} by {new!r} in {_counted(count)}")
        return count

    def repair(self) -> int:
        """Write what was mended in its right form; returns how many lines that were."""
        count = len(self.file.repairs)
        if count or self.file.text().encode("utf-8", "surrogateescape") != read_bytes(self.path):
            self._save(self.file, f"mended {_counted(count)}")
        return count

    def sound(self, row: int) -> Path:
        """The file of a row's sound; raises `NotFound`, and `BadInput` where it lies outside the root."""
        return sound_file(_label(self.file, row), self.clips, self.path.parent, self.root)

    def merge(
        self, rows: Sequence[int], *, pause_s: float = 0.0, text: str | None = None, overwrites: bool = False
    ) -> Path:
        """Make one row of several, their sounds joined with silence between; returns the new sound.

        ``overwrites``: as in the official label editor, the joined sound takes the place of the first one, which no
        undo brings back. Raises as `merged` and `label_sounds.joined`.
        """
        self._check()
        merged(self.file, rows, Path("any.wav"), text)  # says what is wrong before anything is written
        sounds = [self.sound(row) for row in dict.fromkeys(rows)]
        audio = joined(sounds, pause_s)
        target = sounds[0]
        if overwrites:
            overwrite(target, audio)
        else:
            target = write_beside(target, audio)
        self._save(merged(self.file, rows, self._written(rows[0], target), text), f"merged {_named(rows)}")
        return target

    def split(self, row: int, at_s: float, texts: tuple[str, str], *, overwrites: bool = False) -> tuple[Path, Path]:
        """Make two rows of one, cut at ``at_s`` seconds, each half with its text; returns the new sounds.

        ``overwrites``: as in the official label editor, the first half takes the place of the whole, which no undo
        brings back. Raises as `split` and `label_sounds.halves`.
        """
        self._check()
        split(self.file, row, (Path("any.wav"), texts[0]), (Path("other.wav"), texts[1]))
        whole = self.sound(row)
        first, second = halves(whole, at_s)
        if overwrites:
            paths = whole, write_beside(whole, second)
            overwrite(whole, first)
        else:
            paths = write_beside(whole, first), write_beside(whole, second)
        written = [(self._written(row, path), text) for path, text in zip(paths, texts, strict=True)]
        self._save(split(self.file, row, written[0], written[1]), f"split row {row} at {at_s:g} s")
        return paths

    def undo(self) -> str:
        """Take the last operation back; returns what it was. Raises `NotFound` where there is none, `Conflict`."""
        what = undo(self.path, kept=self.kept)
        self.load()
        return what

    def redo(self) -> str:
        """Do again what was undone last; returns what it was. Raises as `undo`."""
        what = redo(self.path, kept=self.kept)
        self.load()
        return what

    def restore(self, number: int) -> None:
        """Go back to a former state; raises `NotFound` where it is not kept."""
        restore(self.path, number, kept=self.kept)
        self.load()

    def _written(self, row: int, sound: Path) -> Path:
        """How a new sound is named in the file: in the folder that the row's own path names."""
        return _label(self.file, row).path.with_name(sound.name)

    def _check(self) -> None:
        if digest_of(read_bytes(self.path)) != self.digest:
            raise Conflict(f"{self.path} was changed by somebody else meanwhile; load it again")

    def _save(self, file: LabelFile, what: str) -> None:
        data = file.text().encode("utf-8", "surrogateescape")
        save(self.path, data, what, seen=self.digest, kept=self.kept)
        self.load()


def _line(file: LabelFile, row: int) -> Line:
    if not 1 <= row <= len(file.lines):
        raise NotFound(f"there is no row {row}; the file has rows 1 to {len(file.lines)}")
    return file.lines[row - 1]


def _label(file: LabelFile, row: int) -> Label:
    line = _line(file, row)
    if line.label is None:
        raise BadInput(f"row {row} is no label ({line.problem}); write it anew, or delete it")
    return line.label


def _with(file: LabelFile, line: Line, label: Label) -> Line:
    """The line with another label, in its place."""
    return replace(label_line(label, is_json=file.is_json, before=line.raw), number=line.number)


def _named(rows: Sequence[int]) -> str:
    return f"row {rows[0]}" if len(rows) == 1 else f"{len(rows)} rows"


def _counted(count: int) -> str:
    return f"{count} row{'s' if count != 1 else ''}"
