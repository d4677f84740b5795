"""The order in which the official SoVITS trainers see their clips: buckets of like length, filled up to batches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch

from myna.engine.training.gpt_order import Batch

SHORTEST_FRAMES = 32
"""Clips of no more frames (50 a second) are left out: a training segment is as long."""
LONGEST_FRAMES_VITS, LONGEST_FRAMES_FLOW = 1900, 1000
"""Clips of more frames are left out: 38 s, and 20 s for the flow kind."""
_STEP = 100


def boundaries(longest_frames: int) -> tuple[int, ...]:
    """Where the buckets begin and end: the first holds clips of up to 300 frames, the others of a hundred more each."""
    return (SHORTEST_FRAMES, *range(300, longest_frames + 1, _STEP))


def official_order(frames: Sequence[int], batch_size: int, epoch: int, longest_frames: int) -> list[Batch]:
    """As the official bucket sampler draws in ``epoch``, counted from 1: clips of ``frames`` each, on one device.

    A bucket that does not fill its last batch gives its first clips again, one of a single clip nothing but that.
    """
    generator = torch.Generator().manual_seed(epoch)
    buckets = _buckets(frames, boundaries(longest_frames))
    shuffled = [[bucket[place] for place in torch.randperm(len(bucket), generator=generator)] for bucket in buckets]
    batches: list[Batch] = []
    for bucket in shuffled:
        missing = -len(bucket) % batch_size
        whole = bucket + (bucket * (missing // len(bucket) + 1))[:missing]
        batches += [tuple(whole[start : start + batch_size]) for start in range(0, len(whole), batch_size)]
    return [batches[place] for place in torch.randperm(len(batches), generator=generator)]


def _buckets(frames: Sequence[int], edges: Sequence[int]) -> list[list[int]]:
    """The clips whose length lies in each interval, the upper edge included; empty intervals are dropped."""
    found = [[row for row, length in enumerate(frames) if low < length <= high] for low, high in pairwise(edges)]
    return [bucket for bucket in found if bucket]
