"""A RabbitMQ server, this installation's side of it in threads, and a foreign peer that knows nothing but pika."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from myna.core.settings import Settings
from myna.core.workspace import Workspace
from myna.jobs.store import SqlJobStore
from myna.jobs.worker import Worker
from myna.studio import Studio
from myna.testing.fake_speaker import FakeSpeaker
from tests.rabbit import Rabbit, is_installed

RUNNER = "myna.steps.catalog:run_job"
pika = pytest.importorskip("pika", reason="the extra cluster is not installed")


@pytest.fixture(scope="session")
def rabbit() -> Iterator[Rabbit]:
    if not is_installed():
        pytest.skip("RabbitMQ is not installed")
    rabbit = Rabbit()
    try:
        rabbit.start()
        yield rabbit
    finally:
        rabbit.remove()


class Peer:
    """A foreign producer and consumer, with plain pika."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()

    def send(self, exchange: str, body: bytes | dict[str, Any], **properties: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._channel.basic_publish(exchange, "start", content, pika.BasicProperties(delivery_mode=2, **properties))

    def listen(self, exchange: str, *keys: str) -> str:
        """A queue of its own that hears ``keys``."""
        name = str(self._channel.queue_declare("", exclusive=True).method.queue)
        for key in keys:
            self._channel.queue_bind(name, exchange, key)
        return name

    def heard(self, name: str, seconds: float = 30.0, count: int = 1) -> list[tuple[str, dict[str, Any], str]]:
        """Messages as (key, body, id): as many as wanted, and whatever comes within half a second after them."""
        got: list[tuple[str, dict[str, Any], str]] = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            method, properties, body = self._channel.basic_get(name, auto_ack=True)
            if method is None:
                self._connection.process_data_events(0.05)
                continue
            got.append((method.routing_key, json.loads(body), properties.message_id))
            if len(got) == count:
                deadline = time.monotonic() + 0.5
        return got

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def peer(rabbit: Rabbit) -> Iterator[Peer]:
    from myna.amqp.broker import Broker, close
    from myna.amqp.stages import DEAD, STAGES

    connection, channel = Broker(rabbit.url).open()
    for name in (DEAD, *(queue for stage in STAGES.values() for queue in (stage.start_queue, stage.end_queue))):
        channel.queue_purge(name)
    close(connection)
    peer = Peer(rabbit.url)
    yield peer
    peer.close()


@dataclass
class Running:
    """This installation, its parts as they are started."""

    settings: Settings
    store: SqlJobStore
    studio: Studio
    stops: list[tuple[threading.Event, threading.Thread]] = field(default_factory=list)

    def start(self, serve: Callable[[threading.Event], None]) -> threading.Event:
        stop = threading.Event()
        thread = threading.Thread(target=serve, args=(stop,), daemon=True)
        thread.start()
        self.stops.append((stop, thread))
        return stop

    def everything(self) -> None:
        from myna.amqp.broker import Broker
        from myna.amqp.consumer import Consumer
        from myna.amqp.orders import Orders
        from myna.amqp.sender import Sender

        assert self.settings.amqp_url is not None
        broker = Broker(self.settings.amqp_url.get_secret_value())
        self.start(Consumer(broker, Orders(self.studio, self.settings)).serve)
        self.start(Sender(broker, self.studio).serve)
        self.worker()

    def worker(self) -> threading.Event:
        return self.start(Worker(self.store, RUNNER, self.settings.home / "logs", poll_s=0.05).serve)

    def end(self) -> None:
        for stop, _ in self.stops:
            stop.set()
        for _, thread in self.stops:
            thread.join(20)


@pytest.fixture
def house(tmp_path: Path, rabbit: Rabbit) -> Iterator[Running]:
    home = tmp_path / "home"
    settings = Settings.model_validate({"home": home, "roots": [tmp_path], "amqp_url": rabbit.url})
    store = SqlJobStore(f"sqlite:///{home / 'jobs.sqlite'}")
    studio = Studio(FakeSpeaker(), store, workspace=Workspace(home), logs=home / "logs")
    running = Running(settings, store, studio)
    yield running
    running.end()
    store.close()
