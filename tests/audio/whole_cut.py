"""The official cut of a sound that lies in memory as a whole: slow, plain, and what the streaming one is held to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from myna.audio.cutting import FrameCounts
from myna.audio.slicer import SliceSettings

Span = tuple[int, int]


def whole_bounds(samples: np.ndarray, sample_rate: int, settings: SliceSettings) -> list[Span]:
    """Where the clips of ``samples`` begin and end."""
    if not len(samples):
        return []
    counts = settings.in_frames(sample_rate)
    levels = whole_levels(samples, counts)
    return whole_spans(levels, levels < 10 ** (settings.threshold / 20), counts, len(samples))


def whole_spans(levels: np.ndarray, is_silent: np.ndarray, counts: FrameCounts, num_samples: int) -> list[Span]:
    """The same, from the level of every frame and whether it is silent."""
    spans = _between(_silences(levels, is_silent, counts), len(levels))
    if counts.max_length:
        spans = [piece for span in spans for piece in _shortened(levels, span, counts.max_length)]
    bounds = [(start * counts.hop, end * counts.hop) for start, end in spans]
    return [(start, end) for start, end in bounds if start < min(end, num_samples)]


def whole_levels(samples: np.ndarray, counts: FrameCounts) -> np.ndarray:
    """RMS of windows centred on every hop, one after the other."""
    padded = np.pad(samples, counts.window // 2)
    starts = range(0, len(padded) - counts.window + 1, counts.hop)
    levels = np.array([np.sqrt(np.mean(np.square(padded[at : at + counts.window]))) for at in starts], np.float32)
    levels[levels < 1e-7] = 0.0
    return levels


def _silences(levels: np.ndarray, is_silent: np.ndarray, counts: FrameCounts) -> list[Span]:
    """What is thrown away: (first, end) frames of every cut; equal where a cut is a point."""
    cuts: list[Span] = []
    clip_start = 0
    for start, end in _runs(is_silent):
        if end == len(levels):
            if end - start >= counts.min_interval:
                cuts.append((_quietest(levels, start, min(end, start + counts.max_sil_kept)), end + 1))
            break
        is_leading = start == 0 and end > counts.max_sil_kept
        is_pause = end - start >= counts.min_interval and end - clip_start >= counts.min_length
        if is_leading or is_pause:
            cut = _cut(levels, start, end, counts.max_sil_kept)
            cuts.append((0, cut[1]) if start == 0 else cut)
            clip_start = cut[1]
    return cuts


def _cut(levels: np.ndarray, start: int, end: int, kept: int) -> Span:
    if end - start <= kept:
        point = _quietest(levels, start, end)
        return point, point
    left = _quietest(levels, start, start + kept)
    right = _quietest(levels, end - kept, end)
    if end - start <= 2 * kept:
        point = _quietest(levels, end - kept, start + kept)
        return min(left, point), right if start == 0 else max(right, point)
    return left, right


def _between(cuts: list[Span], num_frames: int) -> list[Span]:
    edges = [(0, 0), *cuts, (num_frames, num_frames)]
    return [(left[1], right[0]) for left, right in pairwise(edges) if left[1] < right[0]]


def _shortened(levels: np.ndarray, span: Span, most: int) -> Iterator[Span]:
    start, end = span
    while end - start > most:
        cut = _quietest(levels, start + most // 2, min(start + most, end - max(1, most // 4)))
        yield start, cut
        start = cut
    yield start, end


def _quietest(levels: np.ndarray, first: int, last: int) -> int:
    return first + int(np.argmin(levels[first : last + 1]))


def _runs(flags: np.ndarray) -> list[Span]:
    steps = np.diff(flags.astype(np.int8), prepend=0, append=0)
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))
