from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from myna.core.errors import BadInput, Conflict, NotFound, WorkspaceError
from myna.jobs.job import Job, Order, Owner, Status
from myna.jobs.liveness import Pulse
from myna.jobs.outbox import RETRIES_S, Outbox
from myna.jobs.store import MAX_ATTEMPTS, SqlJobStore
from myna.jobs.tables import METADATA

LEASE_S = 30.0


class Clock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time of day."""
    return Clock()


@pytest.fixture
def steady() -> Clock:
    """The steady clock that heartbeats are judged by."""
    return Clock()


@pytest.fixture
def store(url: str, clock: Clock, steady: Clock) -> Iterator[SqlJobStore]:
    store = SqlJobStore(url, clock, Pulse(steady))
    yield store
    store.close()


def train(user: str = "", queue: str = "cpu", key: str | None = None) -> Order:
    return Order("train", {"epochs": 3, "name": "小明"}, Owner(user, "s1", "t1"), queue=queue, key=key)


def claimed(store: SqlJobStore, worker: str = "w1") -> Job:
    job = store.claim(worker, LEASE_S)
    assert job is not None
    return job


def test_a_job_goes_from_created_to_completed(store: SqlJobStore, clock: Clock) -> None:
    job = store.create(train("anna"))
    assert (job.status, job.order, job.attempts) == (Status.CREATED, train("anna"), 0)
    assert store.claim("w1", LEASE_S) is None  # not queued yet
    store.enqueue(job.id)
    clock.now += 5
    running = claimed(store)
    assert (running.id, running.status, running.attempts, running.started_at) == (job.id, Status.RUNNING, 1, 1005.0)
    assert store.beat(running, 0.5, "half") is not None
    assert store.tell_step(running, "slice_audio", "started")
    seen = store.get(job.id)
    assert (seen.progress, seen.note, seen.step) == (0.5, "half", "slice_audio")
    clock.now += 7
    assert store.finish(running, Status.COMPLETED, result={"clips": 3})
    done = store.get(job.id)
    assert (done.status, done.progress, done.finished_at, done.seconds) == (Status.COMPLETED, 1.0, 1012.0, 7.0)
    assert done.result == {"clips": 3}


def test_the_terminal_status_is_written_once(store: SqlJobStore) -> None:
    job_id = store.submit(train()).id
    running = claimed(store)
    assert store.finish(running, Status.FAILED, "no clip left")
    assert not store.finish(running, Status.COMPLETED)
    assert store.cancel(job_id).status is Status.FAILED
    assert store.beat(running, 0.9, "") is None
    assert not store.tell_step(running, "slice_audio", "started")
    assert store.get(job_id).error == "no clip left"
    with pytest.raises(ValueError, match="not terminal"):
        store.finish(running, Status.RUNNING)


def test_a_job_whose_heart_stands_still_is_claimed_again_and_its_worker_shut_out(
    store: SqlJobStore, steady: Clock
) -> None:
    job_id = store.submit(train()).id
    first = claimed(store)
    assert store.claim("w2", LEASE_S) is None  # from now on this store watches the heartbeat
    steady.now += 29
    assert store.claim("w2", LEASE_S) is None
    assert store.beat(first, 0.1, "") is not None
    steady.now += 29
    assert store.claim("w2", LEASE_S) is None  # it had moved
    steady.now += 31
    second = claimed(store, "w2")
    assert (second.id, second.worker, second.attempts) == (job_id, "w2", 2)
    assert store.beat(first, 0.9, "") is None
    assert not store.finish(first, Status.COMPLETED)
    assert store.finish(second, Status.COMPLETED)


def test_a_jump_of_the_clock_takes_no_job_from_a_living_worker(store: SqlJobStore, clock: Clock) -> None:
    store.submit(train())
    running = claimed(store)
    for jump in (10 * 365 * 86400, -20 * 365 * 86400):
        clock.now += jump
        assert store.claim("w2", LEASE_S) is None
        assert store.beat(running, 0.5, "") is not None
    assert store.finish(running, Status.COMPLETED)
    assert store.get(running.id).seconds >= 0


def test_a_job_that_kills_its_workers_is_failed(store: SqlJobStore, steady: Clock) -> None:
    job_id = store.submit(train()).id
    for number in range(MAX_ATTEMPTS):
        running = claimed(store, f"w{number}")
        store.tell_step(running, "train_gpt", "started")
        assert store.claim("watcher", LEASE_S) is None
        steady.now += 31
    assert store.claim("w9", LEASE_S) is None
    assert store.get(job_id).status is Status.FAILED
    assert store.get(job_id).error == "its worker died 3 times while running it at 'train_gpt'"


def test_cancelling_what_no_worker_has_is_immediate(store: SqlJobStore) -> None:
    created, waiting = store.create(train()).id, store.submit(train()).id
    assert store.cancel(created).status is Status.CANCELLED
    assert store.cancel(waiting).status is Status.CANCELLED
    assert store.cancel(waiting).status is Status.CANCELLED
    assert store.claim("w1", LEASE_S) is None
    with pytest.raises(Conflict, match="cannot be queued"):
        store.enqueue(created)


def test_cancelling_a_running_job_asks_its_worker(store: SqlJobStore, steady: Clock) -> None:
    job_id = store.submit(train()).id
    running = claimed(store)
    assert store.cancel(job_id).status is Status.RUNNING
    seen = store.beat(running, 0.1, "")
    assert seen is not None
    assert seen.is_cancel_requested
    assert store.claim("w2", LEASE_S) is None
    steady.now += 31  # the worker died before it could stop the job
    assert store.claim("w2", LEASE_S) is None
    assert store.get(job_id).status is Status.CANCELLED


def test_jobs_run_in_the_order_they_came_and_in_their_queues(store: SqlJobStore, clock: Clock) -> None:
    ids = []
    for queue in ("cpu", "gpu", "cpu"):
        ids.append(store.submit(train(queue=queue)).id)
        clock.now += 1
    gpu = store.claim("w1", LEASE_S, ["gpu", "cover"])
    assert gpu is not None
    assert gpu.id == ids[1]
    assert store.claim("w1", LEASE_S, ["gpu"]) is None
    assert [claimed(store).id for _ in range(2)] == [ids[0], ids[2]]


def test_a_named_job_is_taken_once(store: SqlJobStore) -> None:
    job_id = store.submit(train()).id
    taken = store.take(job_id, "w1", LEASE_S)
    assert taken is not None
    assert (taken.status, taken.worker) == (Status.RUNNING, "w1")
    assert store.take(job_id, "w2", LEASE_S) is None
    with pytest.raises(NotFound):
        store.take("0" * 32, "w1", LEASE_S)


def test_an_order_with_a_key_is_taken_once(store: SqlJobStore) -> None:
    first = store.submit(train(key="amqp:1"))
    assert store.submit(train(key="amqp:1")).id == first.id
    assert store.create(train(key="amqp:1")).status is Status.QUEUED
    assert store.submit(train(key="amqp:2")).id != first.id
    assert store.submit(train()).id != store.submit(train()).id
    assert store.count(Status.QUEUED) == 4


def test_lists_are_by_owner_and_status_newest_first(store: SqlJobStore, clock: Clock) -> None:
    first = store.submit(train("anna")).id
    clock.now += 1
    second = store.create(train("anna")).id
    store.submit(Order("train", {}, Owner("bob", task="t2")))
    assert [job.id for job in store.list(user="anna")] == [second, first]
    assert [job.id for job in store.list(user="anna", statuses=[Status.QUEUED])] == [first]
    assert [job.owner.user for job in store.list(task="t2")] == ["bob"]
    assert len(store.list(session="s1")) == 2
    assert len(store.list(limit=2)) == 2


def test_only_what_has_ended_is_forgotten(store: SqlJobStore) -> None:
    job_id = store.submit(train()).id
    with pytest.raises(Conflict, match="is queued; cancel it first"):
        store.forget(job_id)
    store.cancel(job_id)
    store.forget(job_id)
    with pytest.raises(NotFound):
        store.forget(job_id)


def test_a_missing_job_is_not_found(store: SqlJobStore) -> None:
    for call in (store.get, store.cancel, store.enqueue):
        with pytest.raises(NotFound, match="there is no job"):
            call("0" * 32)


def test_of_many_workers_each_job_goes_to_one(url: str) -> None:
    store = SqlJobStore(url)
    ids = {store.submit(train()).id for _ in range(20)}
    taken: list[str] = []

    def work(name: str) -> None:
        own = SqlJobStore(url)
        while (job := own.claim(name, 60)) is not None:
            taken.append(job.id)
        own.close()

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    assert sorted(taken) == sorted(ids)


def test_many_that_open_a_new_store_at_once_all_find_it_made(url: str) -> None:
    stores: list[SqlJobStore] = []
    threads = [threading.Thread(target=lambda: stores.append(SqlJobStore(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 4
    for store in stores:
        assert store.count(Status.QUEUED) == 0
        store.close()


def test_jobs_outlive_the_store(url: str) -> None:
    store = SqlJobStore(url)
    job_id = store.submit(train()).id
    store.close()
    again = SqlJobStore(url)
    assert again.get(job_id).status is Status.QUEUED
    again.close()


def test_the_migrations_make_the_tables_that_the_code_expects(store: SqlJobStore) -> None:
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_store_of_a_newer_version_is_refused(url: str) -> None:
    store = SqlJobStore(url)
    with store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(WorkspaceError, match="newer version of myna"):
        SqlJobStore(url)


def test_a_place_that_cannot_hold_a_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(WorkspaceError):
        SqlJobStore(f"sqlite:///{tmp_path / 'file' / 'jobs.sqlite'}")
    (tmp_path / "folder").mkdir()
    with pytest.raises(WorkspaceError, match="cannot open the job store"):
        SqlJobStore(f"sqlite:///{tmp_path / 'folder'}")
    with pytest.raises(BadInput, match="give sqlite:///FILE or postgresql"):
        SqlJobStore("no such thing")


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg", reason="the extra cluster is not installed")
    with pytest.raises(WorkspaceError, match=r"cannot open the job store postgresql") as error:
        SqlJobStore("postgresql+psycopg://anna:secret@127.0.0.1:1/jobs")
    assert "secret" not in str(error.value)


def ordered(*destinations: str, tells_steps: bool = False) -> Order:
    return Order("train", {}, Owner("anna", "s1"), notify=destinations, tells_steps=tells_steps)


def test_the_end_of_a_job_is_one_event_for_everybody_who_asked(store: SqlJobStore, clock: Clock) -> None:
    outbox = Outbox(store.engine, "amqp:", clock)
    store.submit(ordered("amqp:slice", "amqp:other", "https://example.org/hook"))
    running = claimed(store)
    assert outbox.waiting() == 0
    clock.now += 3
    store.finish(running, Status.FAILED, "no clip left")
    store.finish(running, Status.FAILED, "again")
    events = [outbox.claim(), outbox.claim()]
    assert [event.destination for event in events if event] == ["amqp:slice", "amqp:other"]
    assert events[0] is not None
    assert events[0].body == {
        "job_id": running.id, "kind": "train", "user": "anna", "session": "s1", "task": "",
        "status": "failed", "error": "no clip left", "result": {}, "seconds": 3.0,
    }  # fmt: skip
    assert outbox.claim() is None
    assert Outbox(store.engine, "https://", clock).waiting() == 1


def test_an_event_whose_sender_died_is_sent_again_under_the_same_number(store: SqlJobStore, steady: Clock) -> None:
    outbox = Outbox(store.engine, "amqp:", steady=steady)
    store.submit(ordered("amqp:slice"))
    store.finish(claimed(store), Status.COMPLETED)
    first = outbox.claim()
    assert outbox.claim() is None
    steady.now += 61
    second = outbox.claim()
    assert first is not None
    assert second is not None
    assert (second.message_id, second.attempts) == (first.message_id, 2)
    assert not outbox.sent(first)  # it is the second sender's by now
    assert outbox.sent(second)
    steady.now += 3600
    assert (outbox.claim(), outbox.waiting()) == (None, 0)


def test_an_event_that_could_not_be_sent_is_tried_later_and_later(store: SqlJobStore, steady: Clock) -> None:
    outbox = Outbox(store.engine, "amqp:", steady=steady)
    store.submit(ordered("amqp:slice"))
    store.finish(claimed(store), Status.COMPLETED)
    for wait in (*RETRIES_S, RETRIES_S[-1]):
        event = outbox.claim()
        assert event is not None
        outbox.failed(event, "nobody there")
        steady.now += wait - 0.5
        assert outbox.claim() is None
        steady.now += 0.5
    assert outbox.waiting() == 1


def test_steps_are_events_in_their_order_and_told_once(store: SqlJobStore, clock: Clock, steady: Clock) -> None:
    outbox = Outbox(store.engine, "amqp:", clock)
    store.submit(ordered("amqp:process", tells_steps=True))
    first = claimed(store)
    store.tell_step(first, "slice_audio", "started")
    store.claim("watcher", LEASE_S)
    steady.now += 31
    second = claimed(store, "w2")  # the first worker died; the second begins anew
    store.tell_step(second, "slice_audio", "started")
    store.tell_step(second, "slice_audio", "completed")
    store.finish(second, Status.COMPLETED)
    topics = []
    while (event := outbox.claim()) is not None:
        assert outbox.claim() is None  # the next one waits until this one has arrived
        topics.append(event.topic)
        outbox.sent(event)
    assert topics == ["step:slice_audio:started", "step:slice_audio:completed", "end"]


def test_cancelled_jobs_tell_of_their_end_too(store: SqlJobStore, clock: Clock) -> None:
    outbox = Outbox(store.engine, "amqp:", clock)
    store.cancel(store.submit(ordered("amqp:slice")).id)
    event = outbox.claim()
    assert event is not None
    assert event.body["status"] == "cancelled"
