"""Choosing among the rows of a label file, and showing them in pages. Rows are numbered from 1 in the file's order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myna.audio.io import probe
from myna.audio.label_form import code_of
from myna.audio.label_sounds import sound_file
from myna.audio.labels import LabelFile, Line
from myna.core.errors import BadInput, CallerError, NotFound

PAGE_ROWS = 10


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a clip's sound: its length, None where it cannot be read; the verdict of the check, "" for none;
    what kinds of things the check found.
    """

    seconds: float | None = None
    verdict: str = ""
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Filter:
    """Which rows are meant: those that all of this is true of. Empty fields say nothing.

    ``text`` is looked for in the text, regardless of case; with ``is_regex`` it is a regular expression (one can take
    for ever: take none from strangers). A row without
    label has no fields and is only chosen by ``is_problem``; one without a known length by no bound on it.
    """

    languages: frozenset[str] = frozenset()
    speakers: frozenset[str] = frozenset()
    text: str = ""
    is_regex: bool = False
    min_seconds: float | None = None
    max_seconds: float | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    verdicts: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    is_problem: bool | None = None
    is_repaired: bool | None = None

    @property
    def wants_lengths(self) -> bool:
        """Whether the clips' lengths must be known."""
        return self.min_seconds is not None or self.max_seconds is not None

    @property
    def says_nothing(self) -> bool:
        """Whether every row is meant."""
        return self == Filter()


def select(file: LabelFile, wanted: Filter, facts: Mapping[str, ClipFacts] | None = None) -> list[int]:
    """The rows that are meant; ``facts`` are by clip. Raises `BadInput` where the expression is none."""
    finds = text_finder(wanted.text, is_regex=wanted.is_regex)
    known = facts or {}
    return [
        row
        for row, line in enumerate(file.lines, 1)
        if _is_told(line, wanted) and (line.label is None or _is_meant(line, wanted, finds, known))
    ]


def others(file: LabelFile, rows: Sequence[int]) -> list[int]:
    """All rows but these."""
    chosen = set(rows)
    return [row for row in range(1, len(file.lines) + 1) if row not in chosen]


def conditions(written: Sequence[str]) -> Filter:
    """The filter that conditions spell, all of which must hold.

    ``language=en``, ``speaker=ann``, ``verdict=look``, ``found=noise`` (of the check; several of one name: any of
    them), ``text=words``, ``text~expression``, ``seconds<2``, ``seconds>10``, ``chars<5``, ``chars>200``, ``problem``,
    ``repaired``. Bounds are included. Raises `BadInput` naming all of these.
    """
    given: dict[str, Any] = {}
    for condition in written:
        found = _CONDITION.fullmatch(condition.strip())
        name, sign, value = found.groups() if found else ("", "", "")
        if name in _FLAGS and not sign:
            given[_FLAGS[name]] = True
        elif name in _SETS and sign == "=":
            chosen = code_of(value) or value if name == "language" else value
            given[_SETS[name]] = given.get(_SETS[name], frozenset()) | {chosen}
        elif name == "text" and sign in ("=", "~"):
            given |= {"text": value, "is_regex": sign == "~"}
        elif name in ("seconds", "chars") and sign in ("<", ">"):
            given[f"{'max' if sign == '<' else 'min'}_{name}"] = _number(value, condition, whole=name == "chars")
        else:
            raise BadInput(f"unknown condition {condition!r}; choose among: {_CONDITIONS}")
    return Filter(**given)


_CONDITION = re.compile(r"(\w+)(?:([=~<>])=?(.*))?", re.DOTALL)
_SETS = {"language": "languages", "speaker": "speakers", "verdict": "verdicts", "found": "kinds"}
_FLAGS = {"problem": "is_problem", "repaired": "is_repaired"}
_CONDITIONS = (
    "language=en, speaker=ann, verdict=look, found=noise, text=words, text~expression, seconds<2, seconds>10, chars<5, "
    "chars>200, problem, repaired"
)


def _number(value: str, condition: str, *, whole: bool) -> float:
    try:
        return int(value) if whole else float(value)
    except ValueError:
        raise BadInput(f"{value!r} in {condition!r} is no number") from None


def text_finder(pattern: str, *, is_regex: bool) -> Callable[[str], bool]:
    """Whether a text holds ``pattern``; raises `BadInput` where the expression is none."""
    if not pattern:
        return lambda _: True
    return lambda text: expression(pattern, is_regex=is_regex, ignore_case=True).search(text) is not None


def expression(pattern: str, *, is_regex: bool, ignore_case: bool = False) -> re.Pattern[str]:
    """A compiled expression; raises `BadInput` where it is none."""
    try:
        return re.compile(pattern if is_regex else re.escape(pattern), re.IGNORECASE if ignore_case else 0)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadInput(f"{pattern!r} is no regular expression: {error}") from None


def lengths(file: LabelFile, clips: Path | None, beside: Path | None = None) -> dict[str, ClipFacts]:
    """How long each clip is by its header, by clip; one that cannot be read has no length."""
    found = {}
    for label in file.labels:
        try:
            found[label.clip] = ClipFacts(probe(sound_file(label, clips, beside)).seconds)
        except CallerError:
            found[label.clip] = ClipFacts()
    return found


def read_facts(path: Path) -> dict[str, ClipFacts]:
    """What `check_dataset` found, by clip, from its JSON lines.

    Raises:
        NotFound: no such file.
        BadInput: another kind of file.
    """
    if not path.is_file():
        raise NotFound(f"there is no {path}; run check_dataset first")
    facts = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line:
            try:
                row = json.loads(line)
                kinds = frozenset(found["kind"] for found in row["findings"])
                # A line that cannot be used may name a clip that another line has: what was heard counts.
                if row["clip"] not in facts or row["seconds"] is not None:
                    facts[row["clip"]] = ClipFacts(row["seconds"], row["verdict"], kinds)
            except (json.JSONDecodeError, KeyError, TypeError):
                raise BadInput(f"{path} line {number} is none of check_dataset") from None
    return facts


@dataclass(frozen=True)
class Page:
    """Some of the rows that were chosen: the ``number``-th page of ``of``, both from 1."""

    rows: tuple[int, ...]
    number: int
    of: int


def page(rows: Sequence[int], number: int, size: int = PAGE_ROWS) -> Page:
    """The ``number``-th page of ``rows``, the nearest where there is none; raises `BadInput` for a size below 1."""
    if size < 1:
        raise BadInput(f"a page of {size} rows cannot be shown; take at least 1")
    of = max(-(-len(rows) // size), 1)
    shown = min(max(number, 1), of)
    return Page(tuple(rows[(shown - 1) * size : shown * size]), shown, of)


def _is_told(line: Line, wanted: Filter) -> bool:
    """What can be said of any row."""
    if wanted.is_problem is not None and bool(line.problem) != wanted.is_problem:
        return False
    if wanted.is_repaired is not None and bool(line.repairs) != wanted.is_repaired:
        return False
    return line.label is not None or wanted.is_problem is True or wanted.says_nothing


def _is_meant(line: Line, wanted: Filter, finds: Callable[[str], bool], facts: Mapping[str, ClipFacts]) -> bool:
    label = line.label
    if label is None:
        return False
    known = facts.get(label.clip, ClipFacts())
    return (
        (not wanted.languages or label.language in wanted.languages)
        and (not wanted.speakers or label.speaker in wanted.speakers)
        and _is_between(len(label.text), wanted.min_chars, wanted.max_chars)
        and (not wanted.wants_lengths or _is_between(known.seconds, wanted.min_seconds, wanted.max_seconds))
        and (not wanted.verdicts or known.verdict in wanted.verdicts)
        and (not wanted.kinds or bool(wanted.kinds & known.kinds))
        and finds(label.text)
    )


def _is_between(value: float | None, low: float | None, high: float | None) -> bool:
    return value is not None and (low is None or value >= low) and (high is None or value <= high)
