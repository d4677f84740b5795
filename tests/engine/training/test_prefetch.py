"""Batches are made ready ahead, in order, by a thread that ends."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from myna.engine.training.prefetch import AHEAD, prefetched
from tests.engine.training.toy import Points, ToyData


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("batches")]


def test_all_come_in_order_and_a_few_ahead() -> None:
    data = ToyData(12, 2)
    draws = data.draws(1)
    with closing(prefetched(data.load, draws, pins=False)) as batches:
        first = next(batches)
        assert first.lens.tolist() == [row + 1 for row in draws[0]]
        assert len(data.loaded) <= 1 + AHEAD
        rest = [batch.lens.tolist() for batch in batches]
    assert rest == [[row + 1 for row in draw] for draw in draws[1:]]
    assert data.loaded == draws
    assert names() == []


def test_an_error_is_raised_in_its_place_and_ends_the_thread() -> None:
    data = ToyData(12, 2)
    draws = data.draws(1)

    def load(draw: list[int]) -> Points:
        if draw == draws[2]:
            raise ValueError("this clip is broken")
        return data.load(draw)

    batches = prefetched(load, draws, pins=False)
    assert len(next(batches).seen) == len(next(batches).seen) == 2
    with pytest.raises(ValueError, match="this clip is broken"):
        next(batches)
    assert names() == []


def test_closed_early_nothing_more_is_made() -> None:
    data = ToyData(12, 1)
    with closing(prefetched(data.load, data.draws(1), pins=False)) as batches:
        next(batches)
    assert len(data.loaded) <= 1 + AHEAD
    assert names() == []
    assert list(prefetched(data.load, [], pins=False)) == []
