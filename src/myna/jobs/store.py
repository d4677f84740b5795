"""The truth about jobs, in a database. Every change is a compare-and-set: it names the state it expects.

SQLite by default (write-ahead log, so readers never wait; every commit is on the disk before it is answered),
PostgreSQL by URL for several hosts. A worker holds a job by its heartbeats; when they stop for as long as its lease,
whoever asks next gets the job. A terminal status and the events that tell of it are written in one transaction.
"""

from __future__ import annotations

import builtins
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from myna.core.errors import Conflict, NotFound
from myna.jobs.database import open_database
from myna.jobs.inserting import Inserts
from myna.jobs.job import Job, Order, Status
from myna.jobs.liveness import Pulse
from myna.jobs.outbox import Outbox, note_events, seconds_since
from myna.jobs.portable import Places
from myna.jobs.tables import JOBS, job_of, new_row

MAX_ATTEMPTS = 3
"""A job whose worker died this often is failed: it may be what kills them."""

END = "end"


class JobStore(Protocol):
    """What studio and workers need of a store."""

    def submit(self, order: Order) -> Job:
        """A new job, queued; the earlier one where an order with this key was taken before."""
        ...

    def create(self, order: Order) -> Job:
        """A new job, not yet queued; the earlier one where an order with this key was taken before."""
        ...

    def refuse(self, order: Order, error: str, result: Mapping[str, Any]) -> Job:
        """A new job that has failed already, and says so to those who asked to be told."""
        ...

    def outbox(self, scheme: str) -> Outbox:
        """The events to be sent to destinations that begin with ``scheme``."""
        ...

    def enqueue(self, job_id: str) -> Job:
        """Let workers have the job; raises `Conflict` unless it is newly created."""
        ...

    def get(self, job_id: str) -> Job:
        """The job as it is now; raises `NotFound`."""
        ...

    def list(
        self, *, user: str | None = None, session: str | None = None, task: str | None = None,
        statuses: Sequence[Status] = (), limit: int = 100,
    ) -> builtins.list[Job]:  # fmt: skip
        """The newest jobs first."""
        ...

    def count(self, status: Status, queue: str | None = None) -> int:
        """How many jobs are in ``status``."""
        ...

    def claim(self, worker: str, lease_s: float, queues: Sequence[str] = ()) -> Job | None:
        """The oldest job of ``queues`` (empty: of any) that may run now, taken for ``worker``; None: there is none."""
        ...

    def take(self, job_id: str, worker: str, lease_s: float) -> Job | None:
        """This job, taken for ``worker``, if it is queued; else None."""
        ...

    def rescue(self, queues: Sequence[str] = ()) -> builtins.list[Job]:
        """Queue jobs again that have lost their worker, and end those that must not run again; answers the former."""
        ...

    def waiting(self, queue: str, limit: int) -> builtins.list[Job]:
        """The oldest jobs of ``queue`` that are queued."""
        ...

    def beat(self, job: Job, progress: float, note: str) -> Job | None:
        """Tell that the worker lives, and how far it is; None where the job is no longer this worker's."""
        ...

    def tell_step(self, job: Job, step: str, state: str, note: str = "") -> bool:
        """A step of the job is ``started``, ``completed`` or ``failed``; False where it is no longer this worker's."""
        ...

    def finish(self, job: Job, status: Status, error: str = "", result: Mapping[str, Any] | None = None) -> bool:
        """Write the terminal status; False where the job is no longer this worker's."""
        ...

    def give_back(self, job: Job) -> bool:
        """Queue a job again whose worker goes in peace: that is no attempt. False where it is no longer its own."""
        ...

    def cancel(self, job_id: str) -> Job:
        """Cancel at once what no worker has, ask the worker where one has it; a finished job stays as it is."""
        ...

    def forget(self, job_id: str) -> None:
        """Remove a job that has ended; raises `NotFound`, and `Conflict` where it has not ended."""
        ...


class SqlJobStore:
    """A `JobStore` over SQLAlchemy. ``clock`` gives the time in seconds since 1970, for people only; ``places`` are the
    folders that lie elsewhere on other hosts.

    Raises `WorkspaceError` where the database cannot be opened.
    """

    def __init__(
        self,
        url: str,
        clock: Callable[[], float] = time.time,
        pulse: Pulse | None = None,
        places: Places | None = None,
    ) -> None:
        self._clock = clock
        self._places = places or Places()
        self._pulse = pulse or Pulse()
        self.engine = open_database(url)
        self._inserts = Inserts(self.engine, JOBS)
        # A single SELECT needs no transaction, which would be two more round trips to the server.
        self._reading = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def submit(self, order: Order) -> Job:
        """As `JobStore.submit`."""
        return self._insert(order, Status.QUEUED)

    def create(self, order: Order) -> Job:
        """As `JobStore.create`."""
        return self._insert(order, Status.CREATED)

    def refuse(self, order: Order, error: str, result: Mapping[str, Any]) -> Job:
        """As `JobStore.refuse`."""
        job = self._insert(order, Status.CREATED)
        if job.status is Status.CREATED:
            self._end(job, Status.FAILED, error, result)
        return self.get(job.id)

    def outbox(self, scheme: str) -> Outbox:
        """As `JobStore.outbox`."""
        return Outbox(self.engine, scheme, self._clock)

    def enqueue(self, job_id: str) -> Job:
        """As `JobStore.enqueue`."""
        if not self._set(job_id, JOBS.c.status == Status.CREATED, status=Status.QUEUED):
            raise Conflict(f"job {job_id} is {self.get(job_id).status} and cannot be queued")
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        """As `JobStore.get`."""
        found = self._select(JOBS.c.id == job_id, limit=1)
        if not found:
            raise NotFound(f"there is no job {job_id[:64]!r}")
        return found[0]

    def list(
        self, *, user: str | None = None, session: str | None = None, task: str | None = None,
        statuses: Sequence[Status] = (), limit: int = 100,
    ) -> builtins.list[Job]:  # fmt: skip
        """As `JobStore.list`."""
        wanted = {JOBS.c.user: user, JOBS.c.session: session, JOBS.c.task: task}
        where = [column == value for column, value in wanted.items() if value is not None]
        if statuses:
            where.append(JOBS.c.status.in_(statuses))
        return self._select(*where, limit=limit, newest=True)

    def count(self, status: Status, queue: str | None = None) -> int:
        """As `JobStore.count`."""
        query = sa.select(sa.func.count()).select_from(JOBS).where(JOBS.c.status == status)
        if queue is not None:
            query = query.where(JOBS.c.queue == queue)
        with self._reading.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def claim(self, worker: str, lease_s: float, queues: Sequence[str] = ()) -> Job | None:
        """As `JobStore.claim`; what has lost its worker comes first, being the oldest."""
        served = [JOBS.c.queue.in_(queues)] if queues else []
        for job in self._pulse.lost(self._select(JOBS.c.status == Status.RUNNING, *served)):
            if self._settled(job):
                continue
            if self._take(job, worker, lease_s):
                return self.get(job.id)
        while waiting := self._select(JOBS.c.status == Status.QUEUED, *served, limit=1):
            if self._take(waiting[0], worker, lease_s):
                return self.get(waiting[0].id)
        return None

    def take(self, job_id: str, worker: str, lease_s: float) -> Job | None:
        """As `JobStore.take`."""
        job = self.get(job_id)
        if job.status is Status.QUEUED and self._take(job, worker, lease_s):
            return self.get(job_id)
        return None

    def rescue(self, queues: Sequence[str] = ()) -> builtins.list[Job]:
        """As `JobStore.rescue`."""
        served = [JOBS.c.queue.in_(queues)] if queues else []
        rescued = []
        for job in self._pulse.lost(self._select(JOBS.c.status == Status.RUNNING, *served)):
            still = _held_by(job) & (JOBS.c.beats == job.beats)
            if not self._settled(job) and self._set(job.id, still, status=Status.QUEUED, worker=""):
                rescued.append(self.get(job.id))
        return rescued

    def waiting(self, queue: str, limit: int) -> builtins.list[Job]:
        """As `JobStore.waiting`."""
        return self._select(JOBS.c.status == Status.QUEUED, JOBS.c.queue == queue, limit=limit)

    def beat(self, job: Job, progress: float, note: str) -> Job | None:
        """As `JobStore.beat`."""
        held = self._set(job.id, _held_by(job), beats=JOBS.c.beats + 1, progress=progress, note=note)
        return self.get(job.id) if held else None

    def tell_step(self, job: Job, step: str, state: str, note: str = "") -> bool:
        """As `JobStore.tell_step`."""
        with self.engine.begin() as connection:
            values = {"step": step, "beats": JOBS.c.beats + 1}
            held = self._change(connection, job.id, _held_by(job), values)
            if held and job.order.tells_steps:
                now = self._clock()
                seconds = seconds_since(connection, job, f"step:{step}:started", now)
                about = {"step": step, "state": state, "note": note, "seconds": seconds}
                note_events(connection, job, f"step:{step}:{state}", about, now)
        return held

    def finish(self, job: Job, status: Status, error: str = "", result: Mapping[str, Any] | None = None) -> bool:
        """As `JobStore.finish`."""
        if not status.is_terminal:
            raise ValueError(f"{status} is not terminal")
        return self._end(job, status, error, result or {})

    def give_back(self, job: Job) -> bool:
        """As `JobStore.give_back`; one that is to be cancelled is."""
        wanted = _held_by(job) & sa.not_(JOBS.c.is_cancel_requested)
        if self._set(job.id, wanted, status=Status.QUEUED, worker="", attempts=job.attempts - 1):
            return True
        return self._end(job, Status.CANCELLED, "", {})

    def cancel(self, job_id: str) -> Job:
        """As `JobStore.cancel`."""
        job = self.get(job_id)
        while job.status in (Status.CREATED, Status.QUEUED) and not self._end(job, Status.CANCELLED, "", {}):
            job = self.get(job_id)
        self._set(job_id, JOBS.c.status == Status.RUNNING, is_cancel_requested=True)
        return self.get(job_id)

    def forget(self, job_id: str) -> None:
        """As `JobStore.forget`."""
        ended = [status for status in Status if status.is_terminal]
        with self.engine.begin() as connection:
            gone = connection.execute(JOBS.delete().where(JOBS.c.id == job_id, JOBS.c.status.in_(ended))).rowcount
        if not gone:
            raise Conflict(f"job {job_id} is {self.get(job_id).status}; cancel it first")

    def _insert(self, order: Order, status: Status) -> Job:
        order = replace(order, payload=self._places.outward(order.payload))
        row = new_row(uuid.uuid4().hex, order, status, self._clock())
        try:
            self._inserts.add(row)
        except IntegrityError:
            if order.key is None:
                raise
            return self._select(JOBS.c.key == order.key, limit=1)[0]
        return self._here(job_of({**row, "started_at": None, "finished_at": None}))

    def _select(
        self, *where: sa.ColumnElement[bool], limit: int | None = None, newest: bool = False
    ) -> builtins.list[Job]:
        order = JOBS.c.created_at.desc() if newest else JOBS.c.created_at
        query = JOBS.select().where(*where).order_by(order, JOBS.c.id).limit(limit)
        with self._reading.connect() as connection:
            return [self._here(job_of(row)) for row in connection.execute(query).mappings()]

    def _here(self, job: Job) -> Job:
        """The job with the paths of this host."""
        return replace(job, order=replace(job.order, payload=self._places.inward(job.payload)))

    def _settled(self, job: Job) -> bool:
        """End a job without a worker that must not run again; whether that was so."""
        if job.is_cancel_requested:
            return self._end(job, Status.CANCELLED, "", {})
        if job.attempts >= MAX_ATTEMPTS:
            where = f" at {job.step!r}" if job.step else ""
            return self._end(job, Status.FAILED, f"its worker died {job.attempts} times while running it{where}", {})
        return False

    def _take(self, job: Job, worker: str, lease_s: float) -> bool:
        now = self._clock()
        mine: dict[str, Any] = {"status": Status.RUNNING, "worker": worker, "attempts": job.attempts + 1}
        mine |= {"lease_s": lease_s, "beats": job.beats + 1, "started_at": job.started_at or now}
        # A job that beat in between is alive after all.
        return self._set(job.id, _held_by(job) & (JOBS.c.beats == job.beats), **mine)

    def _end(self, job: Job, status: Status, error: str, result: Mapping[str, Any]) -> bool:
        now = self._clock()
        values: dict[str, Any] = {"status": status, "error": error, "result": json.dumps(dict(result))}
        values["finished_at"] = now
        if status is Status.COMPLETED:
            values["progress"] = 1.0
        with self.engine.begin() as connection:
            held = self._change(connection, job.id, _held_by(job), values)
            if held:
                seconds = now - job.started_at if job.started_at is not None else 0.0
                about = {"status": status, "error": error, "result": dict(result), "seconds": max(seconds, 0.0)}
                note_events(connection, job, END, about, now)
        return held

    def _set(self, job_id: str, expected: sa.ColumnElement[bool], **values: Any) -> bool:
        with self.engine.begin() as connection:
            return self._change(connection, job_id, expected, values)

    def _change(
        self, connection: sa.Connection, job_id: str, expected: sa.ColumnElement[bool], values: Mapping[str, Any]
    ) -> bool:
        """Change the row if it is as expected; whether it was."""
        change = JOBS.update().where(JOBS.c.id == job_id, expected).values(updated_at=self._clock(), **values)
        return connection.execute(change).rowcount == 1


def _held_by(job: Job) -> sa.ColumnElement[bool]:
    """Nobody has claimed or finished the job since ``job`` was read."""
    return sa.and_(JOBS.c.status == job.status, JOBS.c.worker == job.worker, JOBS.c.attempts == job.attempts)
