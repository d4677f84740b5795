"""How often each caller may come: counted in a small file, so that all processes of a server count together."""

from __future__ import annotations

import logging
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from myna.core.errors import TooBusy
from myna.core.workspace import make_folder

_log = logging.getLogger(__name__)
_PATIENCE_S = 2.0
_FULL_AGAIN_S = 60.0
_TABLE = "CREATE TABLE IF NOT EXISTS pace (who TEXT PRIMARY KEY, at REAL NOT NULL, tokens REAL NOT NULL)"


class Pace:
    """At most ``per_minute`` requests of each caller, evenly refilled; 0: any number. One count for each host.

    ``clock`` gives seconds that all processes count alike. A count that cannot be kept lets everybody in: it is there
    to keep the server well, and must not be what ends it.
    """

    def __init__(self, home: Path, per_minute: int, clock: Callable[[], float] = time.time) -> None:
        self._file = home / f"pace-{socket.gethostname()}.sqlite"
        self._per_minute, self._clock = per_minute, clock

    @property
    def is_limited(self) -> bool:
        """Whether there is anything to count."""
        return self._per_minute > 0

    def step(self, who: str) -> None:
        """Count one request; raises `TooBusy` where it is one too many."""
        if not self.is_limited:
            return
        try:
            wait_s = self._wait(who)
        except sqlite3.OperationalError as error:  # busy, or the disk is full
            _log.warning("requests are not counted now: %s", error)
        except sqlite3.DatabaseError as error:  # a power cut has spoilt it
            _log.warning("requests are counted anew: %s", error)
            self._file.unlink(missing_ok=True)
        else:
            if wait_s > 0:
                raise TooBusy(f"{self._per_minute} requests a minute are allowed; slow down", wait_s)

    def _wait(self, who: str) -> float:
        """How long ``who`` must wait, seconds; 0, and counted, where they need not."""
        rate, now = self._per_minute / 60, self._clock()
        make_folder(self._file.parent)
        with closing(sqlite3.connect(self._file, timeout=_PATIENCE_S, isolation_level=None)) as counts:
            # Nothing here is worth waiting for the disk.
            counts.execute("PRAGMA synchronous = OFF")
            counts.execute("PRAGMA journal_mode = MEMORY")
            counts.execute("BEGIN IMMEDIATE")
            counts.execute(_TABLE)
            row = counts.execute("SELECT at, tokens FROM pace WHERE who = ?", (who,)).fetchone()
            if row is None:
                counts.execute("DELETE FROM pace WHERE at < ?", (now - _FULL_AGAIN_S,))
            at, tokens = row or (now, float(self._per_minute))
            tokens = min(tokens + max(now - at, 0.0) * rate, float(self._per_minute))  # a clock may be set back
            if tokens >= 1:
                counts.execute("INSERT OR REPLACE INTO pace VALUES (?, ?, ?)", (who, now, tokens - 1))
            counts.execute("COMMIT")
        return 0.0 if tokens >= 1 else (1 - tokens) / rate
