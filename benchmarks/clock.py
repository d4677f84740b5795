"""What the measures of `training.py` share: a clock, and what comes out."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from myna.engine.device import synchronise


@dataclass(frozen=True)
class Speed:
    """Clips a second of both loops, in the precision that ours takes, and the peak of GPU memory (0: no GPU)."""

    plain: float
    ours: float
    precision: str
    peak_gib: float


class Clock:
    """Seconds of work per clip of average length, by batches of any length: of processor time on a CPU."""

    def __init__(self, device: torch.device, mean_length: float) -> None:
        self.device, self.mean_length = device, mean_length
        self.seconds = self.length = 0.0

    def run(self, work: Callable[[], None], length: int) -> None:
        """Time ``work``, which learns clips of that length together."""
        synchronise(self.device)
        now = time.perf_counter if self.device.type == "cuda" else time.process_time
        begin = now()
        work()
        synchronise(self.device)
        self.seconds += now() - begin
        self.length += length

    @property
    def rate(self) -> float:
        """Clips a second."""
        return self.length / self.mean_length / self.seconds


def spent(device: str) -> float:
    """Seconds so far: on a CPU of processor time, with that of the processes that have ended; else of the clock."""
    if device != "cpu":
        return time.perf_counter()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
