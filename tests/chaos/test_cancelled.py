"""A job is cancelled at every stage, and after its end: it ends once, in time, and leaves no process behind."""

from __future__ import annotations

import time

import pytest

from myna.jobs.job import Order, Status
from myna.jobs.processes import descendants
from tests.chaos.harness import TOLD, Yard, is_alive, wait_for

WITHIN_S = 5.0


@pytest.mark.parametrize("is_queued", [False, True], ids=["created", "queued"])
def test_before_any_worker_has_it(yard: Yard, is_queued: bool) -> None:
    job = (yard.store.submit if is_queued else yard.store.create)(Order("work", {}, notify=(TOLD,)))
    assert yard.store.cancel(job.id).status is Status.CANCELLED
    with yard.worker():
        time.sleep(0.3)
    assert (yard.store.get(job.id).attempts, yard.ends(job)) == (0, ["cancelled"])


@pytest.mark.parametrize(
    ("stage", "status"),
    [
        ("claimed", Status.CANCELLED),
        ("told", Status.CANCELLED),
        ("beaten", Status.CANCELLED),
        ("ended", Status.COMPLETED),  # its work was done: there was nothing left to stop
        ("finished", Status.COMPLETED),
    ],
)
def test_while_its_worker_is_at_a_stage(any_yard: Yard, stage: str, status: Status) -> None:
    job = any_yard.submit(seconds=0.0 if stage in ("ended", "finished") else 20.0)
    with any_yard.staged(stage, "hold") as victim:
        wait_for((any_yard.folder / "reached").exists)
        any_yard.store.cancel(job.id)
        family = descendants(victim.pid)
        (any_yard.folder / "go").touch()
        begun = time.monotonic()
        assert any_yard.ended(job).status is status
        assert time.monotonic() - begun < WITHIN_S
        assert not any(is_alive(pid) for pid in family)
        assert any_yard.ends(job) == [status]
        assert any_yard.store.cancel(job.id).status is status
        assert any_yard.ends(job) == [status]


def test_while_its_child_starts(yard: Yard) -> None:
    job = yard.submit(seconds=20.0)
    with yard.staged("nowhere") as victim:
        family = wait_for(lambda: descendants(victim.pid))
        yard.store.cancel(job.id)
        begun = time.monotonic()
        assert yard.ended(job).status is Status.CANCELLED
        assert time.monotonic() - begun < WITHIN_S
        assert not any(is_alive(pid) for pid in family)
    assert yard.ends(job) == ["cancelled"]


def test_a_family_of_processes_is_gone_in_time(yard: Yard) -> None:
    job = yard.submit("a", "family", seconds=300.0)
    with yard.staged("nowhere") as victim:
        wait_for(lambda: yard.lines("family"))
        family = descendants(victim.pid)
        assert len(family) >= 3  # the child, its own child, and one in a session of its own
        begun = time.monotonic()
        yard.store.cancel(job.id)
        wait_for(lambda: not any(is_alive(pid) for pid in family))
        assert time.monotonic() - begun < WITHIN_S
        assert yard.ended(job).status is Status.CANCELLED
    assert yard.ends(job) == ["cancelled"]


def test_by_somebody_whose_worker_died_before_it_heard(yard: Yard) -> None:
    job = yard.submit(seconds=20.0)
    with yard.staged("told") as victim:
        victim.wait(60)
    yard.store.cancel(job.id)
    with yard.worker():
        assert yard.ended(job).status is Status.CANCELLED
    assert (yard.ends(job), yard.lines("begun")) == (["cancelled"], {"a": 1})


def test_many_at_once_that_race_with_their_ends(any_yard: Yard) -> None:
    jobs = [any_yard.submit(f"j{number}", seconds=0.1) for number in range(6)]
    with any_yard.worker(), any_yard.worker():
        for job in jobs:
            wait_for(lambda job=job: any_yard.lines("begun")[job.payload["name"]], 20)
            any_yard.store.cancel(job.id)
        for job in jobs:
            ended = any_yard.ended(job)
            assert any_yard.ends(job) == [ended.status]
