"""Event files for TensorBoard, where its library is installed.

Written at once and in this thread: the library's own writer has a thread and a queue, which on a full disk wait for
each other for ever.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from myna.core.workspace import disk_errors, make_folder

_FLUSH_SECONDS = 10.0


class Events:
    """The events of one training in ``folder``, from behind ``step``; what is there of later steps counts no more."""

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog
        from tensorboardX.summary import scalar

        self.folder, self._event, self._scalar = make_folder(folder), Event, scalar
        with disk_errors(folder):
            self._file = EventsWriter(str(folder / "events"), f".{step}")
            if step:
                again = SessionLog(status=SessionLog.START)
                self._file.write_event(Event(wall_time=time.time(), step=step + 1, session_log=again))
            self._file.flush()
        self._flushed = time.monotonic()

    def add(self, values: Mapping[str, float], step: int) -> None:
        """Add numbers by name; raises `WorkspaceError`."""
        with disk_errors(self.folder):
            for name, value in values.items():
                summary = self._scalar(name, value)
                self._file.write_event(self._event(wall_time=time.time(), step=step, summary=summary))
            if time.monotonic() - self._flushed > _FLUSH_SECONDS:
                self._file.flush()
                self._flushed = time.monotonic()

    def close(self) -> None:
        """Write what is left."""
        with disk_errors(self.folder):
            self._file.close()


def open_events(folder: Path, step: int) -> Events | None:
    """`Events`; None where the extra ``tensorboard`` is not installed."""
    try:
        return Events(folder, step)
    except ModuleNotFoundError:
        return None
