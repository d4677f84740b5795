"""Chunks of a token stream: complete, in order, long enough, and early."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from myna.core.errors import BadInput
from myna.engine.synthesis.tokens import cut_chunks, mute_similarity


@given(st.lists(st.integers(0, 9), max_size=80), st.integers(1, 20), st.booleans(), st.floats(-1, 1))
def test_every_token_is_handed_out_once(tokens: list[int], length: int, is_quiet: bool, threshold: float) -> None:
    quietness = torch.linspace(-1, 1, 10) if is_quiet else None
    chunks = list(cut_chunks(tokens, length, quietness, threshold))
    assert [token for chunk in chunks for token in chunk.tokens] == tokens
    assert [chunk.is_last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert all(len(chunk.tokens) >= length for chunk in chunks[:-1])


def test_a_chunk_comes_before_the_stream_has_gone_on() -> None:
    taken = 0

    def stream() -> Iterator[int]:
        nonlocal taken
        for token in range(100):
            taken += 1
            yield token

    chunks = cut_chunks(stream(), 5)
    assert next(chunks).tokens == (0, 1, 2, 3, 4)
    assert taken == 5


def test_the_cut_falls_on_the_quietest_pair() -> None:
    quietness = torch.tensor([-0.9, 0.5, 0.9])
    tokens = [0, 0, 0, 0, 0, 2, 2, 0, 0, 0]
    assert next(cut_chunks(tokens, 5, quietness)).tokens == (0, 0, 0, 0, 0, 2)
    assert len(next(cut_chunks([0] * 30, 5, quietness)).tokens) == 30  # nowhere quiet: the sentence stays whole


def test_mute_similarity() -> None:
    rows = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    torch.testing.assert_close(mute_similarity(rows, 0), torch.tensor([1.0, 0.0, 0.5**0.5]))


def test_empty_chunks_are_refused() -> None:
    with pytest.raises(BadInput, match="1 or more"):
        next(cut_chunks([1], 0))
