from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from myna.core.errors import StoreFailed
from myna.jobs.job import Job, Order, Status
from myna.jobs.liveness import Pulse
from myna.jobs.store import SqlJobStore
from myna.jobs.worker import Worker, log_file

HERE = Path(__file__).parent
RUNNER = "runners:run"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqlJobStore]:
    source = str(HERE.parents[1] / "src")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), source]))  # where children find the runners
    store = SqlJobStore(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    yield store
    store.close()


@pytest.fixture
def worker(store: SqlJobStore, tmp_path: Path) -> Worker:
    return Worker(store, RUNNER, tmp_path / "logs", device="cuda:1", poll_s=0.05)


def submit(store: SqlJobStore, kind: str, **payload: str) -> Job:
    return store.submit(Order(kind, payload))


def run_next(worker: Worker) -> Job:
    job = worker.store.claim(worker.name, worker.lease_s)
    assert job is not None
    worker.run(job)
    return worker.store.get(job.id)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 30 s"
        time.sleep(0.02)


def pids(file: Path) -> list[int]:
    wait_for(lambda: file.exists() and len(file.read_text(encoding="utf-8").split()) == 2)
    return [int(word) for word in file.read_text(encoding="utf-8").split()]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_job_is_run_in_a_child_and_its_prints_go_to_the_log(worker: Worker, tmp_path: Path) -> None:
    submit(worker.store, "write", file=str(tmp_path / "out"), word="done")
    job = run_next(worker)
    assert (job.status, job.error, job.step) == (Status.COMPLETED, "", "first")
    assert job.result == {"device": "cuda:1"}
    assert (tmp_path / "out").read_text(encoding="utf-8") == "done\n"
    assert "a library that prints" in log_file(worker.logs, job.id).read_text(encoding="utf-8")


def test_an_error_on_purpose_is_one_line_and_its_traceback_is_in_the_log(worker: Worker) -> None:
    submit(worker.store, "fail")
    job = run_next(worker)
    assert (job.status, job.error) == (Status.FAILED, "take.wav: the recording is silent")
    assert "Traceback" in log_file(worker.logs, job.id).read_text(encoding="utf-8")


def test_a_bug_is_a_failed_job_too(worker: Worker) -> None:
    submit(worker.store, "crash")
    job = run_next(worker)
    assert (job.status, job.error) == (Status.FAILED, "ZeroDivisionError: division by zero")


def test_a_child_that_vanishes_is_a_failed_job(worker: Worker) -> None:
    submit(worker.store, "die")
    job = run_next(worker)
    assert job.status is Status.FAILED
    assert "ended with code 7" in job.error


def test_a_killed_child_is_a_failed_job_and_leaves_no_process(worker: Worker, tmp_path: Path) -> None:
    job = submit(worker.store, "hang", file=str(tmp_path / "pids"))
    thread = threading.Thread(target=run_next, args=(worker,))
    thread.start()
    child, grandchild = pids(tmp_path / "pids")
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: worker.store.get(job.id).status.is_terminal)
    ended = worker.store.get(job.id)
    assert ended.status is Status.FAILED
    assert "SIGKILL" in ended.error
    thread.join()
    wait_for(lambda: not is_alive(grandchild))


def test_cancelling_lets_the_child_tidy_up(worker: Worker, tmp_path: Path) -> None:
    job = submit(worker.store, "hang", file=str(tmp_path / "pids"))
    thread = threading.Thread(target=run_next, args=(worker,))
    thread.start()
    child, grandchild = pids(tmp_path / "pids")
    wait_for(lambda: worker.store.get(job.id).progress == 0.25)
    assert worker.store.cancel(job.id).is_cancel_requested
    thread.join()
    assert worker.store.get(job.id).status is Status.CANCELLED
    assert (tmp_path / "pids.tidied").exists()
    assert not is_alive(child)
    wait_for(lambda: not is_alive(grandchild))


def test_a_child_that_will_not_stop_is_killed(worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.jobs.worker._GRACE_S", 0.3)
    job = submit(worker.store, "stubborn", file=str(tmp_path / "pids"))
    thread = threading.Thread(target=run_next, args=(worker,))
    thread.start()
    child, _ = pids(tmp_path / "pids")
    worker.store.cancel(job.id)
    thread.join()
    assert worker.store.get(job.id).status is Status.CANCELLED
    assert not is_alive(child)


def test_cancelling_ends_descendants_that_went_their_own_ways(worker: Worker, tmp_path: Path) -> None:
    job = submit(worker.store, "escape", file=str(tmp_path / "pids"))
    thread = threading.Thread(target=run_next, args=(worker,))
    thread.start()
    escaped, _ = pids(tmp_path / "pids")
    begun = time.monotonic()
    worker.store.cancel(job.id)
    thread.join()
    assert time.monotonic() - begun < 5
    assert not is_alive(escaped)


def test_a_store_that_is_away_for_a_moment_costs_nothing(worker: Worker, tmp_path: Path) -> None:
    job = submit(worker.store, "write", file=str(tmp_path / "out"), word="done")
    finish, tries = worker.store.finish, iter([True, True, False])

    def shaky(*arguments: Any, **more: Any) -> bool:
        if next(tries):
            raise StoreFailed("the server is restarting")
        return finish(*arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker.store, "finish", shaky)
        run_next(worker)
    assert worker.store.get(job.id).status is Status.COMPLETED


def test_a_worker_that_lost_its_job_ends_its_child_and_writes_nothing(worker: Worker, tmp_path: Path) -> None:
    job = submit(worker.store, "hang", file=str(tmp_path / "pids"))
    running = worker.store.claim(worker.name, 30.0)
    assert running is not None
    times = iter([0.0, 31.0])
    other = SqlJobStore(str(worker.store.engine.url), pulse=Pulse(lambda: next(times)))
    assert other.claim("other", 60) is None
    assert other.claim("other", 60) is not None
    worker.run(running)
    seen = worker.store.get(job.id)
    assert (seen.status, seen.worker) == (Status.RUNNING, "other")
    other.close()


def test_a_child_dies_with_its_worker_and_another_one_takes_over(store: SqlJobStore, tmp_path: Path) -> None:
    job = submit(store, "hang", file=str(tmp_path / "pids"))
    program = (
        "import sys, threading; from pathlib import Path; "
        "from myna.jobs.store import SqlJobStore; from myna.jobs.worker import Worker; "
        f"Worker(SqlJobStore({str(store.engine.url)!r}), {RUNNER!r}, Path({str(tmp_path)!r}), lease_s=1.0)"
        ".serve(threading.Event())"
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    child, _ = pids(tmp_path / "pids")
    process.kill()
    process.wait()
    wait_for(lambda: not is_alive(child))
    assert store.get(job.id).status is Status.RUNNING
    wait_for(lambda: store.claim("second", 60) is not None)
    assert store.get(job.id).attempts == 2


def test_serving_goes_on_until_told_to_stop(worker: Worker, tmp_path: Path) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=worker.serve, args=(stop,))
    thread.start()
    jobs = [submit(worker.store, "write", file=str(tmp_path / "out"), word=word) for word in ("one", "two")]
    wait_for(lambda: all(worker.store.get(job.id).status is Status.COMPLETED for job in jobs))
    stop.set()
    thread.join()
    assert (tmp_path / "out").read_text(encoding="utf-8") == "one\ntwo\n"


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_stopping_gives_a_running_job_back_at_once(store: SqlJobStore, tmp_path: Path, is_cancelled: bool) -> None:
    worker = Worker(store, RUNNER, tmp_path / "logs", poll_s=0.05)
    job = submit(store, "hang", file=str(tmp_path / "pids"))
    stop = threading.Event()
    thread = threading.Thread(target=worker.serve, args=(stop,))
    thread.start()
    child, _ = pids(tmp_path / "pids")
    stop.set()
    if is_cancelled:
        store.cancel(job.id)
    thread.join()
    assert not is_alive(child)
    left = store.get(job.id)
    assert (left.status, left.attempts) == ((Status.CANCELLED, 1) if is_cancelled else (Status.QUEUED, 0))
    again = store.claim("next", 60)
    assert (again is None) is is_cancelled
