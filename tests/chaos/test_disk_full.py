"""The disk fills up: what fails says so, nothing half-written is served, and later jobs run."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import sqlalchemy as sa

from myna.audio.encode import write_audio
from myna.audio.io import write_wav
from myna.core.errors import StoreFailed
from myna.jobs.job import Job, Order, Status
from myna.jobs.store import SqlJobStore
from myna.jobs.worker import log_file
from tests.chaos.harness import STEPS, TOLD, Served, Yard, wait_for
from tests.contract.fixtures import speech

SMALL_BYTES = 12 * 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few MiB; skipped where this user may not mount one."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "none", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path, leave: int) -> Path:
    """A file that takes all space but ``leave`` bytes."""
    file = place / "filler"
    free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
    file.write_bytes(bytes(max(free - leave, 0)))
    return file


def test_a_step_fails_clearly_and_runs_when_there_is_space(yard: Yard, small_disk: Path, tmp_path: Path) -> None:
    target = small_disk / "clips"
    filler = fill(small_disk, 100_000)
    with yard.worker(runner=STEPS):
        assert "the disk is full" in require_failed(yard, tmp_path, target)
        filler.unlink()
        require_sliced(yard, tmp_path, target)


def test_a_step_fails_clearly_where_files_may_not_grow(yard: Yard, tmp_path: Path) -> None:
    with yard.worker(runner="tests.chaos.small_files:run"):
        assert "larger than this file system takes" in require_failed(yard, tmp_path, tmp_path / "clips")
    with yard.worker(runner=STEPS):
        require_sliced(yard, tmp_path, tmp_path / "clips")


def slicing(yard: Yard, folder: Path, target: Path) -> Job:
    """A job that makes one clip of half a megabyte."""
    write_wav(folder / "in" / "take.wav", speech(8.0), 32000)
    places = {"folder": str(target), "source": str(folder / "in"), "target": str(target), "n_parts": 1}
    return yard.store.submit(Order("slice_audio", places, notify=(TOLD,)))


def require_failed(yard: Yard, folder: Path, target: Path) -> str:
    """Why it failed, once, without leaving anything that looks like a clip."""
    failed = yard.ended(slicing(yard, folder, target))
    assert (failed.status, yard.ends(failed)) == (Status.FAILED, ["failed"])
    assert list(target.glob("*.wav")) == []
    return failed.error


def require_sliced(yard: Yard, folder: Path, target: Path) -> None:
    """Once there is space it is done, from the beginning, and whole."""
    done = yard.require_done_once(slicing(yard, folder, target))
    assert not done.result["was_done_already"]
    assert [path.stat().st_size > 500_000 for path in target.glob("*.wav")] == [True]
    assert list(target.glob(".part*")) == []


def test_a_log_that_cannot_be_written(yard: Yard) -> None:
    quiet = {"name": "a", "journal": str(yard.journal)}
    jobs = [yard.store.create(Order("work", payload, notify=(TOLD,))) for payload in (quiet, {})]
    for job in jobs:
        log = log_file(yard.folder / "logs", job.id)
        log.parent.mkdir(exist_ok=True)
        log.symlink_to("/dev/full")
        yard.store.enqueue(job.id)
    with yard.worker():
        yard.require_done_once(jobs[0])  # it wrote nothing there
        assert yard.ended(jobs[1]).error == "KeyError: 'journal'"  # whose traceback found no room
        yard.require_done_once(yard.submit("b"))


def test_a_folder_of_logs_that_cannot_be_made(yard: Yard) -> None:
    (yard.folder / "logs").write_text("a file is in the way", encoding="utf-8")
    failed, later = yard.submit("a"), yard.submit("b")
    with yard.worker():
        assert "a file is in the way" in yard.ended(failed).error
        assert yard.ends(failed) == ["failed"]
        (yard.folder / "logs").unlink()
        yard.ended(later)
        yard.require_done_once(yard.submit("c"))


def test_a_job_store_that_is_full(yard: Yard) -> None:
    """SQLite says here itself that it is full: its pages are counted."""
    job = yard.submit("a")
    full = threading.Event()

    def count(connection: object, _record: object, _proxy: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute(f"PRAGMA max_page_count = {1 if full.is_set() else 2**30}")
        cursor.close()

    store = SqlJobStore(yard.url)
    sa.event.listen(store.engine, "checkout", count)
    full.set()
    with pytest.raises(StoreFailed, match="database or disk is full"):
        for number in range(1000):
            store.submit(Order("work", {"name": f"x{number}", "filling": "x" * 10_000}))
    full.clear()
    again = store.submit(Order("work", {"name": "b", "journal": str(yard.journal)}, notify=(TOLD,)))
    with yard.worker():
        yard.require_done_once(job)
        yard.require_done_once(again)
    store.close()


@pytest.mark.timeout(300)
def test_a_server_says_so_and_goes_on(small_disk: Path, tmp_path: Path) -> None:
    served = Served(small_disk / "home", {"TMPDIR": str(small_disk)})
    rng = np.random.default_rng(1)
    sounds = {}
    for num_mib in (2, 8, 16):
        write_audio(tmp_path / "a.wav", rng.uniform(-1, 1, num_mib * 2**19).astype(np.float32), 44100)
        sounds[num_mib] = (tmp_path / "a.wav").read_bytes()
    with served.running(), served.client() as client:
        task = client.post("/api/v1/task/create", json={"task_name": "t", "config": {}}).json()["task_id"]
        folder = served.home / "api_tasks" / task / "input_audio"
        for num_mib in (8, 16):  # one has no room in its place, the other not even on its way
            answer = upload(client, task, sounds[num_mib])
            assert (answer.status_code, "the disk is full" in answer.json()["detail"]) == (500, True), answer.text
            assert list(folder.iterdir()) == []
        assert client.get(f"/api/v1/task/{task}/files/download/input_audio/a.wav").status_code == 404
        filler = fill(small_disk, 0)
        answer = client.post(f"/api/v1/task/{task}/step/convert_audio", json={"params": {"force": True}})
        assert (answer.status_code, "the job store cannot be used now" in answer.json()["detail"]) == (503, True)
        assert client.get(f"/api/v1/task/{task}").json()["status"] == "created"
        filler.unlink()
        assert upload(client, task, sounds[2]).status_code == 200
        assert client.post(f"/api/v1/task/{task}/step/convert_audio", json={"params": {}}).status_code == 200
        ended = wait_for(
            lambda: told if (told := client.get(f"/api/v1/task/{task}").json())["status"] != "running" else None
        )
        assert (ended["status"], ended["error_message"]) == ("completed", None)


def upload(client: httpx.Client, task: str, content: bytes) -> httpx.Response:
    file = {"file": ("a.wav", content, "audio/wav")}
    return client.post(f"/api/v1/task/{task}/files/upload", files=file)
