"""Runs jobs: claims one, starts a child process for it, keeps its heart beating, writes exactly one terminal status."""

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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from myna.core.errors import StoreFailed, WorkspaceError
from myna.core.workspace import disk_errors, make_folder
from myna.jobs.job import Job, Status
from myna.jobs.processes import kill_tree
from myna.jobs.store import JobStore

_log = logging.getLogger(__name__)
_GRACE_S = 4.0
"""How long a cancelled child may tidy up: with noticing and killing, everything is gone within five seconds."""
_TICK_S = 0.1
_BEAT_S = 0.5


@dataclass
class Worker:
    """Runs one job at a time.

    Attributes:
        runner: ``module:function`` as `jobs.child` takes it.
        logs: folder of the jobs' logs.
        queues: which jobs it takes; empty: all.
        device: what its jobs are told to run on; empty: what they choose.
        host: what the runner is told of this host, added to each payload.
        keep_log: is given each job's log when that has ended, to keep it where others find it.
    """

    store: JobStore
    runner: str
    logs: Path
    queues: Sequence[str] = ()
    device: str = ""
    lease_s: float = 30.0
    poll_s: float = 0.5
    host: Mapping[str, Any] = field(default_factory=dict)
    keep_log: Callable[[Path], None] | None = None
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}")

    def serve(self, stop: threading.Event) -> None:
        """Run jobs as they come, until ``stop`` is set; the job in hand then goes back to its queue."""
        while not stop.is_set():
            try:
                job = self.store.claim(self.name, self.lease_s, self.queues)
                if job is not None:
                    self.run(job, stop)
            except Exception:
                _log.exception("worker %s stumbled and goes on", self.name)
                job = None
            if job is None:
                stop.wait(self.poll_s)

    def run(self, job: Job, stop: threading.Event | None = None) -> None:
        """Run a claimed job to its end."""
        try:
            make_folder(self.logs)
            with disk_errors(log_file(self.logs, job.id)):
                log = log_file(self.logs, job.id).open("ab")
        except WorkspaceError as error:
            self.store.finish(job, Status.FAILED, str(error), {"kind": error.kind})
            return
        with log:
            child = _Child(self.runner, job, self.host, self.device, log)
            try:
                self._attend(job, child, stop or threading.Event())
            finally:
                child.kill()
        if self.keep_log is not None:
            self.keep_log(log_file(self.logs, job.id))

    def _attend(self, job: Job, child: _Child, stop: threading.Event) -> None:
        """Heartbeats until the child ends, or must."""
        ended, next_beat, last_beat = False, 0.0, time.monotonic()
        while not stop.is_set():
            ended = ended or child.listen(_TICK_S)
            now = time.monotonic()
            try:
                while child.steps:
                    self.store.tell_step(job, *child.steps[0])
                    child.steps.pop(0)
                if ended:
                    self.store.finish(job, *child.outcome())
                    return
                if now < next_beat:
                    continue
                next_beat = now + min(self.lease_s / 3, _BEAT_S)
                held = self.store.beat(job, child.progress, child.note)
                last_beat = now
            except StoreFailed as error:
                # A database that is away for a moment costs nothing; one that stays away costs the job's lease.
                if now - last_beat > self.lease_s:
                    raise
                _log.warning("worker %s cannot reach the job store and tries again: %s", self.name, error)
                time.sleep(_BEAT_S)
                continue
            if held is None:
                _log.warning("worker %s lost job %s; its child is ended", self.name, job.id)
                return
            if held.is_cancel_requested:
                child.terminate()
                child.kill()
                self.store.finish(job, Status.CANCELLED)
                return
        child.kill()
        self.store.give_back(job)


def log_file(logs: Path, job_id: str) -> Path:
    """Where a job's log lies."""
    return logs / f"{job_id}.log"


class _Child:
    """The child process of one job and what it has reported."""

    def __init__(self, runner: str, job: Job, host: Mapping[str, Any], device: str, log: IO[bytes]) -> None:
        self.progress, self.note = 0.0, ""
        self.steps: list[tuple[str, str, str]] = []
        self._end: dict[str, Any] | None = None
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
        self._is_gone = False
        self._send({"kind": job.kind, "payload": {**job.payload, **host}, "device": device})

    def listen(self, seconds: float) -> bool:
        """Take in what the child reports, for that long at most; whether it has ended."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                return False
            if line is None:
                return True
            self._take(json.loads(line))
        return False

    def outcome(self) -> tuple[Status, str, dict[str, Any]]:
        """How the child ended: what it said, or how it died without a word."""
        code = self._process.wait()
        if self._end is not None:
            return Status(self._end["status"]), self._end["error"], self._end["result"]
        if code < 0:
            return Status.FAILED, f"its process was killed by {signal.Signals(-code).name} (out of memory?)", {}
        return Status.FAILED, f"its process ended with code {code}; the job's log tells more", {}

    def terminate(self) -> None:
        """Ask the child to stop, and give it time to tidy up."""
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(_GRACE_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            _log.warning("the child of a cancelled job did not stop within %s s and is killed", _GRACE_S)

    def kill(self) -> None:
        """End the child and all it started, and let go of its pipes."""
        if self._is_gone:
            return
        self._is_gone = True
        kill_tree(self._process.pid)
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                _close(pipe)

    def _take(self, values: dict[str, Any]) -> None:
        if "status" in values:
            self._end = values
        elif "step" in values:
            self.steps.append((values["step"], values["state"], values["note"]))
        else:
            self.progress, self.note = max(self.progress, values["progress"]), values["note"]

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
