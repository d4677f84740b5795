"""How long-running work tells how far it is: one call, ``progress(fraction, note)``.

``fraction`` runs from 0.0 to 1.0 and never falls; ``note`` is a short line for people. The call raises `Cancelled` when
somebody asked the work to stop, so whoever calls it often is cancelled quickly.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]


def silent(fraction: float, note: str) -> None:
    """Tell nobody."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """A `Progress` whose 0..1 is ``start``..``stop`` of ``progress``."""

    def scaled(fraction: float, note: str) -> None:
        progress(start + (stop - start) * min(max(fraction, 0.0), 1.0), note)

    return scaled
