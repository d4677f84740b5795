"""A server without nets: a studio over a fake speaker and a job store that no worker serves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from myna.api.door import Door
from myna.api.server import build_app
from myna.core.settings import Settings
from myna.core.workspace import Workspace
from myna.jobs.keys import KeyRing
from myna.jobs.store import SqlJobStore
from myna.studio import Studio
from myna.testing.fake_speaker import FakeSpeaker

Make = Callable[..., TestClient]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlJobStore]:
    store = SqlJobStore(f"sqlite:///{tmp_path / 'home' / 'jobs.sqlite'}")
    yield store
    store.close()


@pytest.fixture
def ring(store: SqlJobStore) -> KeyRing:
    return KeyRing(store.engine)


@pytest.fixture
def speaker() -> FakeSpeaker:
    return FakeSpeaker()


@pytest.fixture
def serve(store: SqlJobStore, ring: KeyRing, speaker: FakeSpeaker, tmp_path: Path) -> Iterator[Make]:
    """Makes a client of a server with these doors and settings."""
    clients: list[TestClient] = []

    def make(doors: Mapping[str, Door] | None = None, **settings: object) -> TestClient:
        home = tmp_path / "home"
        studio = Studio(speaker, store, workspace=Workspace(home), logs=home / "logs", keys=ring)
        known = Settings.model_validate({"home": home, **settings})
        app = build_app(studio, known) if doors is None else build_app(studio, known, doors=doors)
        clients.append(
            TestClient(app, raise_server_exceptions=False, client=("127.0.0.1", 50000), base_url="http://localhost")
        )
        clients[-1].__enter__()
        return clients[-1]

    yield make
    for client in clients:
        client.__exit__(None, None, None)
