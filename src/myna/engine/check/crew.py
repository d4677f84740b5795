"""Many small pieces of work done by several processes, in order.

Unlike `myna.engine.processes`, which shares few long files, every piece is sent with what is known of it already.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from myna.core.errors import InstallationError

Item = TypeVar("Item")
Result = TypeVar("Result")

_FEW = 12
"""So few are done in this process: another one takes seconds to start."""
_AT_ONCE = 4
"""Pieces that wait per process: enough that none is idle, few enough that a cancelled job ends soon."""
_WATCH_S = 1.0


def shared(do: Callable[[Item], Result], items: Sequence[Item], processes: int = 0) -> Generator[Result, None, None]:
    """``do(item)`` for every item, in the items' order, by ``processes`` processes (0: one per usable core).

    Who does not want all of them closes the generator; then no more is begun, and the processes end.
    ``do`` is a module's function; what it takes and returns is copied between processes. What it raises is raised here.
    Raises `InstallationError` where a process is ended from outside.
    """
    count = processes or len(os.sched_getaffinity(0))
    if count < 2 or len(items) <= _FEW:
        yield from map(do, items)
        return
    with ProcessPoolExecutor(count, get_context("spawn"), _begin, (os.getpid(),)) as pool:
        try:
            waiting = [pool.submit(do, item) for item in items[: count * _AT_ONCE]]
            for number in range(len(items)):
                result = waiting[number].result()
                if len(waiting) < len(items):
                    waiting.append(pool.submit(do, items[len(waiting)]))
                yield result
        except BrokenProcessPool:
            raise InstallationError(
                "a process that listened to the clips was ended from outside, perhaps for want of memory; run the same "
                "command again with fewer processes"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(parent: int) -> None:
    """Get a process of the pool ready: it ends with the one that wants it, and interrupts are that one's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)
