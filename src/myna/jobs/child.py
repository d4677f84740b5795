"""The process that runs one job: ``python -m myna.jobs.child MODULE:FUNCTION``.

It reads ``{"kind", "payload", "device"}`` as one line from stdin and calls ``function(kind, payload, report)``. What it
reports goes to stdout as JSON lines (``{"progress", "note"}``, ``{"step", "state", "note"}``, at the end ``{"status",
"error", "result"}``); stderr is the job's log. Its stdin stays open as long as its worker lives: when that dies, the
child ends itself and all it started.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, TextIO

from myna.core.errors import Cancelled, MynaError
from myna.core.progress import Report
from myna.jobs.processes import adopt_orphans, kill_descendants, kill_tree

Runner = Callable[[str, Mapping[str, Any], Report], Mapping[str, Any] | None]
"""Does one job of a kind with its payload; answers what it has to tell, as JSON values."""

_REPORT_EVERY_S = 0.2


class _Lines:
    """The `Report` whose lines go to the worker; the progress between two of them is not worth a line each."""

    def __init__(self, stream: TextIO, device: str) -> None:
        self.device = device
        self._stream = stream
        self._last = 0.0
        self._lock = threading.Lock()

    def __call__(self, fraction: float, note: str) -> None:
        """As `Report`."""
        now = time.monotonic()
        if now - self._last >= _REPORT_EVERY_S or fraction >= 1.0:
            self._last = now
            self._line({"progress": fraction, "note": note})

    def step(self, name: str, state: str, note: str = "") -> None:
        """As `Report`."""
        self._line({"step": name, "state": state, "note": note})

    def end(self, status: str, error: str = "", result: Mapping[str, Any] | None = None) -> None:
        """Tell how it ended."""
        self._line({"status": status, "error": error, "result": dict(result or {})})

    def _line(self, values: dict[str, Any]) -> None:
        with self._lock:
            self._stream.write(json.dumps(values) + "\n")
            self._stream.flush()


def main(target: str) -> None:
    """Run the job that stdin names with the function that ``target`` names."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints belongs to the log
    job = json.loads(sys.stdin.readline())
    report = _Lines(stream, job["device"])
    adopt_orphans()
    threading.Thread(target=_die_with_worker, daemon=True).start()
    signal.signal(signal.SIGTERM, _cancelled)
    try:
        result = _function(target)(job["kind"], job["payload"], report)
    except (Cancelled, KeyboardInterrupt):
        report.end("cancelled")
    except MynaError as error:
        report.end("failed", str(error), {"kind": error.kind})
        traceback.print_exc()  # after the report: the disk of the log may be full
    except Exception as error:
        report.end("failed", f"{type(error).__name__}: {error}")
        traceback.print_exc()
    else:
        report.end("completed", result=result)
    finally:
        kill_descendants(os.getpid())  # while they can still be found: an orphan may be in a session of its own


def _function(target: str) -> Runner:
    module, _, name = target.partition(":")
    function: Runner = getattr(importlib.import_module(module), name)
    return function


def _die_with_worker() -> None:
    sys.stdin.read()
    kill_tree(os.getpid())


def _cancelled(_number: int, _frame: FrameType | None) -> None:
    raise Cancelled("somebody asked for the work to stop")


if __name__ == "__main__":
    main(sys.argv[1])
