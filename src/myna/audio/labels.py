"""The label file: which clip says what, one line each, ``path|speaker|language|text``.

The format is that of GPT-SoVITS, or of its label editor's JSON lines. Where those drop a line with no more than a
traceback on a console, and lose it at the next save, here every line is kept: mended where it is certain what was
meant, else as it stands, with the reason why it cannot be used.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from myna.audio.label_encoding import decoded
from myna.audio.label_form import (
    FORM,
    LANGUAGES,
    Fields,
    Habits,
    read_json_line,
    read_line,
    write_json_line,
    write_line,
)
from myna.core.errors import BadInput, LimitExceeded, NotFound
from myna.core.findings import Tally
from myna.core.workspace import disk_errors, write_text

__all__ = [
    "LANGUAGES",
    "Label",
    "LabelFile",
    "Line",
    "Problem",
    "parse_labels",
    "read_label_file",
    "read_labels",
    "usable_labels",
    "write_labels",
]

JSON_SUFFIXES = (".json", ".jsonl")
MAX_BYTES = 256 * 2**20

_SHOWN_PROBLEMS = 5
_MAX_NAME_BYTES = 240
"""Of a clip's name: ``.pt`` is put behind it, and file systems take 255."""
_NO_TEXT = "the text is empty"
_NO_LANGUAGE = f"the language is missing; choose one of: {', '.join(LANGUAGES)}"


@dataclass(frozen=True)
class Label:
    """One clip. ``language`` is a code: zh, ja, en, ko or yue.

    ``name`` is given where another clip of the file, in another folder, has the same file name.
    """

    path: Path
    speaker: str
    language: str
    text: str
    name: str = ""

    @property
    def clip(self) -> str:
        """The name that every file of the data set derives from: the wav file's name, extension included.

        A name that the data set's files could not hold (tabs, line breaks, too long) is changed.
        """
        return self.name or _fitting(self.path.name)

    def located(self, folder: Path | None) -> Path:
        """Where the clip lies: in ``folder`` if given, whatever folder the label names; else where the label says.

        Of clips with one file name, those after the first lie in the folder's own subfolder that the label names; other
        clips are looked for there too. A name that is written with other code points for the same letters (Unicode
        normal forms) is found as well.
        """
        if folder is None:
            return _there(self.path)
        plain, below = folder / self.path.name, folder / self.path.parent.name / self.path.name
        found = _there(below if self.name else plain)
        return found if self.name or found.exists() else max(found, _there(below), key=Path.exists)


@dataclass(frozen=True)
class Problem:
    """A line that cannot be used: its number, from 1, and why."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(frozen=True)
class Line:
    """A line that is not blank: as it stands in the file, its number there (0: new), and what it means.

    With a ``problem`` it is not used, though it may have a ``label``: of a clip that another line has already, or
    without text or language.
    """

    raw: str
    number: int = 0
    label: Label | None = None
    problem: str = ""
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelFile:
    """A label file's lines in order. ``is_json``: JSON lines instead of fields between bars."""

    lines: tuple[Line, ...]
    is_json: bool = False

    @property
    def labels(self) -> list[Label]:
        """What can be used."""
        return [line.label for line in self.lines if line.label is not None and not line.problem]

    @property
    def problems(self) -> list[Problem]:
        """The lines that cannot, and why."""
        return [Problem(line.number, line.problem) for line in self.lines if line.problem]

    @property
    def repairs(self) -> list[Problem]:
        """The lines that were mended, and how."""
        return [Problem(line.number, "; ".join(line.repairs)) for line in self.lines if line.repairs]

    def text(self) -> str:
        """The file's text: mended lines in their right form, all others verbatim; no newline at the end."""
        return "\n".join(self.written(line) for line in self.lines)

    def written(self, line: Line) -> str:
        """One line as it is to be written."""
        if line.label is None or not line.repairs:
            return line.raw
        label = line.label
        fields = Fields(str(label.path), label.speaker, label.language, label.text)
        return write_json_line(fields, line.raw) if self.is_json else write_line(fields)

    def with_lines(self, lines: Iterable[Line]) -> LabelFile:
        """The same file with other lines; which of them stand in each other's way is found anew."""
        return replace(self, lines=_side_by_side(lines))


def read_labels(path: Path, encoding: str = "") -> list[Label]:
    """All usable labels of a file, in its order; `read_label_file` tells of the other lines.

    Raises:
        NotFound: no such file.
        BadInput: no text, or no line that can be used; the message tells why.
    """
    file = read_label_file(path, encoding)
    if not file.labels:
        shown = "; ".join(str(problem) for problem in file.problems[:_SHOWN_PROBLEMS])
        more = len(file.problems) - _SHOWN_PROBLEMS
        told = f": {shown}" + (f"; and {more} more lines" if more > 0 else "") if shown else f"; write lines {FORM}"
        raise BadInput(f"{path} holds no labels{told}")
    return file.labels


def usable_labels(path: Path, tally: Tally) -> list[Label]:
    """The labels of a file that can be used; its other lines go to ``tally``. Raises as `read_labels`."""
    file = read_label_file(path)
    for problem in file.problems:
        tally.add(f"{path.name} line {problem.line}", problem.reason)
    return file.labels or read_labels(path)


def read_label_file(path: Path, encoding: str = "") -> LabelFile:
    """All lines of a label file; ``.json`` and ``.jsonl`` hold JSON lines. ``encoding`` is found where it is not given.

    Raises:
        NotFound: no such file.
        BadInput: no text, or in an encoding that is not certain.
        LimitExceeded: too large for a label file.
    """
    return parse_label_file(read_bytes(path), path.name, encoding)


def read_bytes(path: Path) -> bytes:
    """A label file as it lies on the disk; raises `NotFound`, `LimitExceeded` and `WorkspaceError`."""
    if not path.is_file():
        raise NotFound(f"there is no label file {path}; give a .list file with lines {FORM}")
    if path.stat().st_size > MAX_BYTES:
        raise LimitExceeded(f"{path} has more than {MAX_BYTES / 2**20:.0f} MiB, too much for a label file")
    with disk_errors(path):
        return path.read_bytes()


def parse_label_file(data: bytes, name: str, encoding: str = "") -> LabelFile:
    """The lines in the bytes of a file called ``name``; raises `BadInput` as `read_label_file`."""
    return parse_text(decoded(data, name, encoding), is_json=name.lower().endswith(JSON_SUFFIXES))


def parse_text(text: str, *, is_json: bool = False) -> LabelFile:
    """The lines of a label file's text; blank ones are none."""
    # Not splitlines(): that would also break at U+2028 and the like, which texts may hold.
    rows = text.replace("\r\n", "\n")
    rows = rows if "\n" in rows else rows.replace("\r", "\n")
    numbered = [(number, row) for number, row in enumerate(rows.split("\n"), 1) if row.strip()]
    whole = [_line(row, number, Habits(), is_json=is_json) for number, row in numbered]
    sure = [line.label for line in whole if line.label is not None and not line.problem and not line.repairs]
    habits = _habits(sure)
    mended = [
        _line(line.raw, line.number, habits, is_json=is_json) if line.problem or line.repairs else line
        for line in whole
    ]
    return LabelFile(_side_by_side(mended), is_json)


def parse_labels(text: str) -> tuple[list[Label], list[Problem]]:
    """The labels of a ``.list`` file's text, and the lines that are none. Blank lines are neither."""
    file = parse_text(text)
    return file.labels, file.problems


def write_labels(path: Path, labels: Iterable[Label]) -> None:
    """Write a label file that GPT-SoVITS reads too: language in capitals, no newline at the end.

    Raises:
        BadInput: a field holds ``|`` or a line break, or the text is empty.
        WorkspaceError: the file cannot be written.
    """
    write_text(path, "\n".join(label_line(label).raw for label in labels))


def label_line(label: Label, *, is_json: bool = False, before: str = "") -> Line:
    """A new line of ``label``; in JSON with the further keys of the line ``before``. Raises `BadInput`."""
    fields = Fields(str(label.path), label.speaker, label.language, label.text)
    raw = write_json_line(fields, before) if is_json else write_line(fields)
    line = _line(raw, 0, Habits(), is_json=is_json)
    if line.label is None or not line.label.text:
        raise BadInput(f"the label of {label.clip or 'a clip'} cannot be written: {line.problem}")
    return line


def raw_line(raw: str, file: LabelFile) -> Line:
    """What somebody wrote as a line of ``file``; raises `BadInput` where it is several lines."""
    if "\n" in raw or "\r" in raw:
        raise BadInput("a label is one line; leave out line breaks")
    habits = _habits(file.labels)
    return _line(raw, 0, habits, is_json=file.is_json)


def _line(raw: str, number: int, habits: Habits, *, is_json: bool) -> Line:
    if not raw.isascii() and any("\ud800" <= char <= "\udfff" for char in raw):
        return Line(raw, number, problem="it is not UTF-8 text like the other lines; it is kept as it is")
    fields = read_json_line(raw, habits) if is_json else read_line(raw, habits)
    if isinstance(fields, str):
        return Line(raw, number, problem=fields)
    label = Label(Path(fields.path), fields.speaker, fields.language, fields.text)
    problem = "" if label.text and label.language else _NO_LANGUAGE if label.text else _NO_TEXT
    return Line(raw, number, label, problem, fields.repairs)


def _habits(labels: Sequence[Label]) -> Habits:
    return Habits(frozenset(label.speaker for label in labels), frozenset(label.language for label in labels))


def _side_by_side(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines, so that every clip is there once and has a name of its own."""
    kept: list[Line] = []
    at: dict[Path, Line] = {}
    taken: dict[str, int] = {}
    for line in lines:
        label = line.label
        if label is None:
            kept.append(line)
            continue
        problem = "" if line.problem.startswith(_TWICE) else line.problem
        name, first = "", at.get(label.path)
        if not problem and first is not None:
            problem = _told_twice(first, label)
        elif not problem:
            name = _own_name(label, taken)
            at[label.path] = line
            taken[name or _fitting(label.path.name)] = 1
        label = label if label.name == name else replace(label, name=name)
        is_same = label is line.label and problem == line.problem
        kept.append(line if is_same else replace(line, label=label, problem=problem))
    return tuple(kept)


_TWICE = "this clip stands in "


def _told_twice(first: Line, label: Label) -> str:
    where = f"line {first.number} too" if first.number else "another line too"
    is_same = first.label is not None and first.label.text == label.text
    return f"{_TWICE}{where}, with {'the same' if is_same else 'other'} words"


def _own_name(label: Label, taken: dict[str, int]) -> str:
    """The name that tells a clip from another one of the same file name; "" where there is none.

    ``taken`` are names, and the last number that was put behind each.
    """
    plain = _fitting(label.path.name)
    if plain not in taken:
        return ""
    folder = _fitting(label.path.parent.name)
    beside = _fitting(f"{folder}-{plain}")
    if folder and beside not in taken:
        return beside
    while True:
        taken[plain] += 1
        name = _fitting(f"{Path(plain).stem}-{taken[plain]}{Path(plain).suffix}")
        if name not in taken:
            return name


def _fitting(name: str) -> str:
    """A file name that tables of tabs and lines can hold and to which a suffix can be added."""
    plain = "".join(
        "_" if char in "\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029" or ord(char) < 32 else char for char in name
    )
    if len(plain.encode("utf-8", "surrogateescape")) <= _MAX_NAME_BYTES:
        return plain
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
    suffix = Path(plain).suffix[:16]
    room = _MAX_NAME_BYTES - len(digest) - len(suffix.encode()) - 1
    short = plain.encode("utf-8", "surrogateescape")[:room].decode("utf-8", "ignore")
    return f"{short}-{digest}{suffix}"


def _there(path: Path) -> Path:
    """The path, or the one of the same letters in another Unicode normal form that is there."""
    if str(path).isascii() or path.exists():
        return path
    forms: Sequence[Path] = [Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD")]
    return next((form for form in forms if form.exists()), path)
