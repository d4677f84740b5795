"""The waist every door goes through: say, submit, cancel, watch."""

from __future__ import annotations

import time
from collections.abc import Iterator

from myna.core.errors import NotFound
from myna.core.speech import AudioChunk, Speaker, SpeechRequest
from myna.jobs.job import Job, Order, Owner
from myna.jobs.store import JobStore
from myna.steps.step import Step


class Studio:
    """One installation as its doors see it: a speaker that says, and a store of jobs that workers do."""

    def __init__(self, speaker: Speaker, jobs: JobStore) -> None:
        self._speaker = speaker
        self._jobs = jobs

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        """The speech of ``request``, chunk by chunk."""
        return self._speaker.say(request)

    def submit(self, step: Step, owner: str = "") -> Job:
        """Queue ``step`` as a job of ``owner``."""
        return self._jobs.submit(Order(step.name, step.model_dump(mode="json"), Owner(owner)))

    def cancel(self, job_id: str, owner: str = "") -> Job:
        """Stop the job, or keep it from starting; a finished one stays as it is. Raises `NotFound`."""
        self._owned(job_id, owner)
        return self._jobs.cancel(job_id)

    def watch(self, job_id: str, owner: str = "", every_s: float = 0.2) -> Iterator[Job]:
        """The job each time it has changed, up to and with its terminal status. Raises `NotFound`."""
        seen: Job | None = None
        while seen is None or not seen.status.is_terminal:
            job = self._owned(job_id, owner)
            if job != seen:
                seen = job
                yield job
            else:
                time.sleep(every_s)

    def _owned(self, job_id: str, owner: str) -> Job:
        """The job, unless it is another owner's: then it is as if it were not there."""
        job = self._jobs.get(job_id)
        if owner and job.owner.user != owner:
            raise NotFound(f"there is no job {job_id[:64]!r}")
        return job
