"""Servers for contract cases: real ones on ports of this machine, over a speaker without nets."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import uvicorn

from myna.api.door import Door
from myna.api.server import DOORS, build_app
from myna.api.serving import Listener
from myna.core.errors import BadCheckpoint, NotFound
from myna.core.settings import Settings
from myna.core.workspace import Workspace
from myna.jobs.keys import KeyRing
from myna.jobs.store import SqlJobStore
from myna.jobs.worker import Worker
from myna.studio import Studio
from myna.testing.fake_speaker import FakeSpeaker
from tests.contract.fixtures import API_KEY, Fixtures, make_fixtures

RUNNER = "myna.steps.catalog:run_job"
ALONE: Mapping[str, tuple[str, ...]] = {"api_v1": ("api",)}
"""Dialects whose program had fewer addresses than our one server: they are served alone."""
WITH_KEY = ("seed004",)


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
    fixtures: Fixtures = field(init=False)
    store: SqlJobStore = field(init=False)
    _running: dict[str, Running] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Rig:
        self.fixtures = make_fixtures(self.folder / "fixtures")
        self.store = SqlJobStore(f"sqlite:///{self.home / 'jobs.sqlite'}")
        worker = Worker(self.store, RUNNER, self.home / "logs", poll_s=0.05)
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

    @property
    def home(self) -> Path:
        """The installation's folder."""
        return self.folder / "home"

    def address(self, dialect: str) -> str:
        """Where the server for a dialect listens; started when it is first asked for."""
        kind = dialect if dialect in (*ALONE, *WITH_KEY) else "all"
        if kind not in self._running:
            doors = {name: DOORS[name] for name in ALONE.get(kind, DOORS)}
            self._running[kind] = self._start(doors, {"api_key": API_KEY} if kind in WITH_KEY else {})
        return self._running[kind].address

    def _start(self, doors: Mapping[str, Door], more: Mapping[str, object]) -> Running:
        settings = Settings.model_validate(
            {"home": self.home, "roots": [self.fixtures.folder], "speaks_version": "v2", **more}
        )
        studio = Studio(
            FakeSpeaker(),
            self.store,
            workspace=Workspace(self.home),
            logs=self.home / "logs",
            keys=KeyRing(self.store.engine),
            examine=self._examine,
        )
        app = build_app(studio, settings, doors=doors)
        listener = Listener(app, "127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
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
