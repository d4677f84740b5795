"""Saving weights when somebody asks: the signal SIGUSR1, or a file called ``save_now`` in the training's folder."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

REQUEST = "save_now"


class SaveRequests:
    """Whether weights are asked for, in the folder ``run``."""

    def __init__(self, run: Path) -> None:
        self.file = run / REQUEST
        self._is_signalled = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take signals while the block runs; a thread other than the main one hears the file alone."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGUSR1, self._signalled)
        try:
            yield
        finally:
            signal.signal(signal.SIGUSR1, before)

    def taken(self) -> bool:
        """Whether there is a request; it is fulfilled once."""
        is_asked = self._is_signalled or self.file.exists()
        if is_asked:
            self._is_signalled = False
            self.file.unlink(missing_ok=True)
        return is_asked

    def _signalled(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 (the shape of a handler)
        self._is_signalled = True
