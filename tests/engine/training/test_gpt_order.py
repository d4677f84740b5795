"""The order of clips beyond the recorded one: nothing is lost, steps are even, and where the official way is lost."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from myna.engine.training.gpt_order import (
    batch_size_for,
    ends_even_update,
    ends_official_update,
    like_lengths,
    official_buckets,
    official_order,
)


def flat(batches: list[tuple[int, ...]]) -> list[int]:
    return [row for batch in batches for row in batch]


def test_every_clip_comes_once_beside_clips_of_like_length() -> None:
    rng = random.Random(0)
    lengths = [rng.randint(50, 1000) for _ in range(203)]
    batches = like_lengths(lengths, 8, random.Random(1))
    assert sorted(flat(batches)) == list(range(203))
    assert sorted(len(batch) for batch in batches) == [3] + [8] * 25
    computed = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    assert computed < 1.15 * sum(lengths), "padding is a small share"
    assert flat(batches) != flat(like_lengths(lengths, 8, random.Random(2)))
    firsts = [lengths[batch[0]] for batch in batches]
    assert firsts != sorted(firsts)


def test_a_gap_in_the_lengths_opens_one_bucket_a_row() -> None:
    assert official_buckets([9.0, 0.5, 9.1, 9.2, 1.0, 9.3]) == [[1, 4], [0], [2], [3], [5]]
    assert official_buckets([]) == []


def test_the_official_order_cuts_anew_behind_a_short_batch() -> None:
    seconds = [float(number) for number in range(10)]
    orders = [official_order(seconds, 4, epoch) for epoch in range(20)]
    for batches in orders:
        assert sorted(flat(batches)) == list(range(10))
        assert [len(batch) for batch in batches] == [4, 4, 2]
    assert any(max(batch) - min(batch) > 6 for batches in orders for batch in batches)
    assert official_order(seconds, 4, 3) == orders[3]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (3, [3]), (4, [4]), (5, [2, 3]), (13, [3, 3, 3, 4])])
def test_steps_are_even_and_nothing_is_left_over(count: int, sizes: list[int]) -> None:
    ends = [index + 1 for index in range(count) if ends_even_update(index, count)]
    assert ends[-1] == count
    assert sorted(stop - start for start, stop in pairwise([0, *ends])) == sizes


def test_official_steps_come_after_the_fifth_batch_and_then_after_every_fourth() -> None:
    assert [index for index in range(14) if ends_official_update(index, 14)] == [4, 8, 12]
    assert not any(ends_official_update(index, 4) for index in range(4)), "four batches make no step"


def test_batches_are_halved_for_the_preference_and_never_a_quarter_of_all() -> None:
    assert batch_size_for(1000, 8, has_preference=False) == 8
    assert batch_size_for(1000, 8, has_preference=True) == 4
    assert batch_size_for(1000, 1, has_preference=True) == 1
    assert batch_size_for(20, 8, has_preference=False) == 5
    assert batch_size_for(2, 8, has_preference=False) == 1
