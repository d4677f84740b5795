"""The order in which the GPT trainer sees its clips: batches of like length; and after which the optimiser steps."""

from __future__ import annotations

import random
from collections.abc import Sequence

BUCKET_SECONDS = 2.0
BATCHES_PER_STEP = 4
"""Gradients of so many batches are added up before the optimiser steps (official)."""
JITTER = 0.1
"""By what share lengths are blurred before clips are sorted by them, so that each epoch has other batches."""

Batch = tuple[int, ...]


def batch_size_for(num_rows: int, wanted: int, *, has_preference: bool) -> int:
    """How many clips make a batch (official rule): half of what is ``wanted`` with the preference term, whose batches
    are read twice; and never more than a quarter of the ``num_rows``, repeats counted."""
    return max(min(wanted // 2 if has_preference else wanted, num_rows // BATCHES_PER_STEP), 1)


def like_lengths(lengths: Sequence[int], batch_size: int, rng: random.Random) -> list[Batch]:
    """Every clip once, in batches of like length, in random order; ``lengths`` counts what the net computes."""
    blurred = [length * rng.uniform(1 - JITTER, 1 + JITTER) for length in lengths]
    batches = _cut(sorted(range(len(lengths)), key=blurred.__getitem__), batch_size)
    rng.shuffle(batches)
    return batches


def official_order(seconds: Sequence[float], batch_size: int, epoch: int) -> list[Batch]:
    """As the official bucket sampler draws in ``epoch``, counted from 0.

    The short last batch may come to stand anywhere, and what follows it is cut anew, across the lengths; so does the
    official program.
    """
    rng = random.Random(epoch)
    buckets = official_buckets(seconds)
    for bucket in buckets:
        rng.shuffle(bucket)
    drawn = _cut([row for bucket in buckets for row in bucket], batch_size)
    rng.shuffle(drawn)
    return _cut([row for batch in drawn for row in batch], batch_size)


def official_buckets(seconds: Sequence[float]) -> list[list[int]]:
    """Rows from short to long in buckets; a row beyond a bucket's limit opens the next, whose limit is two seconds
    higher, whether the row fits below that or not (so a gap in the lengths makes buckets of one row)."""
    buckets: list[list[int]] = []
    current: list[int] = []
    limit = BUCKET_SECONDS
    for row in sorted(range(len(seconds)), key=seconds.__getitem__):
        if seconds[row] < limit:
            current.append(row)
        else:
            buckets.append(current)
            current = [row]
            limit += BUCKET_SECONDS
    return [*buckets, current] if current else buckets


def ends_even_update(index: int, num_batches: int) -> bool:
    """Whether the optimiser steps after batch ``index`` (from 0) of an epoch of ``num_batches``.

    It steps after `BATCHES_PER_STEP` batches at most, evenly many each time, and nothing is left over.
    """
    num_updates = -(-num_batches // BATCHES_PER_STEP)
    done = [number * num_batches // num_updates for number in range(1, num_updates + 1)]
    return index + 1 in done


def ends_official_update(index: int, num_batches: int) -> bool:  # noqa: ARG001 (the shape of `Recipe.ends_update`)
    """The same as the official program does it: after batches 4, 8, ..., so after five the first time; what is left
    over goes on in the next epoch, and an epoch of fewer than five batches makes no step."""
    return index > 0 and index % BATCHES_PER_STEP == 0


def _cut(rows: Sequence[int], size: int) -> list[Batch]:
    return [tuple(rows[start : start + size]) for start in range(0, len(rows), size)]
