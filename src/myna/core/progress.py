"""How long-running work tells how far it is: one call, ``progress(fraction, note)``.

``fraction`` runs from 0.0 to 1.0 and never falls; ``note`` is a short line for people. The call raises `Cancelled` when
somebody asked the work to stop, so whoever calls it often is cancelled quickly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Progress = Callable[[float, str], None]


class Report(Protocol):
    """What a job's work tells whoever runs it: a `Progress`, the steps that it goes through, and where it may run."""

    device: str
    """The device that is this worker's; empty: whichever the work itself chooses."""

    def __call__(self, fraction: float, note: str) -> None:
        """How far the whole job is; raises `Cancelled`."""
        ...

    def step(self, name: str, state: str, note: str = "") -> None:
        """A step is ``started``, ``completed`` or ``failed``."""
        ...


def silent(fraction: float, note: str) -> None:
    """Tell nobody."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """A `Progress` whose 0..1 is ``start``..``stop`` of ``progress``."""

    def scaled(fraction: float, note: str) -> None:
        progress(start + (stop - start) * min(max(fraction, 0.0), 1.0), note)

    return scaled


def named(progress: Progress, name: str) -> Progress:
    """A `Progress` that says ``name`` where it is told nothing else."""
    return lambda fraction, note: progress(fraction, note or name)
