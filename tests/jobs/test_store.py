from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from myna.core.errors import Conflict, NotFound, WorkspaceError
from myna.jobs.job import Status
from myna.jobs.store import MAX_ATTEMPTS, SqlJobStore


class Clock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqlJobStore]:
    store = SqlJobStore(f"sqlite:///{tmp_path / 'new' / 'jobs.sqlite'}", clock)
    yield store
    store.close()


def queued(store: SqlJobStore, kind: str = "train", owner: str = "") -> str:
    return store.enqueue(store.create(kind, {"epochs": 3}, owner).id).id


def test_a_job_goes_from_created_to_completed(store: SqlJobStore, clock: Clock) -> None:
    job = store.create("train", {"epochs": 3, "name": "小明"}, "anna")
    assert (job.status, job.payload, job.owner, job.attempts) == (
        Status.CREATED,
        {"epochs": 3, "name": "小明"},
        "anna",
        0,
    )
    assert store.claim("w1", 30) is None  # not queued yet
    store.enqueue(job.id)
    clock.now += 5
    claimed = store.claim("w1", 30)
    assert claimed is not None
    assert (claimed.id, claimed.status, claimed.attempts, claimed.started_at) == (job.id, Status.RUNNING, 1, 1005.0)
    assert store.beat(claimed, 30, 0.5, "half") is not None
    assert (store.get(job.id).progress, store.get(job.id).note) == (0.5, "half")
    assert store.finish(claimed, Status.COMPLETED)
    done = store.get(job.id)
    assert (done.status, done.progress, done.finished_at) == (Status.COMPLETED, 1.0, 1005.0)


def test_the_terminal_status_is_written_once(store: SqlJobStore) -> None:
    job_id = queued(store)
    claimed = store.claim("w1", 30)
    assert claimed is not None
    assert store.finish(claimed, Status.FAILED, "no clip left")
    assert not store.finish(claimed, Status.COMPLETED)
    assert store.cancel(job_id).status is Status.FAILED
    assert store.beat(claimed, 30, 0.9, "") is None
    assert store.get(job_id).error == "no clip left"
    with pytest.raises(ValueError, match="not terminal"):
        store.finish(claimed, Status.RUNNING)


def test_an_expired_lease_is_claimed_again_and_the_first_worker_is_shut_out(store: SqlJobStore, clock: Clock) -> None:
    job_id = queued(store)
    first = store.claim("w1", 30)
    assert first is not None
    clock.now += 29
    assert store.claim("w2", 30) is None
    assert store.beat(first, 30, 0.1, "") is not None  # renewed to 1059
    clock.now += 29
    assert store.claim("w2", 30) is None
    clock.now += 2
    second = store.claim("w2", 30)
    assert second is not None
    assert (second.id, second.worker, second.attempts) == (job_id, "w2", 2)
    assert store.beat(first, 30, 0.9, "") is None
    assert not store.finish(first, Status.COMPLETED)
    assert store.finish(second, Status.COMPLETED)


def test_a_job_that_kills_its_workers_is_failed(store: SqlJobStore, clock: Clock) -> None:
    job_id = queued(store)
    for number in range(MAX_ATTEMPTS):
        assert store.claim(f"w{number}", 30) is not None
        clock.now += 31
    assert store.claim("w9", 30) is None
    assert store.get(job_id).status is Status.FAILED
    assert "died 3 times" in store.get(job_id).error


def test_cancelling_what_no_worker_has_is_immediate(store: SqlJobStore) -> None:
    created, waiting = store.create("train", {}).id, queued(store)
    assert store.cancel(created).status is Status.CANCELLED
    assert store.cancel(waiting).status is Status.CANCELLED
    assert store.claim("w1", 30) is None
    with pytest.raises(Conflict, match="cannot be queued"):
        store.enqueue(created)


def test_cancelling_a_running_job_asks_its_worker(store: SqlJobStore, clock: Clock) -> None:
    job_id = queued(store)
    claimed = store.claim("w1", 30)
    assert claimed is not None
    assert store.cancel(job_id).status is Status.RUNNING
    seen = store.beat(claimed, 30, 0.1, "")
    assert seen is not None
    assert seen.is_cancel_requested
    clock.now += 31  # the worker died before it could stop the job
    assert store.claim("w2", 30) is None
    assert store.get(job_id).status is Status.CANCELLED


def test_jobs_run_in_the_order_they_came(store: SqlJobStore, clock: Clock) -> None:
    ids = []
    for _ in range(3):
        ids.append(queued(store))
        clock.now += 1
    claims = [store.claim("w1", 300) for _ in range(3)]
    assert [claim.id for claim in claims if claim] == ids


def test_lists_are_by_owner_and_status_newest_first(store: SqlJobStore, clock: Clock) -> None:
    first = queued(store, owner="anna")
    clock.now += 1
    second = store.create("train", {}, "anna").id
    queued(store, owner="bob")
    assert [job.id for job in store.list(owner="anna")] == [second, first]
    assert [job.id for job in store.list(owner="anna", status=Status.QUEUED)] == [first]
    assert len(store.list(limit=2)) == 2


def test_a_missing_job_is_not_found(store: SqlJobStore) -> None:
    for call in (store.get, store.cancel, store.enqueue):
        with pytest.raises(NotFound, match="there is no job"):
            call("0" * 32)


def test_of_many_workers_each_job_goes_to_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    store = SqlJobStore(url)
    ids = {queued(store) for _ in range(20)}
    claimed: list[str] = []

    def work(name: str) -> None:
        own = SqlJobStore(url)
        while (job := own.claim(name, 60)) is not None:
            claimed.append(job.id)
        own.close()

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert sorted(claimed) == sorted(ids)


def test_jobs_outlive_the_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    store = SqlJobStore(url)
    job_id = queued(store)
    store.close()
    again = SqlJobStore(url)
    assert again.get(job_id).status is Status.QUEUED
    again.close()


def test_a_place_that_cannot_hold_a_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(WorkspaceError):
        SqlJobStore(f"sqlite:///{tmp_path / 'file' / 'jobs.sqlite'}")
    (tmp_path / "folder").mkdir()
    with pytest.raises(WorkspaceError, match="cannot open the job store"):
        SqlJobStore(f"sqlite:///{tmp_path / 'folder'}")
