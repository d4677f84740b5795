"""What cases of the queue service expect of RabbitMQ: messages published, ends told, nothing lost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from myna.amqp.broker import Broker
from myna.amqp.stages import STAGES
from tests.contract.cases import Context
from tests.contract.expectations import Answer, subset

_WITHIN_S = 60.0
_QUIET_S = 0.7
_STAGES = {
    "open_slice": "slice", "open_denoise": "denoise", "open_asr": "asr", "open1abc": "1abc", "sovits_train": "1Ba",
    "gpt_train": "1Bb", "one_click": "one_click",
}  # fmt: skip


class Watcher:
    """A plain channel on the rig's broker."""

    def __init__(self, context: Context) -> None:
        broker = context.rig.broker()
        Broker(broker.url).open()[0].close()  # all is declared
        self._connection = pika.BlockingConnection(pika.URLParameters(broker.url))
        self.channel: BlockingChannel = self._connection.channel()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def next(self, queue: str, seconds: float) -> tuple[Any, Any, bytes] | None:
        """The next message of a queue, acknowledged; None where none comes in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            method, properties, body = self.channel.basic_get(queue, auto_ack=True)
            if method is not None:
                return method, properties, body
            self._connection.process_data_events(0.05)
        return None

    def ends(self, queue: str, count: int, seconds: float = _WITHIN_S) -> list[Any]:
        """The bodies of so many messages, and of those that come at once after them."""
        found: list[Any] = []
        while (message := self.next(queue, seconds if len(found) < count else _QUIET_S)) is not None:
            found.append(json.loads(message[2]))
        return found


def clean(context: Context) -> None:
    """Empty all queues."""
    with Watcher(context) as watcher:
        for stage in STAGES.values():
            watcher.channel.queue_purge(stage.start_queue)
            watcher.channel.queue_purge(stage.end_queue)


def published(context: Context, wanted: Any, _answer: Answer) -> Iterator[str]:
    """``amqp``: which start message was published, or that none was."""
    stage = STAGES[_STAGES[context.case["request"]["path"].rsplit("/", 1)[1]]]
    with Watcher(context) as watcher:
        message = watcher.next(stage.start_queue, 0.3 if wanted == "nothing published" else 5.0)
        if wanted == "nothing published":
            if message is not None:
                yield f"{message[2]!r} was published"
            return
        if message is None:
            yield "nothing was published"
            return
        method, properties, raw = message
        body = json.loads(raw)
        facts = {
            "exchange": method.exchange,
            "routing_key": method.routing_key,
            "delivery_mode": properties.delivery_mode,
        }
        yield from (f"{name} is {value!r}" for name, value in facts.items() if name in wanted and wanted[name] != value)
        if wanted.get("queue", stage.start_queue) != stage.start_queue:
            yield f"the queue is {stage.start_queue}"
        if "json_equals" in wanted and body != wanted["json_equals"]:
            other = {
                name for name in {*body, *wanted["json_equals"]} if body.get(name) != wanted["json_equals"].get(name)
            }
            yield f"the body differs in {sorted(other)}"
        if not subset(wanted.get("json_subset", {}), body):
            yield f"the body is {body}"
        # Declared as another kind, or as passing, they would be refused.
        is_durable = wanted.get("durable", True)
        watcher.channel.exchange_declare(stage.exchange, wanted.get("exchange_type", "direct"), durable=is_durable)
        watcher.channel.queue_declare(stage.start_queue, durable=is_durable)


def ended(context: Context, wanted: Any, _answer: Answer) -> Iterator[str]:
    """``amqp_end``: how the job ended, told under a routing key."""
    stage = STAGES[wanted["exchange"]]
    with Watcher(context) as watcher:
        name = str(watcher.channel.queue_declare("", exclusive=True).method.queue)
        watcher.channel.queue_bind(name, wanted["exchange"], wanted["routing_key"])
        with context.rig.peers():
            found = watcher.ends(name, wanted.get("count", 1), wanted.get("within_s", _WITHIN_S))
        watcher.channel.queue_purge(stage.end_queue)
    if len(found) != wanted.get("count", 1):
        yield f"{len(found)} messages: {found}"
    for body in found:
        if not subset(wanted["json_subset"], body):
            yield f"{body}"
        if "dur" in wanted.get("json_types", {}) and not isinstance(body.get("dur"), int):
            yield f"dur is {body.get('dur')!r}"


def single_encoded(context: Context) -> Iterator[str]:
    _slice(context, "s-single")
    with Watcher(context) as watcher, context.rig.peers():
        (body,) = watcher.ends("end_slice_queue", 1)
        if not isinstance(body, dict):
            yield f"{body!r}"


def both_end(context: Context) -> Iterator[str]:
    with Watcher(context) as watcher, context.rig.peers():
        for session in ("s-one", "s-two"):
            _slice(context, session)
        found = watcher.ends("end_slice_queue", 2)
    if sorted(body["session_id"] for body in found) != ["s-one", "s-two"]:
        yield f"{found}"
    yield from (f"{body}" for body in found if body["status"] != "completed" and body["message"] != "over")


def redelivered(context: Context) -> Iterator[str]:
    """A consumer that dies with the message in hand: the broker gives it to the next one."""
    _slice(context, "s-again")
    with Watcher(context) as killed:
        method, _, _ = killed.channel.basic_get("start_slice_queue", auto_ack=False)
        if method is None:
            yield "no message came"
    with Watcher(context) as watcher, context.rig.peers():
        found = watcher.ends("end_slice_queue", 1)
    if [body["status"] for body in found] != ["completed"]:
        yield f"{found}"


def durable(context: Context) -> Iterator[str]:
    with Watcher(context) as watcher:
        watcher.channel.queue_declare("start_slice_queue", durable=True, passive=True)
        watcher.channel.queue_declare("start_slice_queue", durable=True)
        watcher.channel.exchange_declare("slice", "direct", durable=True)
    yield from ()


def _slice(context: Context, session: str) -> None:
    body = context.filled({"inp": "$WAVDIR", "session_id": session, "tool": "slice"})
    answer = context.ask({"method": "POST", "path": "/gpt_sovits/open_slice", "json": body})
    assert answer.status == 200, answer.body
