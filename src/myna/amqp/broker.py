"""A connection to RabbitMQ: everything declared, messages confirmed, made again when it breaks."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError

from myna.amqp.stages import DEAD, PROGRESS_KEY, STAGES, START_KEY
from myna.core.errors import MynaError, PeerFailed

_log = logging.getLogger(__name__)
_WAITS_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_PERSISTENT = 2
_HEARTBEAT_S = 30
_TIMEOUT_S = 10.0

Work = Callable[[pika.BlockingConnection, BlockingChannel], None]


class Broker:
    """Opens connections to ``url``."""

    def __init__(self, url: str) -> None:
        self._parameters = pika.URLParameters(url)
        self._parameters.heartbeat = _HEARTBEAT_S
        self._parameters.socket_timeout = self._parameters.blocked_connection_timeout = _TIMEOUT_S
        self._parameters.connection_attempts = 1

    @property
    def place(self) -> str:
        """Where it is, without who may come in."""
        return f"{self._parameters.host}:{self._parameters.port}"

    def open(self) -> tuple[pika.BlockingConnection, BlockingChannel]:
        """A connection and a channel whose messages are confirmed; raises `PeerFailed`."""
        try:
            connection = pika.BlockingConnection(self._parameters)
            channel = connection.channel()
            channel.confirm_delivery()
            declare(channel)
        except (AMQPError, OSError) as error:
            raise PeerFailed(f"RabbitMQ at {self.place} cannot be reached: {type(error).__name__} {error}") from None
        return connection, channel

    def keep(self, stop: threading.Event, work: Work) -> None:
        """Do ``work`` over a connection, again whenever it breaks, later each time, until ``stop`` is set."""
        tries = 0
        while not stop.is_set():
            try:
                connection, channel = self.open()
                tries = 0
                try:
                    work(connection, channel)
                finally:
                    close(connection)
            except (AMQPError, MynaError, OSError) as error:
                wait = _WAITS_S[min(tries, len(_WAITS_S) - 1)]
                tries += 1
                _log.warning("the work with RabbitMQ broke off (%s); again in %s s", error, wait)
                stop.wait(wait)

    def publish_once(self, exchange: str, key: str, body: Mapping[str, Any], message_id: str) -> None:
        """Publish one message over a connection of its own; raises `PeerFailed`."""
        connection, channel = self.open()
        try:
            publish(channel, exchange, key, body, message_id)
        except (AMQPError, OSError) as error:
            raise PeerFailed(f"RabbitMQ at {self.place} did not take the message: {type(error).__name__}") from None
        finally:
            close(connection)


def publish(
    channel: BlockingChannel, exchange: str, key: str, body: Mapping[str, Any], message_id: str, **headers: str
) -> None:
    """Publish a persistent message as JSON, encoded once; answers when the broker has it."""
    properties = pika.BasicProperties(
        content_type="application/json", delivery_mode=_PERSISTENT, message_id=message_id, headers=headers or None
    )
    channel.basic_publish(exchange, key, json.dumps(dict(body), ensure_ascii=False).encode(), properties)


def declare(channel: BlockingChannel) -> None:
    """Make all exchanges and queues, durable and without arguments: so any peer may declare them too."""
    for stage in STAGES.values():
        channel.exchange_declare(stage.exchange, "direct", durable=True)
        channel.queue_declare(stage.start_queue, durable=True)
        channel.queue_bind(stage.start_queue, stage.exchange, START_KEY)
        channel.queue_declare(stage.end_queue, durable=True)
        for key in {*stage.end_keys(""), *stage.end_keys(stage.name)} - {"end"}:
            channel.queue_bind(stage.end_queue, stage.exchange, key)
    one_click = STAGES["one_click"]
    channel.queue_bind(one_click.end_queue, one_click.exchange, PROGRESS_KEY)
    channel.exchange_declare(DEAD, "fanout", durable=True)
    channel.queue_declare(DEAD, durable=True)
    channel.queue_bind(DEAD, DEAD)


def close(connection: pika.BlockingConnection) -> None:
    """Close it, whatever state it is in."""
    try:
        connection.close()
    except (AMQPError, OSError):
        return
