"""Batches made ready while the device computes, so that it need not wait for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from myna.engine.training.recipe import Batch, Draw, pinned

AHEAD = 2
"""Batches that are ready or being made, beside the one that is computed."""


def prefetched(load: Callable[[Draw], Batch], draws: Sequence[Draw], *, pins: bool) -> Generator[Batch, None, None]:
    """The batches of ``draws`` in turn, made by one other thread; what ``load`` raises is raised in its place.

    ``pins`` puts them where a GPU reads them without a copy. Close it to end the thread early.
    """
    waiting: deque[Future[Batch]] = deque()
    rest = iter(draws)
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        try:
            for draw in rest:
                waiting.append(pool.submit(_made, load, draw, pins))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _made(load: Callable[[Draw], Batch], draw: Draw, pins: bool) -> Batch:
    batch = load(draw)
    return pinned(batch) if pins else batch
