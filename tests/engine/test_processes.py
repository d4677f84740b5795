from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from myna.core.errors import BadAudio, Cancelled, InstallationError, UnknownChoice, WorkspaceError
from myna.core.findings import Tally
from myna.core.progress import Progress, silent
from myna.core.workspace import write_text
from myna.engine import processes
from myna.engine.processes import each_shared, num_processes


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for number in range(4):
        write_text(tmp_path / f"{number}.txt", "x" * (10 * number))
    return sorted(tmp_path.iterdir())


def length(file: Path, progress: Progress) -> int:
    progress(0.5, "reading")
    size = file.stat().st_size
    if size == 20:
        raise UnknownChoice("length", size, ["0", "10"])
    return size


def full_disk(file: Path, progress: Progress) -> int:
    raise WorkspaceError("the disk is full")


def killed(file: Path, progress: Progress) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def endless(file: Path, progress: Progress) -> int:
    while True:
        progress(0.1, "still")


@pytest.mark.parametrize("num", [1, 2])
def test_what_cannot_be_used_is_told(files: list[Path], num: int) -> None:
    tally, told = Tally(), []
    done = each_shared(files, length, num, tally, lambda fraction, note: told.append(fraction))
    assert [(file.name, size) for file, size in done] == [("0.txt", 0), ("1.txt", 10), ("3.txt", 30)]
    assert [str(failure) for failure in tally.failures] == ["2.txt: unknown length 20; choose one of: 0, 10"]
    assert told == sorted(told)


@pytest.mark.parametrize("num", [1, 2])
def test_what_concerns_all_work_ends_it(files: list[Path], num: int) -> None:
    with pytest.raises(WorkspaceError, match="full"):
        each_shared(files, full_disk, num, Tally(), silent)


def test_a_process_that_is_killed(files: list[Path]) -> None:
    with pytest.raises(InstallationError, match="ended from outside"):
        each_shared(files, killed, 2, Tally(), silent)


def test_cancelling_ends_all_processes(files: list[Path]) -> None:
    def stop(fraction: float, note: str) -> None:
        if fraction > 0:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        each_shared(files, endless, 2, Tally(), stop)
    assert multiprocessing.active_children() == []


def test_no_more_processes_than_are_of_use(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "num_cores", lambda: 3)
    assert num_processes(files, 0) == num_processes([], 8) == 1
    monkeypatch.setattr(processes, "_WORTH_BYTES", 1)
    assert [num_processes(files, parts) for parts in (0, 1, 2, 8)] == [3, 1, 2, 4]


def test_bad_audio_keeps_its_reason(files: list[Path]) -> None:
    tally = Tally()

    def refuse(file: Path, progress: Progress) -> int:
        raise BadAudio("silent")

    assert each_shared(files, refuse, 1, tally, silent) == []
    assert len(tally.failures) == 4
