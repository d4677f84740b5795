"""Clocks that are set forwards and backwards by years: nothing is lost, nothing is told twice."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from myna.api import cover
from myna.api.server import build_app
from myna.api.tasks import routes as tasks
from myna.api.tts import subtitles
from myna.core.settings import Settings
from myna.core.workspace import Workspace
from myna.jobs.job import Order, Status
from myna.jobs.outbox import Outbox
from myna.jobs.store import SqlJobStore
from myna.jobs.worker import Worker
from myna.studio import Studio
from myna.testing.fake_speaker import FakeSpeaker
from tests.chaos.harness import RUNNER, TOLD, Yard
from tests.contract.fixtures import make_fixtures

YEARS_S = 10 * 365 * 86400.0


class Restless:
    """A clock that is set to another decade each time that somebody looks."""

    def __init__(self) -> None:
        self._jumps = itertools.cycle((0.0, YEARS_S, -YEARS_S))

    def __call__(self) -> float:
        return time.time() + next(self._jumps)


class Wall:
    """A clock that is set by hand."""

    ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


def test_jobs_are_done_once_by_workers_whose_clocks_jump(any_yard: Yard) -> None:
    jobs = [any_yard.submit(f"j{number}", seconds=0.2) for number in range(4)]
    stores = [SqlJobStore(any_yard.url, Restless()) for _ in range(2)]
    crew = [Worker(store, RUNNER, any_yard.folder / "logs", poll_s=0.05, lease_s=10.0) for store in stores]
    with any_yard.serving(*crew):
        for job in jobs:
            done = any_yard.require_done_once(job)
            assert (done.attempts, done.seconds >= 0) == (1, True)
    assert any_yard.lines("ended") == {f"j{number}": 1 for number in range(4)}


@pytest.mark.parametrize("jump_s", [YEARS_S, -YEARS_S])
def test_an_end_is_sent_at_once_and_by_one_sender(any_yard: Yard, jump_s: float) -> None:
    wall = Wall()
    store = SqlJobStore(any_yard.url, wall)
    outboxes = [Outbox(store.engine, TOLD, wall) for _ in range(2)]
    for _ in range(2):
        store.cancel(store.submit(Order("work", {}, notify=(TOLD,))).id)
    first = outboxes[0].claim()
    assert first is not None
    wall.ahead_s = jump_s
    second = outboxes[1].claim()
    assert second is not None
    assert second.id != first.id
    assert outboxes[1].claim() is None  # the first one is its sender's still
    assert outboxes[0].sent(first)
    assert outboxes[1].sent(second)
    assert outboxes[0].waiting() == 0
    store.close()


def test_a_task_tells_of_its_last_step_however_old_that_seems(tmp_path: Path) -> None:
    wall = Wall()
    store = SqlJobStore(f"sqlite:///{tmp_path / 'jobs.sqlite'}", wall)
    with _client(store, tmp_path) as client:
        task = client.post("/api/v1/task/create", json={"task_name": "t", "config": {}}).json()["task_id"]
        for step, jump_s in (("convert_audio", 0.0), ("slice_audio", -YEARS_S)):
            wall.ahead_s = jump_s
            path = f"/api/v1/task/{task}/step/{step}"
            assert client.post(path, json={"params": {"force": True}}).status_code == 200
            told = client.get(f"/api/v1/task/{task}").json()
            assert (told["current_step"], told["status"]) == (step, "running")
            job = store.claim("w", 30.0)
            assert job is not None
            store.finish(job, Status.COMPLETED)
            assert client.get(f"/api/v1/task/{task}").json()["status"] == "completed"
    store.close()


def test_a_cover_that_waits_is_not_cleared_away(tmp_path: Path) -> None:
    wall = Wall()
    store = SqlJobStore(f"sqlite:///{tmp_path / 'jobs.sqlite'}", wall)
    fixtures = make_fixtures(tmp_path / "fixtures").values
    with _client(store, tmp_path, wall) as client:

        def begin() -> str:
            files = {
                name: Path(fixtures[key]).read_bytes() for name, key in (("reference_voice", "REF5"), ("song", "SONG"))
            }
            sent = {name: (f"{name}.wav", data, "audio/wav") for name, data in files.items()}
            answer = client.post("/api/v1/cover/jobs", files=sent, headers={"X-API-Key": "the key"})
            assert answer.status_code == 200
            return str(answer.json()["task_id"])

        waiting, ended = begin(), begin()
        store.cancel(ended)
        wall.ahead_s = YEARS_S
        begin()
        assert Path(store.get(waiting).payload["song"]).is_file()
        assert not Path(store.get(ended).payload["song"]).is_file()
    store.close()


def _client(store: SqlJobStore, folder: Path, clock: Wall | None = None) -> TestClient:
    """A server whose doors look at ``clock``."""
    wall = clock or Wall()
    studio = Studio(FakeSpeaker(), store, workspace=Workspace(folder), logs=folder / "logs")
    settings = Settings.model_validate({"home": folder, "api_key": "the key"})
    doors = {
        "tasks": tasks.door,
        "covers": lambda house: cover.door(house, wall),
        "subtitles": lambda house: subtitles.door(house, wall),
    }
    return TestClient(build_app(studio, settings, doors=doors), headers={"X-API-Key": "the key"})
