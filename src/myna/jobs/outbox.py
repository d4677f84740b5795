"""Events that somebody wants to be told of: written in the transaction that makes them true, sent afterwards.

A row of the outbox is sent by whoever claims it, and claimed again when that one died before it was sent. So every
event goes out, once as a rule, and with the same ``message_id`` where a sender died between sending and saying so.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from myna.jobs.job import Event, Job
from myna.jobs.tables import EVENTS, event_of

RETRIES_S = (1.0, 5.0, 30.0, 120.0, 600.0)
"""How long to wait after each failed try; the last one again and again."""

_HELD_S = 30.0
"""How long a claimed event is its sender's own."""

_UNKNOWN = "for no reason given"

_Mark = tuple[int, bool]
"""How often an event has been claimed, and whether the last try has failed."""


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


def _wait_s(mark: _Mark) -> float:
    """How long an event is left alone that is so."""
    attempts, has_failed = mark
    return RETRIES_S[min(attempts, len(RETRIES_S)) - 1] if has_failed else _HELD_S


class Outbox:
    """The events of a job store that are still to be sent, to destinations of one kind (``scheme`` as in ``amqp:``).

    ``clock`` gives the time in seconds since 1970, for people only. How long an event has been with a sender, or has
    waited for its next try, is judged by this observer's own ``steady`` clock: one that is set forwards must not send
    twice, and one that is set back must not keep an event waiting.
    """

    def __init__(
        self,
        engine: sa.Engine,
        scheme: str,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._scheme, self._clock, self._steady = engine, scheme, clock, steady
        self._seen: dict[int, tuple[_Mark, float]] = {}

    def claim(self) -> Event | None:
        """The next event that is due, for a while this sender's own; None where there is none.

        Events of one job to one destination come in their order: none while an earlier one is unsent.
        """
        while (row := self._next()) is not None:
            mine: dict[str, Any] = {"attempts": row["attempts"] + 1, "error": "", "due_at": self._clock() + _HELD_S}
            if self._change(row["id"], row["attempts"], **mine):
                return event_of({**row, **mine})
        return None

    def sent(self, event: Event) -> bool:
        """The event has arrived; False where another sender has claimed it since."""
        return self._change(event.id, event.attempts, sent_at=self._clock(), error="")

    def failed(self, event: Event, reason: str) -> bool:
        """The event has not arrived: it will be tried again, later each time."""
        mark = (event.attempts, True)
        self._seen[event.id] = (mark, self._steady())
        return self._change(event.id, event.attempts, due_at=self._clock() + _wait_s(mark), error=reason or _UNKNOWN)

    def waiting(self) -> int:
        """How many events are still to be sent."""
        query = sa.select(sa.func.count()).select_from(EVENTS).where(self._unsent)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    @property
    def _unsent(self) -> sa.ColumnElement[bool]:
        return EVENTS.c.sent_at.is_(None) & EVENTS.c.destination.startswith(self._scheme)

    def _next(self) -> sa.RowMapping | None:
        """The next event to be sent: one that has waited long enough since it was tried, or else the oldest new one."""
        earlier = EVENTS.alias()
        blocked = sa.exists().where(
            earlier.c.job_id == EVENTS.c.job_id,
            earlier.c.destination == EVENTS.c.destination,
            earlier.c.sent_at.is_(None),
            earlier.c.id < EVENTS.c.id,
        )
        free = self._unsent & ~blocked
        tried = sa.select(EVENTS.c.id, EVENTS.c.attempts, EVENTS.c.error != "").where(free, EVENTS.c.attempts > 0)
        with self._engine.connect() as connection:
            again = self._due([tuple(row) for row in connection.execute(tried.order_by(EVENTS.c.id))])
            which = EVENTS.c.id == again if again is not None else EVENTS.c.attempts == 0
            query = EVENTS.select().where(free, which).order_by(EVENTS.c.id).limit(1)
            return connection.execute(query).mappings().first()

    def _due(self, tried: Sequence[tuple[int, int, bool]]) -> int | None:
        """The first of all the events that have been ``tried`` which has been as it is for long enough."""
        now, before = self._steady(), self._seen
        self._seen = {}
        for event_id, attempts, has_failed in tried:
            mark = (attempts, bool(has_failed))
            old_mark, since = before.get(event_id, (mark, now))
            self._seen[event_id] = (mark, since if old_mark == mark else now)
        due = (event_id for event_id, (mark, since) in self._seen.items() if now - since >= _wait_s(mark))
        return next(due, None)

    def _change(self, event_id: int, tries: int, **values: Any) -> bool:
        """Change the row while nobody has claimed it since; whether that was so."""
        held = (EVENTS.c.id == event_id) & (EVENTS.c.attempts == tries) & EVENTS.c.sent_at.is_(None)
        with self._engine.begin() as connection:
            return connection.execute(EVENTS.update().where(held).values(**values)).rowcount == 1
