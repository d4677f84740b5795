"""Real processes over a job store, and what must hold of every job whatever becomes of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import sqlalchemy as sa

from myna.jobs.job import Job, Order, Status
from myna.jobs.store import SqlJobStore
from myna.jobs.tables import EVENTS
from myna.jobs.worker import Worker
from tests.jobs.conftest import free_port

ROOT = Path(__file__).resolve().parents[2]
RUNNER = "tests.chaos.runners:run"
STEPS = "myna.steps.catalog:run_job"
TOLD = "test:"
"""Where the events of these jobs go: to nobody, so they stay in the outbox to be counted."""

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], seconds: float = 150.0) -> Found:
    """What ``look`` answers as soon as that is true of it."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"it did not happen within {seconds:.0f} s"
        time.sleep(0.01)
    return found


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def environment(**more: str) -> dict[str, str]:
    """For processes of these tests: they find the package and the tests, and nothing of the caller's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MYNA_")}
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), "OMP_NUM_THREADS": "1", **more}


@contextmanager
def process(
    *command: str, log: Path, env: Mapping[str, str] | None = None, before: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program as a process of its own, started by ``before``, which is gone afterwards."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        running = subprocess.Popen(
            [*before, sys.executable, *command], stdout=out, stderr=out, cwd=ROOT, env=env or environment()
        )
    try:
        yield running
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()


@dataclass
class Yard:
    """A job store in a folder, and the workers that are let loose on it."""

    url: str
    folder: Path
    store: SqlJobStore = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = SqlJobStore(self.url)

    def submit(self, name: str = "a", kind: str = "work", **more: Any) -> Job:
        """A job of `tests.chaos.runners`."""
        payload = {"name": name, "journal": str(self.journal), **more}
        return self.store.submit(Order(kind, payload, notify=(TOLD,), tells_steps=True))

    @property
    def journal(self) -> Path:
        """What the jobs have written down."""
        return self.folder / "journal"

    def lines(self, what: str) -> Counter[str]:
        """How often each job has written that it has ``begun`` or ``ended``."""
        text = self.journal.read_text(encoding="utf-8") if self.journal.exists() else ""
        return Counter(line.split()[1] for line in text.splitlines() if line.split()[0] == what)

    def staged(self, stage: str, action: str = "die", runner: str = RUNNER, lease_s: float = 1.0) -> Any:
        """A worker in a process of its own that stops at ``stage``, see `tests.chaos.staged`."""
        arguments = (self.url, str(self.folder), stage, action, runner, str(lease_s))
        return process("-m", "tests.chaos.staged", *arguments, log=self.folder / "staged.log")

    @contextmanager
    def worker(self, runner: str = RUNNER, lease_s: float = 30.0) -> Iterator[Worker]:
        """A worker in a thread of this process."""
        worker = Worker(SqlJobStore(self.url), runner, self.folder / "logs", poll_s=0.05, lease_s=lease_s)
        with self.serving(worker):
            yield worker

    @contextmanager
    def serving(self, *workers: Worker) -> Iterator[None]:
        """These workers, each in a thread of this process."""
        stop = threading.Event()
        threads = [threading.Thread(target=worker.serve, args=(stop,)) for worker in workers]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for worker, thread in zip(workers, threads, strict=True):
                thread.join()
                worker.store.close()  # type: ignore[attr-defined]

    def ended(self, job: Job) -> Job:
        """The job once it has its terminal status."""
        return wait_for(lambda: found if (found := self.store.get(job.id)).status.is_terminal else None)

    def ends(self, job: Job) -> list[str]:
        """The statuses that the outbox tells as the job's end: one, if all is well."""
        query = sa.select(EVENTS.c.body).where(EVENTS.c.job_id == job.id, EVENTS.c.topic == "end")
        with self.store.engine.connect() as connection:
            return [str(body).partition('"status": "')[2].partition('"')[0] for body in connection.scalars(query)]

    def require_done_once(self, job: Job) -> Job:
        """The job, which ended well, and said so once."""
        done = self.ended(job)
        assert (done.status, done.error) == (Status.COMPLETED, "")
        assert self.ends(job) == ["completed"]
        return done


@dataclass
class Served:
    """``myna serve`` as a process of its own, over a home that outlives it."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    @contextmanager
    def running(self, *before: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        """The server, answering; ``before`` is a command that starts it, ``more`` further settings."""
        self.home.mkdir(parents=True, exist_ok=True)
        env = environment(MYNA_HOME=str(self.home), MYNA_LEASE_S="2", **{**self.settings, **more})
        command = ("-m", "myna.cli", "serve", "--port", str(self.port))
        with process(*command, log=self.log, env=env, before=before) as server:
            with self.client() as client:
                wait_for(lambda: server.poll() is not None or _is_ready(client))
            assert server.poll() is None, self.log.read_text(encoding="utf-8")
            yield server

    @property
    def log(self) -> Path:
        """What the servers have written."""
        return self.home.parent / "serve.log"

    @property
    def address(self) -> str:
        """What clients call it."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        """Somebody who asks it."""
        return httpx.Client(base_url=self.address, timeout=60.0, verify=False)

    def store(self) -> SqlJobStore:
        """Its job store."""
        return SqlJobStore(f"sqlite:///{self.home / 'jobs.sqlite'}")


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/ready").status_code == 200
    except httpx.TransportError:
        return False
