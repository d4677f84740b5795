"""Takes start messages out of their queues. A message is acknowledged once its job is safe in the store, not before."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import uuid
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties
from pydantic import ValidationError

from myna.amqp.broker import Broker, publish
from myna.amqp.orders import Orders
from myna.amqp.requests import REQUESTS, QueueRequest
from myna.amqp.stages import DEAD, STAGES
from myna.core.errors import BadInput, InstallationError, TooBusy
from myna.core.fields import one_line

_log = logging.getLogger(__name__)
_MAX_BYTES = 2**20
_KEPT_BYTES = 2**16
_PREFETCH = 1
_TICK_S = 0.5
_LATER_S = 1.0
"""How long a message waits that cannot be taken now."""


class Consumer:
    """Turns start messages into jobs, until told to stop."""

    def __init__(self, broker: Broker, orders: Orders) -> None:
        self._broker, self._orders = broker, orders

    def serve(self, stop: threading.Event) -> None:
        """Consume; the connection is made again whenever it breaks."""

        def work(connection: pika.BlockingConnection, channel: BlockingChannel) -> None:
            channel.basic_qos(prefetch_count=_PREFETCH)
            for stage in STAGES.values():
                channel.basic_consume(stage.start_queue, self._listener(stage.name, stop))
            while not stop.is_set():
                connection.process_data_events(_TICK_S)

        self._broker.keep(stop, work)

    def _listener(self, stage: str, stop: threading.Event) -> Any:
        def listen(channel: BlockingChannel, method: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
            tag = method.delivery_tag or 0
            try:
                job = self._orders.take(stage, understood(stage, body), _key(stage, properties, body))
                _log.info("message for %s is job %s", stage, job.id)
                reason = ""
            except BadInput as error:
                reason = str(error)
            except (TooBusy, InstallationError) as error:  # not the message's fault: it may be taken by and by
                _log.warning("a message for %s goes back to its queue: %s", stage, error)
                stop.wait(_LATER_S)
                channel.basic_nack(tag, requeue=True)
                return
            except Exception as error:
                _log.exception("a message for %s was too much", stage)
                if not method.redelivered:
                    channel.basic_nack(tag, requeue=True)
                    return
                reason = f"twice an error of this program: {type(error).__name__}: {error}"
            if reason:
                _bury(channel, stage, body, reason)
            channel.basic_ack(tag)

        return listen


def understood(stage: str, body: bytes) -> QueueRequest:
    """The request that a message spells, encoded once or (as the official service does) twice; raises `BadInput`."""
    if len(body) > _MAX_BYTES:
        raise BadInput(f"{len(body)} bytes are more than a request can have ({_MAX_BYTES})")
    try:
        values = json.loads(body)
        if isinstance(values, str):
            values = json.loads(values)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"this is not JSON: {error}") from None
    if not isinstance(values, dict):
        raise BadInput("this is no JSON object")
    try:
        return REQUESTS[stage].model_validate(values)
    except ValidationError as error:
        raise BadInput(one_line(error, REQUESTS[stage])) from None


def _key(stage: str, properties: BasicProperties, body: bytes) -> str:
    """What a message is known by: its id, or where it has none what it says."""
    known = properties.message_id or hashlib.blake2b(body, digest_size=16).hexdigest()
    return f"{stage}:{known}"[:255]


def _bury(channel: BlockingChannel, stage: str, body: bytes, reason: str) -> None:
    """Put a message that nobody can understand where somebody may look at it."""
    text = body[:_KEPT_BYTES].decode("utf-8", errors="replace")
    _log.warning("a message for %s is put aside: %s", stage, reason)
    about = {"stage": stage, "reason": reason, "bytes": len(body), "body": text}
    publish(channel, DEAD, stage, about, uuid.uuid4().hex, reason=reason[:1000])
