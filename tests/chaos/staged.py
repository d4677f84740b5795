"""A worker that comes to a stop at a stage of its first job: URL FOLDER STAGE ACTION RUNNER LEASE.

It dies there, as by a power cut (``die``), or stands still until the file ``go`` lies in FOLDER (``hold``), having told
that it is there by the file ``reached``.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from myna.jobs.job import Job, Status
from myna.jobs.store import SqlJobStore
from myna.jobs.worker import Worker

STAGES = ("claiming", "claimed", "told", "beaten", "ended", "finishing", "finished")
"""Where it stops: in the transaction that claims the job, and behind it; behind that of the job's first step, and that
of its first heartbeat with progress; when the child has ended; in the transaction that ends the job, and behind it."""


class StagedStore(SqlJobStore):
    """The store, which knows at which stage a job is."""

    def __init__(self, url: str, folder: Path, stage: str, action: str) -> None:
        super().__init__(url)
        self._folder, self._stage, self._action = folder, stage, action
        self._commits_as = ""
        sa.event.listen(self.engine, "commit", lambda _connection: self._at(self._commits_as))

    def claim(self, worker: str, lease_s: float, queues: Sequence[str] = ()) -> Job | None:
        self._commits_as = "claiming"
        job = super().claim(worker, lease_s, queues)
        self._commits_as = ""
        if job is not None:
            self._at("claimed")
        return job

    def tell_step(self, job: Job, step: str, state: str, note: str = "") -> bool:
        held = super().tell_step(job, step, state, note)
        self._at("told")
        return held

    def beat(self, job: Job, progress: float, note: str) -> Job | None:
        seen = super().beat(job, progress, note)
        if progress:
            self._at("beaten")
        return seen

    def finish(self, job: Job, status: Status, error: str = "", result: Mapping[str, Any] | None = None) -> bool:
        self._at("ended")
        self._commits_as = "finishing"
        held = super().finish(job, status, error, result)
        self._commits_as = ""
        self._at("finished")
        return held

    def _at(self, stage: str) -> None:
        if stage != self._stage:
            return
        self._stage = ""
        (self._folder / "reached").touch()
        if self._action == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        while not (self._folder / "go").exists():
            time.sleep(0.01)


def main(url: str, folder: str, stage: str, action: str, runner: str, lease_s: str) -> None:
    """Work until killed."""
    store = StagedStore(url, Path(folder), stage, action)
    worker = Worker(store, runner, Path(folder) / "logs", lease_s=float(lease_s), poll_s=0.05)
    worker.serve(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
