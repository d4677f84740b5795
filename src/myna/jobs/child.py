"""The process that runs one job: ``python -m myna.jobs.child MODULE:FUNCTION``.

It reads ``{"kind", "payload"}`` as one line from stdin and calls ``function(kind, payload, progress)``. What it
reports goes to stdout as JSON lines (``{"progress", "note"}``, at the end ``{"result", "error"}``); stderr is the job's
log. Its stdin stays open as long as its worker lives: when that dies, the child ends itself and all it started.
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
from myna.core.progress import Progress

Runner = Callable[[str, Mapping[str, Any], Progress], None]
"""Does one job of a kind with its payload."""

_REPORT_EVERY_S = 0.2


class _Report:
    """The lines to the worker; the progress between two reports is not worth a line each."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = 0.0

    def progress(self, fraction: float, note: str) -> None:
        """Tell how far it is."""
        now = time.monotonic()
        if now - self._last >= _REPORT_EVERY_S or fraction >= 1.0:
            self._last = now
            self._line({"progress": fraction, "note": note})

    def result(self, status: str, error: str = "") -> None:
        """Tell how it ended."""
        self._line({"result": status, "error": error})

    def _line(self, values: dict[str, Any]) -> None:
        self._stream.write(json.dumps(values) + "\n")
        self._stream.flush()


def main(target: str) -> None:
    """Run the job that stdin names with the function that ``target`` names."""
    report = _Report(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # whatever a library prints belongs to the log
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_die_with_worker, daemon=True).start()
    signal.signal(signal.SIGTERM, _cancelled)
    try:
        _function(target)(job["kind"], job["payload"], report.progress)
    except (Cancelled, KeyboardInterrupt):
        report.result("cancelled")
    except MynaError as error:
        traceback.print_exc()
        report.result("failed", str(error))
    except Exception as error:
        traceback.print_exc()
        report.result("failed", f"{type(error).__name__}: {error}")
    else:
        report.result("completed")


def _function(target: str) -> Runner:
    module, _, name = target.partition(":")
    function: Runner = getattr(importlib.import_module(module), name)
    return function


def _die_with_worker() -> None:
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


def _cancelled(_number: int, _frame: FrameType | None) -> None:
    raise Cancelled("somebody asked for the work to stop")


if __name__ == "__main__":
    main(sys.argv[1])
