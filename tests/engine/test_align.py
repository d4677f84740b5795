from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from myna.engine.align import best_path, centres


def log_probs(classes: list[int], num_classes: int = 5, sure: float = 0.9) -> np.ndarray:
    """Frames that say ``classes`` one after the other, not quite surely."""
    rows = np.full((len(classes), num_classes), (1 - sure) / (num_classes - 1))
    rows[np.arange(len(classes)), classes] = sure
    return np.log(rows)


def test_every_label_is_found_where_it_is_said() -> None:
    path = best_path(log_probs([0, 1, 1, 0, 2, 0, 0, 2, 3]), [1, 2, 2, 3])
    assert path is not None
    assert path.tolist() == [-1, 0, 0, -1, 1, -1, -1, 2, 3]
    assert centres(path, 4).tolist() == [1.5, 4.0, 7.0, 8.0]


def test_equal_neighbours_need_a_blank_between_them() -> None:
    path = best_path(log_probs([1, 1, 1]), [1, 1])
    assert path is not None
    assert path.tolist() == [0, -1, 1]


def test_labels_that_do_not_fit_give_none() -> None:
    assert best_path(log_probs([1, 2]), [1, 2, 3]) is None
    assert best_path(log_probs([1, 1]), [1, 1]) is None
    assert best_path(log_probs([1]), []) is None


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_a_path_says_the_labels_in_order(labels: list[int], seed: int) -> None:
    noise = np.random.default_rng(seed).standard_normal((3 * len(labels), 5))
    path = best_path(noise, labels)
    assert path is not None
    said = path[path >= 0]
    assert sorted(set(said.tolist())) == list(range(len(labels)))
    assert (np.diff(said) >= 0).all()
