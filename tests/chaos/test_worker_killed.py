"""A worker is killed at every stage of a job: the job is run again, ends once, and says so once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from myna.audio.io import write_wav
from myna.jobs.job import Order, Status
from myna.jobs.processes import descendants
from tests.chaos.harness import STEPS, TOLD, Yard, is_alive, wait_for
from tests.chaos.staged import STAGES
from tests.contract.fixtures import speech

ATTEMPTS = {"claiming": 1, "finished": 1}
"""How often the job was claimed in the end; twice where it is not said."""


@pytest.mark.parametrize("stage", STAGES)
def test_killed_at_a_transaction(any_yard: Yard, stage: str) -> None:
    job = any_yard.submit(seconds=1.0 if stage == "beaten" else 0.0)
    with any_yard.staged(stage) as victim:
        assert victim.wait(60) == -signal.SIGKILL
    seen = any_yard.store.get(job.id)
    assert seen.status is {"claiming": Status.QUEUED, "finished": Status.COMPLETED}.get(stage, Status.RUNNING)
    with any_yard.worker():
        done = any_yard.require_done_once(job)
    assert done.attempts == ATTEMPTS.get(stage, 2)
    assert done.result == {"name": "a"}


@pytest.mark.parametrize("moment", ["the child starts", "the child works"])
def test_killed_beside_its_child(yard: Yard, moment: str) -> None:
    job = yard.submit(seconds=1.0)
    with yard.staged("nowhere") as victim:
        family = wait_for(lambda: descendants(victim.pid))
        if moment == "the child works":
            wait_for(lambda: yard.lines("begun"))
        victim.kill()
        victim.wait()
        wait_for(lambda: not any(is_alive(pid) for pid in family), seconds=5)
    with yard.worker():
        assert yard.require_done_once(job).attempts == 2
    assert yard.lines("ended") == {"a": 1}


@pytest.mark.parametrize("stage", ["told", "ended", "finishing"])
def test_a_step_whose_worker_was_killed_is_not_done_twice(yard: Yard, tmp_path: Path, stage: str) -> None:
    write_wav(tmp_path / "in" / "take.wav", speech(5.0), 32000)
    target = tmp_path / "clips"
    places = {"folder": str(target), "source": str(tmp_path / "in"), "target": str(target), "n_parts": 1}
    job = yard.store.submit(Order("chain", {"steps": [["slice_audio", places]]}, notify=(TOLD,)))
    with yard.staged(stage, runner=STEPS) as victim:
        assert victim.wait(60) == -signal.SIGKILL
    with yard.worker(runner=STEPS):
        done = yard.require_done_once(job)
    if stage != "told":  # there it was at work when its worker died
        assert done.result["slice_audio"]["was_done_already"]
    assert [path.name for path in target.iterdir() if path.name != ".steps"] == ["take.wav_0000000000_0000160320.wav"]
