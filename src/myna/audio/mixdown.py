"""Channels become one sound, or two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

Mixing = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Makes one array of channels, each float32 ``(t,)``."""


def as_float(raw: np.ndarray) -> np.ndarray:
    """PCM of any sample format as float32, full scale -1..1."""
    if raw.dtype == np.uint8:
        return (raw.astype(np.float32) - 128) / 128
    if raw.dtype.kind == "i":
        return raw.astype(np.float32) / np.float32(2.0 ** (8 * raw.dtype.itemsize - 1))
    return raw.astype(np.float32, copy=False)


def mean(rows: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of the channels, float32 ``(t,)``; one alone is given as it is."""
    if len(rows) == 1:
        return rows[0]
    mixed = rows[0] + rows[1]  # several times quicker than numpy's mean of few long rows
    for row in rows[2:]:
        mixed += row
    mixed /= len(rows)
    return cast(np.ndarray, mixed)


def pair(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Two channels, float32 ``(t, 2)``: one is doubled, more are averaged."""
    return np.stack(rows if len(rows) == 2 else [mean(rows)] * 2, axis=1)
