"""Masks, weight norm and WaveNet stacks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from myna.models.layers import (
    ChannelNorm,
    NormedConv1d,
    NormedConvTranspose1d,
    WaveNet,
    fold_weight_norm,
    length_mask,
    masked,
)


def test_length_mask() -> None:
    assert length_mask(torch.tensor([0, 2, 3]), 3).tolist() == [
        [[False, False, False]],
        [[True, True, False]],
        [[True, True, True]],
    ]


def test_a_mask_keeps_half_precision() -> None:
    x = torch.ones(1, 2, 3, dtype=torch.bfloat16)
    out = masked(x, length_mask(torch.tensor([1]), 3))
    assert out.dtype == torch.bfloat16
    assert out[0, 0].tolist() == [1.0, 0.0, 0.0]
    assert masked(x, None) is x


def test_channel_norm_normalises_each_frame() -> None:
    norm = ChannelNorm(6)
    out = norm(torch.randn(2, 6, 5) * 3 + 4)
    torch.testing.assert_close(out.mean(dim=1), torch.zeros(2, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.var(dim=1, unbiased=False), torch.ones(2, 5), atol=1e-3, rtol=0)
    with torch.no_grad():
        norm.gamma.fill_(2.0)
        norm.beta.fill_(1.0)
    torch.testing.assert_close(norm(torch.zeros(1, 6, 1)), torch.ones(1, 6, 1))


@pytest.mark.parametrize(
    ("normed", "plain"),
    [
        (lambda: NormedConv1d(3, 4, 5, padding=4, dilation=2), lambda: nn.Conv1d(3, 4, 5, padding=4, dilation=2)),
        (
            lambda: NormedConvTranspose1d(3, 4, 8, stride=4, padding=2),
            lambda: nn.ConvTranspose1d(3, 4, 8, stride=4, padding=2),
        ),
    ],
)
def test_a_normed_convolution_is_the_plain_one_with_its_weight_folded(normed, plain) -> None:
    first, second = normed(), plain()
    assert set(first.state_dict()) == {"weight_g", "weight_v", "bias"}
    with torch.no_grad():
        first.weight_g.mul_(1.7)
    second.load_state_dict(fold_weight_norm(first.state_dict()), strict=True)
    x = torch.randn(2, 3, 11)
    torch.testing.assert_close(first(x), second(x))


def test_scaling_the_direction_changes_nothing() -> None:
    conv = NormedConv1d(3, 4, 3)
    x = torch.randn(1, 3, 9)
    before = conv(x)
    with torch.no_grad():
        conv.weight_v.mul_(5.0)
    torch.testing.assert_close(conv(x), before)


def test_half_of_a_weight_norm_pair_is_refused() -> None:
    state = NormedConv1d(3, 4, 3).state_dict()
    for half in ("weight_g", "weight_v"):
        with pytest.raises(KeyError):
            fold_weight_norm({key: value for key, value in state.items() if key != half})


def test_wavenet_ignores_what_the_mask_hides() -> None:
    net = WaveNet(channels=4, kernel=5, layers=3, condition_width=6).eval()
    condition, x = torch.randn(2, 6, 1), torch.randn(2, 4, 12)
    mask = length_mask(torch.tensor([12, 7]), 12)
    out = net(masked(x, mask), mask, condition)
    alone = net(x[1:, :, :7], None, condition[1:])
    torch.testing.assert_close(out[1:, :, :7], alone)
    assert (out[1, :, 7:] == 0).all()


def test_wavenet_hears_its_condition() -> None:
    net = WaveNet(channels=4, kernel=5, layers=2, condition_width=6).eval()
    x = torch.randn(1, 4, 9)
    assert not torch.allclose(net(x, None, torch.zeros(1, 6, 1)), net(x, None, torch.ones(1, 6, 1)))
