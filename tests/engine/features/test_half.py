"""Nets in half precision: their weights are cast once, and float32 is at hand where half is too coarse."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from myna.engine.features.half import halved, in_half

CPU = torch.device("cpu")


class Net(nn.Module):
    """Of every kind: what is computed in half precision, and what is not."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.utils.parametrizations.weight_norm(nn.Conv1d(1, 8, 5))
        self.body = nn.Sequential(nn.Conv1d(8, 8, 3, padding=1), nn.BatchNorm1d(8), nn.GELU())
        self.head = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 4))

    def contents(self, sounds: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [self.head(self.body(self.front(sound[None, None])).transpose(1, 2)) for sound in sounds]


@pytest.fixture
def net() -> Net:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Net().eval()


@torch.inference_mode()
def test_weights_that_are_cast_once_give_the_same_numbers(net: Net) -> None:
    sounds = [torch.randn(number, generator=torch.Generator().manual_seed(number)) for number in (90, 40)]
    half = halved(net, torch.bfloat16)
    one, other = (in_half(each.contents, sounds, CPU, torch.bfloat16) for each in (net, half))
    for first, second in zip(one, other, strict=True):
        assert first is not None
        assert second is not None
        assert torch.equal(first, second)
    kinds = {name: weight.dtype for name, weight in half.named_parameters()}
    assert {kinds["body.0.weight"], kinds["head.0.weight"], kinds["head.2.bias"]} == {torch.bfloat16}
    assert {kinds["body.1.weight"], kinds["head.1.weight"]} == {torch.float32}
    assert {weight.dtype for weight in net.parameters()} == {torch.float32}, "the given one is left alone"
    assert halved(net, torch.float32) is net


@torch.inference_mode()
def test_what_is_no_number_is_left_to_the_whole_net(net: Net) -> None:
    net.head[2].bias.fill_(2e38)
    half = halved(net, torch.bfloat16)
    half.head[2].bias.fill_(torch.inf)
    sound = torch.ones(20)
    (found,) = in_half(half.contents, [sound], CPU, torch.bfloat16, net.contents)
    assert found is not None
    assert torch.equal(found, net.contents([sound])[0])
