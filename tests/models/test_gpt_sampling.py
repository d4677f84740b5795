"""Ranges of the sampling fields, and what each of them does to the probabilities."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from myna.core.errors import BadInput
from myna.models.gpt_loss import draw_spoiling, sentence_log_probs, spoil, token_loss, top_accuracy
from myna.models.sampling import Sampling, choose, exponential_noise, penalise, probabilities

LOGITS = torch.tensor([[3.0, 2.0, 1.0, 0.0, -1.0]])
SEEN = torch.tensor([[True, False, False, False, True]])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("top_k", 0),
        ("top_k", -100),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("top_p", math.nan),
        ("temperature", -0.1),
        ("temperature", math.inf),
        ("temperature", math.nan),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", math.nan),
    ],
)
def test_values_outside_their_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(BadInput, match=field):
        Sampling(**{field: value})


def test_penalty_lowers_seen_tokens_whatever_their_sign() -> None:
    assert penalise(LOGITS, SEEN, 2.0).tolist() == [[1.5, 2.0, 1.0, 0.0, -2.0]]
    assert penalise(LOGITS, SEEN, 1.0).tolist() == LOGITS.tolist()


def test_top_p_drops_the_token_that_crosses_the_threshold() -> None:
    # Shares are .636, .234, .086, ...: .7 is crossed by the second token, which goes.
    assert (probabilities(LOGITS, Sampling(top_k=5, top_p=0.7)) > 0).tolist() == [[True, False, False, False, False]]
    assert (probabilities(LOGITS, Sampling(top_k=5, top_p=0.9)) > 0).tolist() == [[True, True, False, False, False]]
    assert (probabilities(LOGITS, Sampling(top_k=5, top_p=0.01)) > 0).sum() == 1


def test_top_p_is_cut_before_the_temperature() -> None:
    hot = probabilities(LOGITS, Sampling(top_k=5, top_p=0.9, temperature=100.0))
    assert (hot > 0).tolist() == [[True, True, False, False, False]]
    assert hot[0, 0] == pytest.approx(0.5, abs=0.01)


@given(
    st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=40),
    st.integers(1, 50),
    st.floats(0.01, 1.0),
    st.floats(0.0, 5.0),
)
def test_probabilities_are_probabilities(values: list[float], top_k: int, top_p: float, temperature: float) -> None:
    logits = torch.tensor([values])
    probs = probabilities(logits, Sampling(top_k, top_p, temperature))
    assert float(probs.sum()) == pytest.approx(1.0, abs=1e-4)
    # Logits that are all but equal may come out either way.
    assert float(logits[0, int(probs.argmax())]) == pytest.approx(float(logits.max()), abs=1e-4)
    kept = logits[0][probs[0] > 0]
    assert len(kept.unique()) <= top_k


def test_draws_follow_the_probabilities() -> None:
    rows = 20000
    logits = LOGITS.expand(rows, -1)
    noise = exponential_noise(torch.Generator().manual_seed(0))
    sampling = Sampling(top_k=3, repetition_penalty=1.0)
    token, likeliest = choose(logits, SEEN.expand(rows, -1), sampling, noise)
    share = token.bincount(minlength=5) / rows
    torch.testing.assert_close(share, probabilities(LOGITS, sampling)[0], rtol=0, atol=0.015)
    assert set(likeliest.tolist()) == {0}


def test_padding_leaves_the_loss_when_lengths_are_given() -> None:
    logits = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[1, 2, 3, 4], [2, 4, 4, 4]])
    lengths = torch.tensor([3, 1])
    changed = logits.clone()
    changed[1, 2:] += torch.randn(5, generator=torch.Generator().manual_seed(1))
    assert token_loss(logits, targets, lengths) == token_loss(changed, targets, lengths)
    assert token_loss(logits, targets) != token_loss(changed, targets)


def test_accuracy_leaves_the_end_token_out() -> None:
    logits = torch.eye(5)[None] * 9.0
    targets = torch.tensor([[0, 1, 3, 4, 4]])
    assert float(top_accuracy(logits, targets, end_token=4, top=1)) == pytest.approx(2 / 3)
    assert float(top_accuracy(logits, torch.full((1, 5), 4), end_token=4)) == 0.0


def test_spoiling_repeats_or_drops_one_slice() -> None:
    tokens = torch.arange(1, 11).repeat(200, 1)
    repeat, slices = draw_spoiling(torch.full((200,), 10), torch.Generator().manual_seed(0))
    assert 60 < int(repeat.sum()) < 140
    assert bool((slices[:, 0] <= slices[:, 1]).all())
    assert int(slices.min()) == 0
    assert int(slices.max()) == 9
    spoilt, lengths = spoil(tokens, repeat, slices)
    for row in range(200):
        start, stop = slices[row].tolist()
        slice_length = stop - start
        assert int(lengths[row]) == 10 + (slice_length if repeat[row] else -slice_length)
        assert bool((spoilt[row, int(lengths[row]) :] == 0).all())


def test_rows_are_spoilt_within_their_own_length() -> None:
    rows = [torch.ones(number, dtype=torch.long) for number in (2, 50)] * 100
    repeat, slices = draw_spoiling(torch.tensor([2, 50] * 100), torch.Generator().manual_seed(1))
    assert int(slices[0::2].max()) == 1
    assert int(slices[1::2].max()) > 40
    spoilt, lengths = spoil(rows, repeat, slices)
    assert spoilt.shape == (200, int(lengths.max()))
    assert spoilt.sum(dim=1).tolist() == lengths.tolist(), "no padding got into a row"


def test_a_sentence_is_as_likely_as_its_tokens_and_end() -> None:
    logits = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[1, 2, 3, 4], [2, 4, 4, 4]])
    logs = logits.log_softmax(-1)
    alone = sentence_log_probs(logits, targets, torch.tensor([3, 1]))
    assert float(alone[1]) == pytest.approx(float(logs[1, 0, 2] + logs[1, 1, 4]), rel=1e-6)
    assert float(sentence_log_probs(logits, targets)[1]) < float(alone[1])
