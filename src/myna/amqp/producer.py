"""Publishes start messages: what the service's REST half does with a request."""

from __future__ import annotations

import uuid

from myna.amqp.broker import Broker
from myna.amqp.requests import QueueRequest
from myna.amqp.stages import STAGES, START_KEY


class Producer:
    """Sends requests to their queues."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def start(self, stage: str, request: QueueRequest) -> None:
        """Publish a request, all its defaults filled in; raises `PeerFailed` where the broker does not have it."""
        body = request.model_dump(mode="json")
        self._broker.publish_once(STAGES[stage].exchange, START_KEY, body, uuid.uuid4().hex)
