"""Runs jobs: claims one, starts a child process for it, keeps the lease, writes exactly one terminal status."""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from myna.core.workspace import make_folder
from myna.jobs.job import Job, Status
from myna.jobs.store import JobStore

_log = logging.getLogger(__name__)
_GRACE_S = 5.0
_TICK_S = 0.1


@dataclass
class Worker:
    """Runs one job at a time. ``runner`` is ``module:function`` as `jobs.child` takes it; ``logs`` a folder."""

    store: JobStore
    runner: str
    logs: Path
    lease_s: float = 30.0
    poll_s: float = 0.5
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}")

    def serve(self, stop: threading.Event) -> None:
        """Run jobs as they come, until ``stop`` is set; the job in hand then goes back by its lease running out."""
        while not stop.is_set():
            try:
                job = self.store.claim(self.name, self.lease_s)
                if job is not None:
                    self.run(job, stop)
            except Exception:
                _log.exception("worker %s stumbled and goes on", self.name)
                job = None
            if job is None:
                stop.wait(self.poll_s)

    def run(self, job: Job, stop: threading.Event | None = None) -> None:
        """Run a claimed job to its end."""
        make_folder(self.logs)
        with log_file(self.logs, job.id).open("ab") as log:
            child = _Child(self.runner, job, log)
            try:
                self._attend(job, child, stop or threading.Event())
            finally:
                child.kill()

    def _attend(self, job: Job, child: _Child, stop: threading.Event) -> None:
        """Heartbeats until the child ends, or must."""
        next_beat = 0.0
        while not stop.is_set():
            ended = child.listen(_TICK_S)
            if ended:
                self.store.finish(job, *child.outcome())
                return
            if time.monotonic() < next_beat:
                continue
            next_beat = time.monotonic() + min(self.lease_s / 3, 1.0)
            held = self.store.beat(job, self.lease_s, child.progress, child.note)
            if held is None:
                _log.warning("worker %s lost job %s; its child is ended", self.name, job.id)
                return
            if held.is_cancel_requested:
                child.terminate()
                self.store.finish(job, Status.CANCELLED)
                return


def log_file(logs: Path, job_id: str) -> Path:
    """Where a job's log lies."""
    return logs / f"{job_id}.log"


class _Child:
    """The child process of one job and what it has reported."""

    def __init__(self, runner: str, job: Job, log: IO[bytes]) -> None:
        self.progress, self.note = job.progress, job.note
        self._result: dict[str, Any] | None = None
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "myna.jobs.child", runner],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._send({"kind": job.kind, "payload": dict(job.payload)})

    def listen(self, seconds: float) -> bool:
        """Take in what the child reports, for that long at most; whether it has ended."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            return False
        if line is None:
            return True
        values = json.loads(line)
        if "result" in values:
            self._result = values
        else:
            self.progress, self.note = max(self.progress, values["progress"]), values["note"]
        return False

    def outcome(self) -> tuple[Status, str]:
        """How the child ended: what it said, or how it died without a word."""
        code = self._process.wait()
        if self._result is not None:
            return Status(self._result["result"]), self._result["error"]
        if code < 0:
            return Status.FAILED, f"its process was killed by {signal.Signals(-code).name} (out of memory?)"
        return Status.FAILED, f"its process ended with code {code}; the job's log tells more"

    def terminate(self) -> None:
        """Ask the child to stop, and give it time to tidy up."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            _log.warning("the child of a cancelled job did not stop within %s s and is killed", _GRACE_S)

    def kill(self) -> None:
        """End the child and all it started, and let go of its pipes."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                _close(pipe)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def _send(self, values: dict[str, Any]) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise ValueError("the child was started without a pipe")
        try:
            stdin.write(json.dumps(values).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            _log.warning("a job's child died before it heard its job")

    def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is None:
            raise ValueError("the child was started without a pipe")
        for line in stdout:
            self._lines.put(line)
        self._lines.put(None)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return
