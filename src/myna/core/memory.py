"""Memory that was freed goes back to the system, or does not, as suits the process.

glibc keeps small freed pieces for later. Tensors of ever other sizes, made by several threads, fit into them badly: a
server that had said a few hundred sentences held twice what it used, and ever more (``benchmarks/server.py memory``).

Large pieces it gives back at once, and the system zeroes every page of them when they are asked for again: some
30,000 a clip in nets with large maps. A process that only trains or makes features, and then ends, had better keep
them.

Source: mallopt(3), malloc_trim(3).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_KEPT, _MOST_KEPT = 2**30, 2**31 - 1


def give_back() -> None:
    """Hand what was freed to the system: some milliseconds; without effect where the C library is not glibc."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return


def keep_freed() -> None:
    """Keep what is freed, up to 2 GiB of it, for the next tensors; without effect where the C library is not glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    # Trimming alone would fix the other threshold at its least: then nearly everything would be given back.
    if mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT):
        mallopt(_TRIM_THRESHOLD, _MOST_KEPT)


def giving_back(items: Iterator[Item]) -> Iterator[Item]:
    """``items``; when they end, or nobody wants more of them, what was freed goes back."""
    try:
        yield from items
    finally:
        give_back()
