"""Work on many files, shared between processes; what cannot be used is told, as `myna.core.findings.each` does it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, MutableSequence, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Generic, TypeVar

from myna.core.errors import CallerError, Cancelled, InstallationError
from myna.core.findings import Tally, each, printable
from myna.core.progress import Progress, part

Result = TypeVar("Result")

Work = Callable[[Path, Progress], Result]
"""What is done with a file. Processes get it by pickling: a module's function, or a record that can be called."""

_WORTH_BYTES = 8 << 20  # a further process takes as long to start as some minutes of sound to be cut
_LOOK_S = 0.1


def num_cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def num_processes(files: Sequence[Path], num_parts: int) -> int:
    """How many processes shall share ``files``: ``num_parts`` (0: one per core), if there is enough to do."""
    size = sum(file.stat().st_size for file in files)
    wished = num_parts or num_cores()
    return max(1, min(wished, len(files), size // _WORTH_BYTES + 1))


def each_shared(
    files: Sequence[Path], work: Work[Result], processes: int, tally: Tally, progress: Progress
) -> list[tuple[Path, Result]]:
    """What ``work`` answers for every file that it can use, in order; the others go to ``tally``.

    Raises:
        InstallationError: a process was ended from outside.
        MynaError: what concerns the whole work, see `each`; `Cancelled` when ``progress`` does.
    """
    if processes == 1:
        return _one_by_one(files, work, tally, progress)
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    fractions, stop = context.Array("d", len(files), lock=False), context.Event()
    with ProcessPoolExecutor(processes, context, _begin, (fractions, stop)) as pool:
        # The longest first, so that none is left to one process at the end.
        order = sorted(range(len(files)), key=lambda number: -files[number].stat().st_size)
        tasks = {number: pool.submit(_do, work, number, files[number]) for number in order}
        try:
            _watch(list(tasks.values()), fractions, progress)
        except BrokenProcessPool:
            raise InstallationError(
                "a process that worked on the files was ended from outside, perhaps for want of memory; run the same "
                "command again with fewer processes"
            ) from None
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return _usable(files, [tasks[number].result() for number in range(len(files))], tally)


def _one_by_one(
    files: Sequence[Path], work: Work[Result], tally: Tally, progress: Progress
) -> list[tuple[Path, Result]]:
    shares = {file: part(progress, number / len(files), (number + 1) / len(files)) for number, file in enumerate(files)}
    return each(files, lambda file: work(file, shares[file]), tally, progress)


def _watch(tasks: list[Future[_Answer[Result]]], fractions: Sequence[float], progress: Progress) -> None:
    """Tell how far the ``tasks`` are until all are done; raises what one of them raises."""
    pending = set(tasks)
    while pending:
        done, pending = wait(pending, _LOOK_S, FIRST_EXCEPTION)
        for task in done:
            task.result()
        progress(sum(fractions) / len(tasks), f"{len(tasks) - len(pending)} of {len(tasks)} files")


def _usable(files: Sequence[Path], answers: Sequence[_Answer[Result]], tally: Tally) -> list[tuple[Path, Result]]:
    done = []
    for file, answer in zip(files, answers, strict=True):
        if answer.result is None:
            tally.add(file, answer.reason)
        else:
            done.append((file, answer.result))
    return done


class _Answer(Generic[Result]):
    """What came of a file, or why nothing did. An error's own class is not sent: not all can be pickled."""

    def __init__(self, result: Result | None, reason: str = "") -> None:
        self.result, self.reason = result, reason


class _Here:
    """What a process shares with the one that began it."""

    fractions: MutableSequence[float]
    stop: Event


def _begin(fractions: MutableSequence[float], stop: Event) -> None:
    """Begin a process: an interrupt reaches all of a terminal's processes, and the first one tells the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Here.fractions, _Here.stop = fractions, stop


def _do(work: Work[Result], number: int, file: Path) -> _Answer[Result]:
    def report(fraction: float, note: str) -> None:
        if _Here.stop.is_set():
            raise Cancelled(f"stopped at {printable(file.name)} ({note})")
        _Here.fractions[number] = fraction

    report(0.0, "begins")
    try:
        return _Answer(work(file, report))
    except CallerError as error:
        return _Answer(None, str(error))
    finally:
        _Here.fractions[number] = 1.0
