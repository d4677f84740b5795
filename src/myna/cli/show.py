"""What a person sees: progress bars, tables, lines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, ConsoleDimensions
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from myna.core import progress as reports
from myna.core.findings import Findings
from myna.steps.step import Outcome, Step, perform

_FILE_COLUMNS = 1000
"""How wide a table may get in a file or a pipe, where nothing need be folded."""


def _console() -> Console:
    console = Console()
    if not console.is_terminal:
        console.size = ConsoleDimensions(_FILE_COLUMNS, console.height)
    return console


out = _console()
err = Console(stderr=True)

_NOTE_CHARS = 40
_LINE_EVERY_S = 20.0
_SHOWN_FAILURES = 10


class Bars:
    """One progress bar per piece of work; without a terminal, one line when it ends and now and then before."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}", markup=True),
            console=out,
            disable=not out.is_terminal,
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the bars while the body runs."""
        with self._bars:
            yield

    @contextmanager
    def bar(self, title: str) -> Iterator[reports.Progress]:
        """A new bar, as the `Progress` that moves it."""
        task = self._bars.add_task(f"{title:<28}", total=1.0, note="")
        lines = _Lines(title)

        def report(fraction: float, note: str) -> None:
            self._bars.update(task, completed=fraction, note=_short(note))
            if self._bars.disable:
                lines.report(fraction, note)

        yield report
        self._close(task)

    def perform(self, step: Step) -> Outcome:
        """Run a step under a bar of its own."""
        with self.bar(step.title) as report:
            outcome = perform(step, report)
            done = "done already" if outcome.was_done_already else "done"
            report(1.0, f"{done}, {outcome.seconds:.1f} s")
        tell(outcome.findings)
        return outcome

    def _close(self, task: TaskID) -> None:
        self._bars.stop_task(task)


class _Lines:
    """Progress for logs: seldom, and always the end."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._last = time.monotonic()

    def report(self, fraction: float, note: str) -> None:
        """Write a line if it is time for one."""
        is_end = note.startswith("done") and fraction >= 1.0 and note not in ("done", "done already")
        if is_end or time.monotonic() - self._last > _LINE_EVERY_S:
            self._last = time.monotonic()
            out.print(f"{self._title}: {fraction:.0%} {note}", markup=False, highlight=False, soft_wrap=True)


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print rows under headings."""
    grid = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")  # an address or a path is of no use without its end
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))  # as it is: brackets are no markup
    out.print(grid)


def tell(findings: Findings) -> None:
    """Print what a step found out: what it left out and why, what else it has to say, where its pages are."""
    for failure in findings.failures[:_SHOWN_FAILURES]:
        line(f"  left out: {failure}")
    if len(findings.failures) > _SHOWN_FAILURES:
        line(f"  left out: {len(findings.failures) - _SHOWN_FAILURES} more")
    for note in findings.notes:
        line(f"  {note}")
    for page in findings.pages:
        line(f"  look at {page}")


def line(text: str) -> None:
    """Print a line as it is."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)


def _short(note: str) -> str:
    return note.replace("[", "(") if len(note) <= _NOTE_CHARS else f"{note[: _NOTE_CHARS - 1].replace('[', '(')}…"
