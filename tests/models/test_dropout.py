"""Dropout: how much, how scaled, what gradient, and that numbers come back with their seed."""

from __future__ import annotations

import pytest
import torch

from myna.models.dropout import dropout
from myna.models.gpt_layers import SelfAttention


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("probability", [0.1, 0.5])
def test_a_share_is_dropped_and_the_rest_scaled(probability: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.ones(3, 1001, 67, dtype=dtype)
    dropped = dropout(x, probability, True)
    assert dropped.dtype == dtype
    assert float((dropped == 0).float().mean()) == pytest.approx(probability, abs=0.003)
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / (1 - probability)], rel=5e-3)
    rows = (dropped == 0).float().mean(dim=(0, 1))
    assert 0.8 * probability < float(rows.min())
    assert float(rows.max()) < 1.2 * probability, "no column is favoured"


def test_nothing_is_dropped_outside_training() -> None:
    x = torch.randn(3, 5)
    assert dropout(x, 0.5, False) is x
    assert dropout(x, 0.0, True) is x
    assert dropout(x, 1.0, True).abs().sum() == 0.0
    assert dropout(torch.zeros(0, 4), 0.5, True).shape == (0, 4)


def test_gradients_go_where_values_went() -> None:
    torch.manual_seed(0)
    x = torch.rand(7, 9, requires_grad=True)
    y = dropout(x, 0.3, True)
    y.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    torch.testing.assert_close(x.grad * x.detach(), y.detach())


def test_the_seed_brings_the_same_numbers_back() -> None:
    x = torch.ones(50)
    torch.manual_seed(3)
    first, second = dropout(x, 0.5, True), dropout(x, 0.5, True)
    torch.manual_seed(3)
    assert torch.equal(dropout(x, 0.5, True), first)
    assert not torch.equal(first, second)


def test_attention_with_hardly_any_dropout_is_attention() -> None:
    torch.manual_seed(0)
    attention, x = SelfAttention(16, 2, dropout=1e-9), torch.randn(2, 5, 16)
    mask = torch.zeros(1, 1, 5, 5).masked_fill(torch.ones(5, 5).triu(1).bool(), float("-inf"))
    torch.testing.assert_close(attention.train()(x, mask), attention.eval()(x, mask), rtol=1e-5, atol=1e-6)
