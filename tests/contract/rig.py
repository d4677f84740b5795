"""Servers for contract cases: real ones on ports of this machine, over a speaker without nets."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from myna.amqp.broker import Broker
from myna.amqp.consumer import Consumer
from myna.amqp.orders import Orders
from myna.amqp.producer import Producer
from myna.amqp.sender import Sender
from myna.api.door import Door
from myna.api.server import DOORS, build_app
from myna.api.serving import Listener
from myna.api.tts.current import Current
from myna.core.errors import BadCheckpoint, NotFound
from myna.core.settings import Settings
from myna.core.workspace import Workspace
from myna.jobs.keys import KeyRing
from myna.jobs.store import SqlJobStore
from myna.jobs.worker import Worker
from myna.remote import RemoteSpeaker
from myna.studio import Studio
from myna.testing.fake_speaker import FakeSpeaker
from tests.contract.fixtures import API_KEY, Fixtures, make_fixtures
from tests.rabbit import Rabbit

RUNNER = "myna.steps.catalog:run_job"
ALONE: Mapping[str, tuple[str, ...]] = {"api_v1": ("api",)}
"""Dialects whose program had fewer addresses than our one server: they are served alone."""
WITH_KEY = ("seed004",)
WITH_BROKER = ("seed000",)
SPEAKS = "v2"
BROKER_DOWN = "broker down"
BARE = "templates empty"
FAR: Mapping[str, str] = {"engine sleeps": "sleeps", "engine down": "", "engine fails": "fails"}
"""Servers that let another one speak, and what that does."""


@dataclass
class Running:
    """One server."""

    app_server: uvicorn.Server
    thread: threading.Thread
    address: str


@dataclass
class Rig:
    """All servers of a run, their fixtures and their home."""

    folder: Path
    rabbit: Rabbit | None = None
    runner: str = RUNNER
    fixtures: Fixtures = field(init=False)
    store: SqlJobStore = field(init=False)
    _running: dict[str, Running] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Rig:
        self.fixtures = make_fixtures(self.folder / "fixtures")
        self.store = SqlJobStore(f"sqlite:///{self.home / 'jobs.sqlite'}")
        worker = Worker(self.store, self.runner, self.home / "logs", poll_s=0.05)
        self._worker = threading.Thread(target=worker.serve, args=(self._stop,), daemon=True)
        self._worker.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for running in self._running.values():
            running.app_server.should_exit = True
            running.thread.join(20)
        self._stop.set()
        self._worker.join(20)
        self.store.close()
        if self.rabbit is not None:
            self.rabbit.remove()

    @property
    def home(self) -> Path:
        """The installation's folder."""
        return self.folder / "home"

    @property
    def rate_hz(self) -> int:
        """The rate of the version that speaks now."""
        return Current(self.home, SPEAKS).get().record.output_rate_hz

    def forget(self) -> None:
        """What one case switches is not the next one's."""
        (self.home / "speaking.json").unlink(missing_ok=True)

    def address(self, dialect: str) -> str:
        """Where the server for a dialect listens; started when it is first asked for."""
        kind = dialect if dialect in (*ALONE, *WITH_KEY, *WITH_BROKER, *FAR, BARE, BROKER_DOWN) else "all"
        if kind not in self._running:
            doors = {name: DOORS[name] for name in ALONE.get(kind, DOORS)}
            self._running[kind] = self._start(doors, self._more(kind))
        return self._running[kind].address

    def broker(self) -> Rabbit:
        """RabbitMQ, started when it is first asked for."""
        if self.rabbit is None:
            self.rabbit = Rabbit()
            self.rabbit.start()
        return self.rabbit

    def engine(self, does: str) -> str:
        """The address of a speech server that ``sleeps``, ``fails``, or is not there at all."""
        if not does:
            return "http://127.0.0.1:1"

        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            await asyncio.sleep(5 if does == "sleeps" else 0)
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b"it fell"})

        running = self._running[f"engine that {does}"] = self._listening(app)
        return running.address

    @contextmanager
    def peers(self) -> Iterator[None]:
        """With this, the installation takes messages out of RabbitMQ and sends answers; a kill ends it at once."""
        settings, stop = self._settings({"amqp_url": self.broker().url}), threading.Event()
        broker, studio = Broker(self.broker().url), self._studio()
        serving = (Consumer(broker, Orders(studio, settings)).serve, Sender(broker, studio).serve)
        threads = [threading.Thread(target=serve, args=(stop,), daemon=True) for serve in serving]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(20)

    def _more(self, kind: str) -> dict[str, object]:
        if kind in WITH_KEY:
            return {"api_key": API_KEY}
        if kind == BARE:
            return {"api_key": API_KEY, "covers": "external"}
        if kind in FAR:
            return {"api_key": API_KEY, "sovits_base_url": self.engine(FAR[kind])}
        if kind == BROKER_DOWN:
            return {"amqp_url": "amqp://guest:guest@127.0.0.1:1/"}
        return {"amqp_url": self.broker().url} if kind in WITH_BROKER else {}

    def _settings(self, more: Mapping[str, object]) -> Settings:
        return Settings.model_validate(
            {"home": self.home, "roots": [self.fixtures.folder], "speaks_version": SPEAKS, **more}
        )

    def _studio(self, far: str = "") -> Studio:
        return Studio(
            RemoteSpeaker(far, 1.0) if far else FakeSpeaker(),
            self.store,
            workspace=Workspace(self.home),
            logs=self.home / "logs",
            keys=KeyRing(self.store.engine),
            examine=self._examine,
        )

    def _start(self, doors: Mapping[str, Door], more: Mapping[str, object]) -> Running:
        settings = self._settings(more)
        order = Producer(Broker(settings.amqp_url.get_secret_value())).start if settings.amqp_url else None
        app = build_app(self._studio(settings.sovits_base_url or ""), settings, doors=doors, order=order)
        return self._listening(app)

    def _listening(self, app: ASGIApp) -> Running:
        listener = Listener(app, "127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener.socket]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        return Running(server, thread, listener.address)

    def _examine(self, weights: Path, kind: str) -> str:
        if not weights.is_file():
            raise NotFound(f"there is no file {weights}")
        found = self.fixtures.version_of(weights)
        if found is None:
            raise BadCheckpoint(f"{weights.name} holds no {kind} weights")
        return found
