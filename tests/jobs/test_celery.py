"""Celery's workers against a real RabbitMQ, which is stopped and started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from myna.core.settings import Settings
from myna.jobs.job import Job, Order, Status
from myna.jobs.liveness import Pulse
from myna.jobs.store import SqlJobStore
from tests.rabbit import Rabbit, is_installed

celery = pytest.importorskip("myna.jobs.celery", reason="the extra cluster is not installed")
pika = pytest.importorskip("pika", reason="the extra cluster is not installed")
pytestmark = pytest.mark.timeout(400)  # each starts interpreters, maybe beside other tests
HERE = Path(__file__).parent
LEASE_S = "5"  # a busy machine may be silent for seconds


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def rabbit() -> Iterator[Rabbit]:
    if not is_installed():
        pytest.skip("RabbitMQ is not installed")
    rabbit = Rabbit()
    try:
        rabbit.start()
        yield rabbit
    finally:
        rabbit.remove()


class House:
    """An installation whose jobs are Celery's."""

    def __init__(self, home: Path, broker: str) -> None:
        self.home, self.broker = home, broker
        settings = Settings.model_validate({"home": home, "celery_broker": broker})
        self.store = celery.submitting_store(settings)
        self.settings = settings
        self.processes: list[subprocess.Popen[bytes]] = []

    def submit(self, kind: str, queue: str = "cpu", **payload: Any) -> Job:
        return self.store.submit(Order(kind, payload, queue=queue))

    def status(self, job: Job) -> Status:
        return self.store.get(job.id).status

    def work(self, *options: str, **more: str) -> subprocess.Popen[bytes]:
        """A worker, by Celery's own command line; ``more`` is for its environment."""
        command = [sys.executable, "-m", "celery", "-A", "celery_rig", "worker", "--without-mingle", "--without-gossip"]
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1] / "src"), str(HERE.parents[1])]),
            "MYNA_HOME": str(self.home),
            "MYNA_CELERY_BROKER": self.broker,
            "MYNA_LEASE_S": LEASE_S,
            "OMP_NUM_THREADS": "1",
            **more,
        }
        name = f"--hostname=w{len(self.processes)}@test"
        with (self.home / "workers.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, name, *options], env=environment, cwd=self.home, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.store.close()


@pytest.fixture
def house(rabbit: Rabbit, tmp_path: Path) -> Iterator[House]:
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        channel = connection.channel()
        for name in celery.QUEUES:
            channel.queue_delete(name)
    house = House(tmp_path, rabbit.url)
    yield house
    house.end()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def publish(rabbit: Rabbit, queue: str, body: bytes, content_type: str, **headers: object) -> None:
    properties = pika.BasicProperties(
        content_type=content_type, content_encoding="utf-8", headers=headers, correlation_id="c", delivery_mode=2
    )
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        connection.channel().basic_publish("", queue, body, properties)


@pytest.mark.parametrize(
    "command",
    [
        ("celery", "-A", "myna.jobs.celery", "worker", "--loglevel=INFO", "--queues=cover"),
        ("myna", "worker", "--celery", "--queues=cover"),
    ],
    ids=lambda command: command[0],
)
def test_the_command_of_the_seed_does_covers_only(house: House, command: tuple[str, ...]) -> None:
    program = Path(sys.executable).with_name(command[0])
    environment = {"PATH": os.environ["PATH"], "MYNA_HOME": str(house.home), "CELERY_BROKER_URL": house.broker}
    other, cover = house.submit("convert_audio", "cpu"), house.submit("cover_song", "cover")
    with (house.home / "workers.log").open("wb") as log:
        process = subprocess.Popen([program, *command[1:]], env=environment, cwd=house.home, stdout=log, stderr=log)
    house.processes.append(process)
    wait_for(lambda: house.status(cover).is_terminal)
    ended = house.store.get(cover.id)
    assert (ended.status, ended.attempts) == (Status.FAILED, 1)  # a cover of nothing
    assert "folder: Field required" in ended.error
    assert house.status(other) is Status.QUEUED
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_each_job_is_run_once_whatever_is_sent_twice(house: House, rabbit: Rabbit) -> None:
    out = house.home / "out"
    send = celery.send_by(celery.make_app(lambda: celery.configuration(house.settings)))
    jobs = [house.submit("write", ("cpu", "gpu")[number % 2], file=str(out), word=str(number)) for number in range(6)]
    for job in jobs:
        send(job)
    house.work("--concurrency=2")
    house.work("--queues=gpu")
    wait_for(lambda: all(house.status(job) is Status.COMPLETED for job in jobs))
    for job in jobs:
        send(job)  # and once more when it has ended
    publish(rabbit, "cpu", b'[["unknown"], {}, {}]', "application/json", task=celery.TASK, id="m", lang="py")
    publish(rabbit, "cpu", b"nonsense", "text/plain")
    publish(rabbit, "cpu", b"cos\nsystem\n(S'touch pickled'\ntR.", "application/x-python-serialize", task=celery.TASK,
            id="p", lang="py")  # fmt: skip
    last = house.submit("write", file=str(out), word="last")
    wait_for(lambda: house.status(last) is Status.COMPLETED)
    assert sorted(lines(out)) == ["0", "1", "2", "3", "4", "5", "last"]
    assert {house.store.get(job.id).attempts for job in jobs} == {1}
    assert not (house.home / "pickled").exists()


def test_jobs_that_a_broker_has_never_heard_of_are_done_when_it_is_back(house: House, rabbit: Rabbit) -> None:
    out = house.home / "out"
    house.work()
    warm = house.submit("write", file=str(out), word="warm")
    kept = house.submit("write", "cover", file=str(out), word="kept")
    wait_for(lambda: house.status(warm) is Status.COMPLETED and house.status(kept) is Status.COMPLETED)
    rabbit.stop()
    begun = time.monotonic()
    jobs = [house.submit("write", file=str(out), word=str(number)) for number in range(3)]
    assert time.monotonic() - begun < 2  # nobody waits for the broker
    time.sleep(1)
    assert [house.status(job) for job in jobs] == [Status.QUEUED] * 3
    rabbit.start()
    wait_for(lambda: all(house.status(job) is Status.COMPLETED for job in jobs), 90)
    assert sorted(lines(out)) == ["0", "1", "2", "kept", "warm"]


def test_a_killed_workers_job_is_done_again_and_a_poisonous_one_is_not(house: House) -> None:
    out = house.home / "pids"
    job = house.submit("hang", file=str(out))
    for attempt in (1, 2, 3):
        process = house.work("--queues=cpu")
        wait_for(lambda: len(lines(out)) == 2)
        assert house.store.get(job.id).attempts == attempt
        process.kill()
        process.wait()
        out.unlink()
    house.work("--queues=cpu")
    wait_for(lambda: house.status(job).is_terminal)
    ended = house.store.get(job.id)
    assert (ended.status, ended.attempts) == (Status.FAILED, 3)
    assert "its worker died 3 times" in ended.error


def test_cancelling_ends_the_job_and_its_processes(house: House) -> None:
    out = house.home / "pids"
    running, waiting = house.submit("hang", file=str(out)), house.submit("write", file=str(out), word="never")
    house.work("--concurrency=1")
    wait_for(lambda: len(lines(out)) == 2)
    assert house.store.cancel(waiting.id).status is Status.CANCELLED
    begun = time.monotonic()
    house.store.cancel(running.id)
    wait_for(lambda: house.status(running) is Status.CANCELLED)
    assert time.monotonic() - begun < 10  # five seconds, on a machine that has them
    wait_for(lambda: not any(is_alive(int(pid)) for pid in lines(out)), 20)


def test_a_worker_in_a_hurry_gives_its_job_up_to_the_next(house: House) -> None:
    out = house.home / "pids"
    job = house.submit("hang", file=str(out))
    process = house.work("--queues=cpu")
    wait_for(lambda: len(lines(out)) == 2)
    process.send_signal(signal.SIGQUIT)
    process.wait(60)
    wait_for(lambda: not any(is_alive(int(pid)) for pid in lines(out)), 20)
    assert house.status(job) is Status.QUEUED
    out.unlink()
    house.work("--queues=cpu")
    wait_for(lambda: len(lines(out)) == 2)
    assert house.store.get(job.id).attempts == 1  # going in peace is no attempt


def test_a_worker_without_a_job_store_ends_and_takes_nothing(house: House) -> None:
    (house.home / "a file").touch()
    process = house.work(MYNA_DATABASE=f"sqlite:///{house.home / 'a file' / 'jobs.sqlite'}")
    assert process.wait(60) != 0
    assert "this worker cannot work" in (house.home / "workers.log").read_text(encoding="utf-8")


def test_what_waits_without_a_message_is_sent_by_a_sweep(tmp_path: Path) -> None:
    store = SqlJobStore(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    first, other = store.submit(Order("write", {})), store.submit(Order("write", {}, queue="gpu"))
    sent: list[str] = []
    depths = {"cpu": 0, "gpu": 3}
    sweep = celery.Sweep(store, lambda job: sent.append(job.id), depths.__getitem__, ("cpu", "gpu"))
    sweep.once()
    assert sent == []  # its message may be on the way
    sweep.once()
    assert sent == [first.id]
    depths["gpu"] = 0
    sweep.once()
    sweep.once()
    assert sent.count(other.id) == 1
    store.close()


def test_what_lost_its_worker_waits_again_until_it_has_been_tried_often_enough(tmp_path: Path) -> None:
    clock = iter(range(0, 1000, 10))
    store = SqlJobStore(f"sqlite:///{tmp_path / 'jobs.sqlite'}", pulse=Pulse(lambda: float(next(clock))))
    job = store.submit(Order("write", {}))
    for attempt in (1, 2, 3):
        held = store.take(job.id, "dead", lease_s=5)
        assert held is not None
        assert store.rescue() == []
        rescued = store.rescue(["cpu"])
        assert [each.status for each in rescued] == ([Status.QUEUED] if attempt < 3 else [])
        assert not store.finish(held, Status.COMPLETED)  # the dead one comes back, and is too late
    assert store.get(job.id).status is Status.FAILED
    store.close()
