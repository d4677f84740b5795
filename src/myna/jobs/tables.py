"""The tables of the job store, and rows as records. What changes here changes in `migrations` too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from myna.jobs.job import Event, Job, Order, Owner, Status

METADATA = sa.MetaData()

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("key", sa.String(255), unique=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("queue", sa.String(32), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("user", sa.String(128), nullable=False, index=True),
    sa.Column("session", sa.String(128), nullable=False, index=True),
    sa.Column("task", sa.String(128), nullable=False, index=True),
    sa.Column("notify", sa.Text, nullable=False),
    sa.Column("tells_steps", sa.Boolean, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("progress", sa.Float, nullable=False),
    sa.Column("step", sa.String(64), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(128), nullable=False),
    sa.Column("beats", sa.Integer, nullable=False),
    sa.Column("lease_s", sa.Float, nullable=False),
    sa.Column("is_cancel_requested", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
    sa.Column("started_at", sa.Float),
    sa.Column("finished_at", sa.Float),
    sa.Index("ix_jobs_waiting", "status", "queue", "created_at"),
)

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("message_id", sa.String(32), nullable=False, unique=True),
    sa.Column("job_id", sa.String(32), nullable=False, index=True),
    sa.Column("destination", sa.String(512), nullable=False),
    sa.Column("topic", sa.String(96), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("due_at", sa.Float, nullable=False),  # for people: senders judge by clocks of their own
    sa.Column("sent_at", sa.Float),
    sa.UniqueConstraint("job_id", "destination", "topic", name="uq_events_once"),
    sa.Index("ix_events_due", "sent_at", "due_at"),
)

KEYS = sa.Table(
    "keys",
    METADATA,
    sa.Column("id", sa.String(8), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("scopes", sa.String(128), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
)

FILES = sa.Table(
    "files",
    METADATA,
    sa.Column("path", sa.String(1024), primary_key=True),
    sa.Column("content", sa.String(64), nullable=False),
)


def new_row(job_id: str, order: Order, status: Status, now: float) -> dict[str, Any]:
    """The row of a job that nobody has touched yet."""
    return {
        "id": job_id,
        "key": order.key,
        "kind": order.kind,
        "queue": order.queue,
        "payload": json.dumps(dict(order.payload)),
        "user": order.owner.user,
        "session": order.owner.session,
        "task": order.owner.task,
        "notify": json.dumps(order.notify),
        "tells_steps": order.tells_steps,
        "status": status,
        "progress": 0.0,
        "step": "",
        "note": "",
        "error": "",
        "result": "{}",
        "attempts": 0,
        "worker": "",
        "beats": 0,
        "lease_s": 0.0,
        "is_cancel_requested": False,
        "created_at": now,
        "updated_at": now,
    }


def job_of(row: Mapping[Any, Any]) -> Job:
    """A row of `JOBS` as a record."""
    values = dict(row)
    order = Order(
        kind=values.pop("kind"),
        payload=json.loads(values.pop("payload")),
        owner=Owner(values.pop("user"), values.pop("session"), values.pop("task")),
        queue=values.pop("queue"),
        notify=tuple(json.loads(values.pop("notify"))),
        tells_steps=values.pop("tells_steps"),
        key=values.pop("key"),
    )
    status, result = Status(values.pop("status")), json.loads(values.pop("result"))
    return Job(order=order, status=status, result=result, **values)


def event_of(row: Mapping[Any, Any]) -> Event:
    """A row of `EVENTS` as a record."""
    return Event(
        id=row["id"],
        message_id=row["message_id"],
        job_id=row["job_id"],
        destination=row["destination"],
        topic=row["topic"],
        body=json.loads(row["body"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
    )
