"""The label file (``.list``): which clip says what, one line each, ``path|speaker|language|text`` in UTF-8.

The format is that of GPT-SoVITS. Where its reader drops a line with no more than a traceback on a console, this one
names every line that it cannot use.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from myna.core.errors import BadInput, NotFound
from myna.core.workspace import write_text

LANGUAGES = {"zh": "zh", "ja": "ja", "jp": "ja", "en": "en", "ko": "ko", "yue": "yue"}
"""Spellings that label files use, in lower case, and the code each stands for."""

_AROUND_PATHS = " \t\r\n\"'\u202a"  # what copying a path out of Windows leaves around it
_FORM = "path|speaker|language|text"
_SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class Label:
    """One clip. ``language`` is a code: zh, ja, en, ko or yue."""

    path: Path
    speaker: str
    language: str
    text: str

    @property
    def clip(self) -> str:
        """The name that every file of the data set derives from: the wav file's name, extension included."""
        return self.path.name

    def located(self, folder: Path | None) -> Path:
        """Where the clip lies: in ``folder`` if given, whatever folder the label names; else where the label says."""
        return self.path if folder is None else folder / self.clip


@dataclass(frozen=True)
class Problem:
    """A line that is no label: its number, from 1, and why."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


def read_labels(path: Path) -> list[Label]:
    """All labels of a file, in its order.

    Raises:
        NotFound: no such file.
        BadInput: not UTF-8, no label at all, or lines that cannot be used; the message tells which and why.
    """
    if not path.is_file():
        raise NotFound(f"there is no label file {path}; give a .list file with lines {_FORM}")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text; save it as UTF-8, with lines {_FORM}") from None
    labels, problems = parse_labels(text)
    if problems:
        shown = "; ".join(str(problem) for problem in problems[:_SHOWN_PROBLEMS])
        more = len(problems) - _SHOWN_PROBLEMS
        raise BadInput(f"{path}: {shown}" + (f"; and {more} more lines" if more > 0 else ""))
    if not labels:
        raise BadInput(f"{path} holds no labels; write lines {_FORM}")
    return labels


def parse_labels(text: str) -> tuple[list[Label], list[Problem]]:
    """The labels of a file's text, and the lines that are none. Blank lines are neither."""
    labels: list[Label] = []
    problems: list[Problem] = []
    first_lines: dict[str, int] = {}
    # Not splitlines(): that would also break at U+2028 and the like, which texts may hold.
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip():
            continue
        label = _parsed(line)
        if isinstance(label, str):
            problems.append(Problem(number, label))
        elif label.clip in first_lines:
            problems.append(Problem(number, f"a clip named {label.clip} stands in line {first_lines[label.clip]} too"))
        else:
            first_lines[label.clip] = number
            labels.append(label)
    return labels, problems


def write_labels(path: Path, labels: Iterable[Label]) -> None:
    """Write a label file that GPT-SoVITS reads too: language in capitals, no newline at the end.

    Raises:
        BadInput: a field holds ``|`` or a line break, or the text is empty.
        WorkspaceError: the file cannot be written.
    """
    write_text(path, "\n".join(_line(label) for label in labels))


def _parsed(line: str) -> Label | str:
    """The label, or why the line is none."""
    fields = line.split("|")
    if len(fields) != 4:
        return f"{len(fields)} fields instead of 4 ({_FORM}; the text may not hold '|')"
    path = fields[0].strip(_AROUND_PATHS).replace("\\", "/").rstrip("/")
    speaker, language, text = (field.strip() for field in fields[1:])
    if not path:
        return "the path is empty"
    if language.lower() not in LANGUAGES:
        return f"unknown language {language!r}; choose one of: {', '.join(LANGUAGES)}"
    if not text:
        return "the text is empty"
    return Label(Path(path), speaker, LANGUAGES[language.lower()], text)


def _line(label: Label) -> str:
    fields = (str(label.path), label.speaker, label.language.upper(), label.text)
    for field in fields:
        if "|" in field or "\n" in field or "\r" in field:
            raise BadInput(f"{field!r} cannot stand in a label file; leave out '|' and line breaks")
    line = "|".join(fields)
    if isinstance(reason := _parsed(line), str):
        raise BadInput(f"the label of {label.clip or 'a clip'} cannot be written: {reason}")
    return line
