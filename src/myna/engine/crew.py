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
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import Any, TypeVar

from myna.core.errors import InstallationError

Item = TypeVar("Item")
Place = TypeVar("Place")
Result = TypeVar("Result")

_FEW = 12
"""So few are done in this process: another one takes seconds to start."""
_AT_ONCE = 4
"""Pieces that wait per process: enough that none is idle, few enough that a cancelled job ends soon."""
_WATCH_S = 1.0


def shared(do: Callable[[Item], Result], items: Sequence[Item], processes: int = 0) -> Generator[Result, None, None]:
    """``do(item)`` for every item, in the items' order, by ``processes`` processes (0: one per usable core).

    ``do`` is a module's function; all else as `posted`.
    """
    count = processes or len(os.sched_getaffinity(0))
    few = count < 2 or len(items) <= _FEW
    return posted(partial(_everywhere, do), items, [None] * (1 if few else count))


def posted(
    make: Callable[[Place], Callable[[Item], Result]], items: Sequence[Item], places: Sequence[Place]
) -> Generator[Result, None, None]:
    """What ``make(place)`` answers for every item, in the items' order; each of ``places`` has a process of its own,
    which calls ``make`` once. With one place, or one item, it is this process.

    Who does not want all of them closes the generator; then no more is begun, and the processes end.
    ``make`` is found by its name in a module, as is a `functools.partial` of such a one; what it takes, and what goes
    to and fro, is copied between processes. What it raises is raised here.
    Raises `InstallationError` where a process is ended from outside.
    """
    places = places[: max(1, len(items))]
    if len(places) == 1:
        yield from map(make(places[0]), items)
        return
    context = get_context("spawn")  # a fork of a process with threads may hang
    posts, stop = context.SimpleQueue(), context.Event()
    for place in places:
        posts.put(place)
    with ProcessPoolExecutor(len(places), context, _begin, (os.getpid(), make, posts, stop)) as pool:
        try:
            waiting = [pool.submit(_do, item) for item in items[: len(places) * _AT_ONCE]]
            for number in range(len(items)):
                result = waiting[number].result()
                if len(waiting) < len(items):
                    waiting.append(pool.submit(_do, items[len(waiting)]))
                yield result
        except BrokenProcessPool:
            raise InstallationError(
                "a process that worked on the clips was ended from outside, perhaps for want of memory; run the same "
                "command again with fewer processes"
            ) from None
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


class _Here:
    """What a process of the crew knows."""

    make: Callable[[Any], Callable[[Any], Any]]
    place: Any
    stop: Event
    do: Callable[[Any], Any] | None = None


def _begin(parent: int, make: Callable[[Any], Callable[[Any], Any]], posts: Any, stop: Event) -> None:
    """Get a process of the pool ready: it ends with the one that wants it, and interrupts are that one's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _Here.make, _Here.place, _Here.stop = make, posts.get(), stop


def _do(item: Any) -> Any:
    """The answer; nobody waits for it any more once all are to stop."""
    if _Here.stop.is_set():
        return None
    if _Here.do is None:
        _Here.do = _Here.make(_Here.place)
    return _Here.do(item)


def _everywhere(do: Callable[[Item], Result], _place: None) -> Callable[[Item], Result]:
    return do


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)
