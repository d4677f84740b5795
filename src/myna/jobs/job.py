"""A job is a row: what to do, for whom, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
class Job:
    """One row as it was read. Times are seconds since 1970; ``progress`` runs from 0.0 to 1.0.

    ``attempts`` counts the claims: with ``worker`` it says whose run this is, so that a worker that lost its lease can
    neither report nor finish a job that somebody else runs by now.
    """

    id: str
    kind: str
    payload: Mapping[str, Any]
    owner: str
    status: Status
    progress: float
    note: str
    error: str
    attempts: int
    worker: str
    lease_until: float
    is_cancel_requested: bool
    created_at: float
    updated_at: float
    started_at: float | None
    finished_at: float | None
