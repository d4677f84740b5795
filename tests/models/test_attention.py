"""Relative attention against a slow, literal version of its definition; masks; autocast."""

from __future__ import annotations

import math

import pytest
import torch

from myna.models.attention import AttentionStack, CrossAttention, RelativeAttention
from myna.models.layers import length_mask


def literal(net: RelativeAttention, x: torch.Tensor) -> torch.Tensor:
    """Shaw et al. 2018, equations 3 and 4, one pair of frames at a time."""
    channels, length = x.shape
    width = channels // net.heads
    query, key, value = (
        conv(x[None])[0].view(net.heads, width, length) for conv in (net.conv_q, net.conv_k, net.conv_v)
    )
    out = torch.zeros(net.heads, width, length)
    for head in range(net.heads):
        for i in range(length):
            scores = torch.zeros(length)
            for j in range(length):
                near = net.emb_rel_k[0, j - i + 4] if abs(j - i) <= 4 else torch.zeros(width)
                scores[j] = query[head, :, i] @ (key[head, :, j] + near) / math.sqrt(width)
            for j, share in enumerate(torch.softmax(scores, dim=0)):
                near = net.emb_rel_v[0, j - i + 4] if abs(j - i) <= 4 else torch.zeros(width)
                out[head, :, i] += share * (value[head, :, j] + near)
    return net.conv_o(out.view(1, channels, length))[0]


@pytest.mark.parametrize("length", [1, 3, 4, 5, 11])
@torch.no_grad()
def test_relative_attention_is_its_definition(length: int) -> None:
    torch.manual_seed(length)
    net = RelativeAttention(channels=6, heads=2)
    x = torch.randn(1, 6, length)
    torch.testing.assert_close(net(x)[0], literal(net, x[0]), atol=1e-5, rtol=1e-4)


def test_relative_attention_gradients() -> None:
    torch.manual_seed(0)
    net = RelativeAttention(channels=4, heads=2).double()
    x = torch.randn(2, 4, 6, dtype=torch.float64, requires_grad=True)
    mask = length_mask(torch.tensor([6, 3]), 6)
    assert torch.autograd.gradcheck(
        lambda x, key, value: torch.func.functional_call(net, {"emb_rel_k": key, "emb_rel_v": value}, (x, mask)),
        (x, net.emb_rel_k.detach().requires_grad_(), net.emb_rel_v.detach().requires_grad_()),
    )


@torch.no_grad()
def test_padding_changes_nothing_in_the_stack() -> None:
    torch.manual_seed(0)
    net = AttentionStack(channels=6, filter_channels=10, heads=2, layers=2, kernel=3).eval()
    x = torch.randn(2, 6, 9)
    out = net(x, length_mask(torch.tensor([9, 5]), 9))
    torch.testing.assert_close(out[1:, :, :5], net(x[1:, :, :5]), atol=1e-5, rtol=1e-4)
    assert (out[1, :, 5:] == 0).all()


@torch.no_grad()
def test_cross_attention_sees_only_valid_text() -> None:
    torch.manual_seed(0)
    net = CrossAttention(channels=8, heads=2).eval()
    x, text = torch.randn(1, 8, 4), torch.randn(1, 8, 6)
    mask = length_mask(torch.tensor([3]), 6)
    torch.testing.assert_close(net(x, text, mask), net(x, text[..., :3]), atol=1e-6, rtol=1e-5)
    assert not torch.allclose(net(x, text, mask), net(x, text))


def test_the_stack_trains_under_autocast() -> None:
    torch.manual_seed(0)
    net = AttentionStack(channels=8, filter_channels=16, heads=2, layers=1, kernel=3, dropout=0.1)
    x, mask = torch.randn(2, 8, 9), length_mask(torch.tensor([9, 4]), 9)
    with torch.autocast("cpu", torch.bfloat16):
        net(x, mask).float().square().mean().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
