"""CTC forced alignment: which frames say which label (Kürzinger et al. 2020, arXiv:2007.09127)."""

from __future__ import annotations

import numpy as np

Array = np.ndarray
NEVER = -1e30


def best_path(log_probs: Array, labels: list[int]) -> Array | None:
    """The most likely CTC path through ``labels``.

    ``log_probs`` is (T, classes) with class 0 the blank. Returns (T,): the position in ``labels`` that each frame says,
    -1 for blank; None where the labels do not fit into the frames.
    """
    frames = len(log_probs)
    states = np.zeros(2 * len(labels) + 1, dtype=np.int64)
    states[1::2] = labels
    if not labels or frames < len(labels):
        return None
    may_skip = np.zeros(len(states), dtype=bool)
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), NEVER)
    score[:2] = log_probs[0, states[:2]]
    back = np.zeros((frames, len(states)), dtype=np.int8)
    for t in range(1, frames):
        options = np.full((3, len(states)), NEVER)
        options[0] = score
        options[1, 1:] = score[:-1]
        options[2, 2:] = np.where(may_skip[2:], score[:-2], NEVER)
        back[t] = options.argmax(0)
        score = options.max(0) + log_probs[t, states]
    last = len(states) - 1 if score[-1] >= score[-2] else len(states) - 2
    if score[last] <= NEVER / 2:
        return None
    path = np.empty(frames, dtype=np.int64)
    for t in range(frames - 1, -1, -1):
        path[t] = last
        last -= int(back[t, last])
    return np.where(path % 2 == 1, path // 2, -1)


def centres(path: Array, num_labels: int) -> Array:
    """The middle frame (float) of every label on a path of `best_path`; (num_labels,), rising."""
    frames = np.flatnonzero(path >= 0)
    counts = np.bincount(path[frames], minlength=num_labels)
    return np.bincount(path[frames], weights=frames, minlength=num_labels) / np.maximum(counts, 1)
