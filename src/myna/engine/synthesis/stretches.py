"""Several sentences decoded at once: their features stand in one row, which is cut into stretches of one length.

Neighbours share some frames, so that their sound can be joined by overlapping it. All stretches are sampled as one
batch, each behind the same prompt; none waits for another. What is lost against the way of one sentence after the
other: a stretch does not know how the one before it ended. Source: GPT-SoVITS,
``using_vocoder_synthesis_batched_infer``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from myna.core.errors import BadInput
from myna.engine.dsp import join_shifted

OVERLAP_FRAMES = 12
"""Frames that neighbours share, and empty frames in front of the first sentence."""


@dataclass(frozen=True)
class Row:
    """Features of several sentences as overlapping ``stretches`` (N, C, size).

    ``ends`` counts, for the empty frames in front and for each sentence, the frames of the row up to its end; a new
    stretch begins every ``stride`` frames.
    """

    stretches: Tensor
    ends: tuple[int, ...]
    stride: int


def cut_row(sentences: Sequence[Tensor], size: int, overlap: int = OVERLAP_FRAMES) -> Row:
    """Features (1, C, T) of each sentence as stretches of ``size`` frames, the last one filled up with zeros.

    Raises `BadInput` where a stretch would be no longer than what it shares.
    """
    if size <= overlap:
        raise BadInput(f"a stretch of {size} frames cannot share {overlap} with its neighbour")
    row = F.pad(torch.cat(list(sentences), dim=-1), (overlap, 0))
    stride = size - overlap
    starts = range(0, row.shape[-1], stride)
    filled = F.pad(row, (0, starts[-1] + size - row.shape[-1]))
    ends = [overlap]
    for features in sentences:
        ends.append(ends[-1] + features.shape[-1])
    return Row(torch.cat([filled[..., start : start + size] for start in starts]), tuple(ends), stride)


def join_row(row: Row, sound: Tensor, *, official_cuts: bool = False) -> list[Tensor]:
    """The samples of each sentence, from the ``sound`` (N * size * hop,) of the stretches one behind the other.

    Each stretch is shifted to where it fits best, which makes the whole up to 320 samples shorter per join. The
    sentences are cut where they really end; the official program (``official_cuts``) does not count the shifts, so that
    the later sentences begin too late and the last one loses its end.
    """
    pieces = list(sound.chunk(row.stretches.shape[0]))
    hop = len(pieces[0]) // row.stretches.shape[-1]
    overlap = (row.stretches.shape[-1] - row.stride) * hop
    joined, shifts = join_shifted(pieces, overlap)
    lost = [0] * len(pieces) if official_cuts else [sum(shifts[: index + 1]) for index in range(len(pieces))]
    last = len(pieces) - 1
    places = [max(end * hop - lost[min(end // row.stride, last)], 0) for end in row.ends]
    if official_cuts:
        padding = row.stride * last + row.stretches.shape[-1] - row.ends[-1]
        joined = joined[: len(joined) - padding * hop]
    return [joined[start:end] for start, end in pairwise(places)]
