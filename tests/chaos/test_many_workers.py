"""Eight workers, each a process of its own, and 400 jobs: each job is run once, and its end told once."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from myna.jobs.job import Status
from tests.chaos.harness import Yard, wait_for

NUM_WORKERS = 8
NUM_JOBS = 400


@pytest.mark.timeout(300)
def test_every_job_is_run_once(any_yard: Yard) -> None:
    with ExitStack() as stack:
        crew = [stack.enter_context(any_yard.staged("nowhere", lease_s=30.0)) for _ in range(NUM_WORKERS)]
        jobs = [any_yard.submit(f"j{number}") for number in range(NUM_JOBS)]
        wait_for(lambda: any_yard.store.count(Status.COMPLETED) == NUM_JOBS, 240)
        assert all(each.poll() is None for each in crew)
    names = {job.payload["name"]: 1 for job in jobs}
    assert any_yard.lines("begun") == any_yard.lines("ended") == names
    done = any_yard.store.list(limit=NUM_JOBS + 1)
    assert {job.attempts for job in done} == {1}
    assert len({job.worker for job in done}) == NUM_WORKERS
    assert all(any_yard.ends(job) == ["completed"] for job in jobs)
