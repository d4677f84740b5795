"""Work that runs ahead in a thread of its own, while what it gave is being used."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, Queue
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")

_MOST_WAITING = 16
_LOOK_S = 0.2
_END = object()


@contextmanager
def running_ahead(items: Generator[Item, None, None]) -> Iterator[Iterator[Item]]:
    """``items``, taken by a thread up to some items before they are asked for; what it raises is raised here.

    Leaving the context ends the thread, whether all was taken or not.
    """
    ready: Queue[object] = Queue(_MOST_WAITING)
    stop = Event()

    def take() -> None:
        try:
            for item in items:
                ready.put(item)
                if stop.is_set():
                    break
        finally:
            items.close()
            ready.put(_END)

    def given() -> Iterator[Item]:
        while (item := ready.get()) is not _END:
            yield item  # type: ignore[misc]
        worker.result()

    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        worker = pool.submit(take)
        try:
            yield given()
        finally:
            stop.set()
            while not worker.done():
                try:
                    ready.get(timeout=_LOOK_S)
                except Empty:
                    continue
