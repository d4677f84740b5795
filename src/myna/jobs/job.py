"""A job is a row: what to do, for whom, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where a job stands. The last three are terminal: a job reaches exactly one of them, once."""

    CREATED = "created"
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can happen to the job any more."""
        return self in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True)
class Owner:
    """Whose job it is: the user who may see it, the session that it answers to, the task that it is a part of."""

    user: str = ""
    session: str = ""
    task: str = ""


@dataclass(frozen=True)
class Order:
    """What somebody wants done.

    Attributes:
        kind: which work; ``payload`` are its parameters as JSON values.
        queue: which workers may take it.
        notify: where its events go, such as ``amqp:slice`` or ``https://…``; see `myna.jobs.outbox`.
        tells_steps: whether each of its steps is an event too, besides its end.
        key: the order is taken once: another one with the same key is answered with the first one's job.
    """

    kind: str
    payload: Mapping[str, Any]
    owner: Owner = field(default_factory=Owner)
    queue: str = "cpu"
    notify: tuple[str, ...] = ()
    tells_steps: bool = False
    key: str | None = None


@dataclass(frozen=True)
class Job:
    """One row as it was read. Times are seconds since 1970; ``progress`` runs from 0.0 to 1.0.

    ``attempts`` counts the claims: with ``worker`` it says whose run this is, so that a worker that lost its lease can
    neither report nor finish a job that somebody else runs by now. ``beats`` counts the heartbeats, of which there is
    one at least every ``lease_s`` seconds while the worker lives. ``result`` is what the work had to tell.
    """

    id: str
    order: Order
    status: Status
    progress: float
    step: str
    note: str
    error: str
    result: Mapping[str, Any]
    attempts: int
    worker: str
    beats: int
    lease_s: float
    is_cancel_requested: bool
    created_at: float
    updated_at: float
    started_at: float | None
    finished_at: float | None

    @property
    def kind(self) -> str:
        """Which work."""
        return self.order.kind

    @property
    def payload(self) -> Mapping[str, Any]:
        """The parameters of the work."""
        return self.order.payload

    @property
    def owner(self) -> Owner:
        """Whose job it is."""
        return self.order.owner

    @property
    def log_name(self) -> str:
        """What its log is called in the worker's folder of logs."""
        return f"{self.id}.log"

    @property
    def seconds(self) -> float:
        """How long it has been worked on by the last change, all attempts and the time between them included."""
        if self.started_at is None:
            return 0.0
        return max((self.finished_at or self.updated_at) - self.started_at, 0.0)


@dataclass(frozen=True)
class Event:
    """Something that somebody wants to be told of, once: a row of the outbox.

    ``topic`` is ``end``, or ``step:NAME:STATE``. Whoever sends it may send it twice when it dies in between; receivers
    tell by ``message_id``.
    """

    id: int
    message_id: str
    job_id: str
    destination: str
    topic: str
    body: Mapping[str, Any]
    attempts: int
    created_at: float
