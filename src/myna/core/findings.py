"""What work over many files found out beside what it wrote: files left out and why, and lines worth telling a person.

One bad file never stops a folder. It is left out, named, and the work goes on; only where nothing was usable does the
whole of it fail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from myna.core.errors import CallerError
from myna.core.progress import Progress

Result = TypeVar("Result")

_SHOWN = 3


def printable(name: str) -> str:
    """A file's name for people: names may hold bytes that are no text, which cannot be printed."""
    return name.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class Failure:
    """A file (its name, or the part of its path that a person knows) that could not be used, and why, in one line."""

    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


@dataclass(frozen=True)
class Findings:
    """What a piece of work has to tell. ``pages`` are reports that it wrote for a person to look at."""

    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    pages: tuple[Path, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values, for a stamp, a job's row or a reply."""
        return {
            "failures": [[failure.file, failure.reason] for failure in self.failures],
            "notes": list(self.notes),
            "pages": [str(page) for page in self.pages],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Findings:
        """What `as_json` gave."""
        return cls(
            tuple(Failure(file, reason) for file, reason in values.get("failures", [])),
            tuple(values.get("notes", [])),
            tuple(Path(page) for page in values.get("pages", [])),
        )


@dataclass
class Tally:
    """Failures as they come in, while work goes through files one by one."""

    failures: list[Failure] = field(default_factory=list)

    def add(self, file: Path | str, error: Exception | str) -> None:
        """Note that ``file`` could not be used; a path counts by its name."""
        name = printable(file.name if isinstance(file, Path) else file)
        self.failures.append(Failure(name, " ".join(str(error).split())))

    def findings(self, *notes: str, pages: Sequence[Path] = ()) -> Findings:
        """All that was noted."""
        return Findings(tuple(self.failures), notes, tuple(pages))

    def require(self, usable: int, error: type[CallerError], what: str) -> None:
        """Raise ``error`` where nothing was ``usable``, saying ``what`` failed and the first reasons."""
        if usable:
            return
        shown = "; ".join(str(failure) for failure in self.failures[:_SHOWN])
        more = len(self.failures) - _SHOWN
        raise error(f"{what}: {shown}" + (f"; and {more} more" if more > 0 else "") if shown else what)


def each(
    files: Sequence[Path], do: Callable[[Path], Result], tally: Tally, progress: Progress
) -> list[tuple[Path, Result]]:
    """What ``do`` answers for every file that it can use; the others go to ``tally``.

    A `CallerError` (bad audio, too long, not found) is the file's own and is noted; everything else (a full disk, a
    cancelled job, a missing library) concerns the whole work and is raised.
    """
    done: list[tuple[Path, Result]] = []
    for number, file in enumerate(files):
        progress(number / len(files), printable(file.name))
        try:
            done.append((file, do(file)))
        except CallerError as error:
            tally.add(file, error)
    return done
