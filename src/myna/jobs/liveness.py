"""Which running jobs have lost their worker: those whose heartbeat has not moved for a lease's length.

Judged by the observer's own steady clock, and never by comparing times that two hosts wrote down. So a clock that
jumps, on whichever host, neither takes a job from a living worker nor leaves one with a dead one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from myna.jobs.job import Job


class Pulse:
    """What one observer remembers of the heartbeats that it has seen."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}

    def lost(self, running: Sequence[Job]) -> list[Job]:
        """Those of all the ``running`` jobs whose heartbeat has stood still for longer than their lease."""
        now, before = self._clock(), self._seen
        self._seen = {}
        lost = []
        for job in running:
            mark = (job.attempts, job.beats)
            old_mark, since = before.get(job.id, (mark, now))
            since = since if old_mark == mark else now
            self._seen[job.id] = (mark, since)
            if now - since > job.lease_s:
                lost.append(job)
        return lost
