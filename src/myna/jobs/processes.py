"""Ends a process and everything that it has started, whichever sessions and groups that has moved to.

By Linux's ``/proc``, and the process group alone where there is none.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

_PROC = Path("/proc")
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends, so that `kill_tree` finds it."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    except (AttributeError, OSError):  # not Linux
        return


def kill_tree(pid: int) -> None:
    """SIGKILL the process ``pid``, its group, its session and all its descendants."""
    kill_descendants(pid)
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        _signal(pid, signal.SIGKILL)


def kill_descendants(pid: int) -> None:
    """SIGKILL what the process ``pid`` has started, directly or not."""
    family = descendants(pid)
    for member in family:
        _signal(member, signal.SIGSTOP)  # so that none starts another while we go through them
    for member in {*family, *descendants(pid)} - {os.getpid()}:
        _signal(member, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """The process numbers of all that ``pid`` has started, directly or not, and of its session, that still run."""
    table = _table()
    found = {number for number, (_, session) in table.items() if session == pid}
    while more := {number for number, (parent, _) in table.items() if parent in found | {pid}} - found:
        found |= more
    return sorted(found - {pid})


def _table() -> dict[int, tuple[int, int]]:
    """Every process's parent and session."""
    table = {}
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:  # it has ended since
                continue
            # The name in brackets may hold anything, brackets and spaces too; behind it: state, parent, group, session.
            fields = status.rpartition(")")[2].split()
            table[int(entry.name)] = (int(fields[1]), int(fields[3]))
    return table


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
