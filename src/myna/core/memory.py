"""Memory that was freed goes back to the system.

glibc keeps freed pieces for later. Tensors of ever other sizes, made by several threads, fit into them badly: a server
that had said a few hundred sentences held twice what it used, and ever more (``benchmarks/server.py memory``).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")


def give_back() -> None:
    """Hand what was freed to the system: some milliseconds; without effect where the C library is not glibc."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return


def giving_back(items: Iterator[Item]) -> Iterator[Item]:
    """``items``; when they end, or nobody wants more of them, what was freed goes back."""
    try:
        yield from items
    finally:
        give_back()
