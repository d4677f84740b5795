"""What a separator is: a mix goes in, stems come out, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

RATE_HZ = 44_100
"""Every separator works on stereo at this rate."""


class Separator(Protocol):
    """Takes a mix apart. One instance serves one caller at a time."""

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of what comes out, two or more, the one that is wanted (the voice) first."""
        ...

    def separate(self, mix: np.ndarray) -> Iterator[np.ndarray]:
        """Stems of ``mix`` (T, 2), float32 at 44.1 kHz: blocks (stems, t, 2) in order, together T long.

        Only slices of ``mix`` are read, so it may lie on the disk (`numpy.memmap`). The stems keep the mix's level.
        """
        ...
