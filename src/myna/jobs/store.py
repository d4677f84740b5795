"""The truth about jobs, in a database. Every change is a compare-and-set: it names the state it expects.

SQLite by default (write-ahead log, so readers never wait); any SQLAlchemy database will do. A worker holds a job by a
lease that its heartbeats renew; when the lease runs out, whoever asks next gets the job.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from myna.core.errors import Conflict, NotFound, WorkspaceError
from myna.core.workspace import make_folder
from myna.jobs.job import Job, Status

MAX_ATTEMPTS = 3
"""A job whose worker died this often is failed: it may be what kills them."""

_BUSY_TIMEOUT_S = 30.0

_metadata = sa.MetaData()
_jobs = sa.Table(
    "jobs",
    _metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("owner", sa.String(128), nullable=False, index=True),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("progress", sa.Float, nullable=False, default=0.0),
    sa.Column("note", sa.Text, nullable=False, default=""),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("worker", sa.String(128), nullable=False, default=""),
    sa.Column("lease_until", sa.Float, nullable=False, default=0.0),
    sa.Column("is_cancel_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("finished_at", sa.Float),
)


class JobStore(Protocol):
    """What studio and workers need of a store."""

    def create(self, kind: str, payload: Mapping[str, Any], owner: str = "") -> Job:
        """A new job, not yet queued."""
        ...

    def enqueue(self, job_id: str) -> Job:
        """Let workers have the job; raises `Conflict` unless it is newly created."""
        ...

    def get(self, job_id: str) -> Job:
        """The job as it is now; raises `NotFound`."""
        ...

    def list(self, owner: str | None = None, status: Status | None = None, limit: int = 100) -> list[Job]:
        """The newest jobs first."""
        ...

    def claim(self, worker: str, lease_s: float) -> Job | None:
        """The oldest job that may run now, taken for ``worker``; None where there is none."""
        ...

    def beat(self, job: Job, lease_s: float, progress: float, note: str) -> Job | None:
        """Renew the lease and tell how far it is; None where the job is no longer this worker's."""
        ...

    def finish(self, job: Job, status: Status, error: str = "") -> bool:
        """Write the terminal status; False where the job is no longer this worker's."""
        ...

    def cancel(self, job_id: str) -> Job:
        """Cancel at once what no worker has, ask the worker where one has it; a finished job stays as it is."""
        ...


class SqlJobStore:
    """A `JobStore` over SQLAlchemy. ``clock`` gives the time in seconds since 1970."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._engine = sa.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            if self._engine.url.database:
                make_folder(Path(self._engine.url.database).parent)
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
        try:
            _metadata.create_all(self._engine)
        except OperationalError as error:
            self._engine.dispose()
            raise WorkspaceError(f"cannot open the job store {url}: {error.orig}") from None

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def create(self, kind: str, payload: Mapping[str, Any], owner: str = "") -> Job:
        """A new job, not yet queued."""
        job_id, now = uuid.uuid4().hex, self._clock()
        row = {"id": job_id, "kind": kind, "payload": json.dumps(payload), "owner": owner, "status": Status.CREATED}
        with self._engine.begin() as connection:
            connection.execute(_jobs.insert().values(**row, created_at=now, updated_at=now))
        return self.get(job_id)

    def enqueue(self, job_id: str) -> Job:
        """Let workers have the job; raises `Conflict` unless it is newly created."""
        if not self._set(job_id, _jobs.c.status == Status.CREATED, status=Status.QUEUED):
            raise Conflict(f"job {job_id} is {self.get(job_id).status} and cannot be queued")
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        """The job as it is now; raises `NotFound`."""
        with self._engine.connect() as connection:
            row = connection.execute(_jobs.select().where(_jobs.c.id == job_id)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"there is no job {job_id[:64]!r}")
        return _job(row)

    def list(self, owner: str | None = None, status: Status | None = None, limit: int = 100) -> list[Job]:
        """The newest jobs first."""
        query = _jobs.select().order_by(_jobs.c.created_at.desc(), _jobs.c.id).limit(limit)
        if owner is not None:
            query = query.where(_jobs.c.owner == owner)
        if status is not None:
            query = query.where(_jobs.c.status == status)
        with self._engine.connect() as connection:
            return [_job(row) for row in connection.execute(query).mappings()]

    def claim(self, worker: str, lease_s: float) -> Job | None:
        """The oldest job that is queued or whose lease ran out, taken for ``worker``; None where there is none."""
        while (candidate := self._next()) is not None:
            if candidate.is_cancel_requested:
                self._end(candidate, Status.CANCELLED, "")
            elif candidate.attempts >= MAX_ATTEMPTS:
                self._end(candidate, Status.FAILED, f"its worker died {candidate.attempts} times while running it")
            elif self._take(candidate, worker, lease_s):
                return self.get(candidate.id)
        return None

    def beat(self, job: Job, lease_s: float, progress: float, note: str) -> Job | None:
        """Renew the lease and tell how far it is; None where the job is no longer this worker's."""
        lease = self._clock() + lease_s
        held = self._set(job.id, _held_by(job), lease_until=lease, progress=progress, note=note)
        return self.get(job.id) if held else None

    def finish(self, job: Job, status: Status, error: str = "") -> bool:
        """Write the terminal status; False where the job is no longer this worker's."""
        if not status.is_terminal:
            raise ValueError(f"{status} is not terminal")
        return self._end(job, status, error)

    def cancel(self, job_id: str) -> Job:
        """Cancel at once what no worker has, ask the worker where one has it; a finished job stays as it is."""
        waiting = _jobs.c.status.in_([Status.CREATED, Status.QUEUED])
        if not self._set(job_id, waiting, status=Status.CANCELLED, finished_at=self._clock()):
            self._set(job_id, _jobs.c.status == Status.RUNNING, is_cancel_requested=True)
        return self.get(job_id)

    def _next(self) -> Job | None:
        expired = (_jobs.c.status == Status.RUNNING) & (_jobs.c.lease_until < self._clock())
        query = _jobs.select().where((_jobs.c.status == Status.QUEUED) | expired).order_by(_jobs.c.created_at).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _job(row)

    def _take(self, job: Job, worker: str, lease_s: float) -> bool:
        now = self._clock()
        return self._set(
            job.id,
            _held_by(job) & (_jobs.c.lease_until == job.lease_until),
            status=Status.RUNNING,
            worker=worker,
            attempts=job.attempts + 1,
            lease_until=now + lease_s,
            started_at=job.started_at or now,
        )

    def _end(self, job: Job, status: Status, error: str) -> bool:
        values: dict[str, Any] = {"status": status, "error": error, "finished_at": self._clock()}
        if status is Status.COMPLETED:
            values["progress"] = 1.0
        return self._set(job.id, _held_by(job), **values)

    def _set(self, job_id: str, expected: sa.ColumnElement[bool], **values: Any) -> bool:
        """Change the row if it is as expected; whether it was."""
        change = _jobs.update().where(_jobs.c.id == job_id, expected).values(updated_at=self._clock(), **values)
        with self._engine.begin() as connection:
            return connection.execute(change).rowcount == 1


def _held_by(job: Job) -> sa.ColumnElement[bool]:
    """Nobody has claimed or finished the job since ``job`` was read."""
    return sa.and_(_jobs.c.status == job.status, _jobs.c.worker == job.worker, _jobs.c.attempts == job.attempts)


def _job(row: Mapping[Any, Any]) -> Job:
    return Job(**{**row, "payload": json.loads(row["payload"]), "status": Status(row["status"])})


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in (f"busy_timeout = {int(_BUSY_TIMEOUT_S * 1000)}", "journal_mode = WAL", "synchronous = NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
