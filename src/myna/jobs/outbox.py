"""Events that somebody wants to be told of: written in the transaction that makes them true, sent afterwards.

A row of the outbox is sent by whoever claims it, and claimed again when that one died before it was sent. So every
event goes out, once as a rule, and with the same ``message_id`` where a sender died between sending and saying so.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from myna.jobs.job import Event, Job
from myna.jobs.tables import EVENTS, event_of

RETRIES_S = (1.0, 5.0, 30.0, 120.0, 600.0)
"""How long to wait after each failed try; the last one again and again."""

_HELD_S = 60.0
"""How long a claimed event is its sender's own."""


def note_events(connection: sa.Connection, job: Job, topic: str, about: Mapping[str, Any], now: float) -> None:
    """Write an event for everybody who asked for ``job``'s; one that is there already (an earlier attempt's) stays."""
    owner = job.order.owner
    body = {
        "job_id": job.id,
        "kind": job.kind,
        "user": owner.user,
        "session": owner.session,
        "task": owner.task,
        **about,
    }
    for destination in job.order.notify:
        same = (EVENTS.c.job_id == job.id) & (EVENTS.c.destination == destination) & (EVENTS.c.topic == topic)
        if connection.execute(sa.select(EVENTS.c.id).where(same)).first() is not None:
            continue
        row: dict[str, Any] = {
            "message_id": uuid.uuid4().hex,
            "job_id": job.id,
            "destination": destination,
            "topic": topic,
        }
        row |= {"body": json.dumps(body), "attempts": 0, "error": "", "created_at": now, "due_at": now}
        connection.execute(EVENTS.insert().values(**row))


def seconds_since(connection: sa.Connection, job: Job, topic: str, now: float) -> float:
    """How long ago an event of ``job`` was written; 0 where it was not."""
    query = sa.select(sa.func.min(EVENTS.c.created_at)).where(EVENTS.c.job_id == job.id, EVENTS.c.topic == topic)
    begun = connection.execute(query).scalar_one_or_none()
    return max(now - begun, 0.0) if begun is not None else 0.0


class Outbox:
    """The events of a job store that are still to be sent, to destinations of one kind (``scheme`` as in ``amqp:``)."""

    def __init__(self, engine: sa.Engine, scheme: str, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._scheme, self._clock = engine, scheme, clock

    def claim(self) -> Event | None:
        """The next event that is due, for a minute this sender's own; None where there is none.

        Events of one job to one destination come in their order: none while an earlier one is unsent.
        """
        while True:
            now = self._clock()
            earlier = EVENTS.alias()
            blocked = sa.exists().where(
                earlier.c.job_id == EVENTS.c.job_id,
                earlier.c.destination == EVENTS.c.destination,
                earlier.c.sent_at.is_(None),
                earlier.c.id < EVENTS.c.id,
            )
            due = (EVENTS.c.sent_at.is_(None), EVENTS.c.due_at <= now, EVENTS.c.destination.startswith(self._scheme))
            with self._engine.connect() as connection:
                query = EVENTS.select().where(*due, ~blocked).order_by(EVENTS.c.id).limit(1)
                row = connection.execute(query).mappings().first()
            if row is None:
                return None
            if self._change(row["id"], row["attempts"], attempts=row["attempts"] + 1, due_at=now + _HELD_S):
                return event_of({**row, "attempts": row["attempts"] + 1})

    def sent(self, event: Event) -> bool:
        """The event has arrived; False where another sender has claimed it since."""
        return self._change(event.id, event.attempts, sent_at=self._clock(), error="")

    def failed(self, event: Event, reason: str) -> bool:
        """The event has not arrived: it will be tried again, later each time."""
        wait = RETRIES_S[min(event.attempts - 1, len(RETRIES_S) - 1)]
        return self._change(event.id, event.attempts, due_at=self._clock() + wait, error=reason)

    def waiting(self) -> int:
        """How many events are still to be sent."""
        unsent = EVENTS.c.sent_at.is_(None) & EVENTS.c.destination.startswith(self._scheme)
        query = sa.select(sa.func.count()).select_from(EVENTS).where(unsent)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def _change(self, event_id: int, tries: int, **values: Any) -> bool:
        """Change the row while nobody has claimed it since; whether that was so."""
        held = (EVENTS.c.id == event_id) & (EVENTS.c.attempts == tries) & EVENTS.c.sent_at.is_(None)
        with self._engine.begin() as connection:
            return connection.execute(EVENTS.update().where(held).values(**values)).rowcount == 1
