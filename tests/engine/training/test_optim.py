"""ScaledAdam beyond its golden steps: it trains, keeps its bounds and leaves idle parameters alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from myna.engine.training.optim import ScaledAdam


def test_it_trains_a_small_net() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
    given = torch.randn(64, 4)
    wanted = given[:, :1] * given[:, 1:2]
    optimiser = ScaledAdam(net.parameters())

    def loss() -> float:
        optimiser.zero_grad()
        value = (net(given) - wanted).square().mean()
        value.backward()
        return value.item()

    losses = [optimiser.step(loss) for _ in range(150)]
    assert losses[0] is not None
    assert losses[-1] is not None
    assert losses[-1] < 0.1 * losses[0]


def test_single_numbers_stay_below_their_bound() -> None:
    number = nn.Parameter(torch.tensor([9.9]))
    optimiser = ScaledAdam([number], lr=1.0, scalar_max=10.0)
    for _ in range(50):
        number.grad = torch.tensor([-1.0])
        optimiser.step()
    assert 9.9 < number.item() < 10.2  # clamped before each step, so one step may lie above


@pytest.mark.parametrize(("rms", "grows"), [(5.0, False), (0.5, True)])
def test_a_tensor_that_is_too_large_shrinks(rms: float, grows: bool) -> None:
    tensor = nn.Parameter(torch.full((4, 4), rms))
    optimiser = ScaledAdam([tensor], param_max_rms=3.0)
    for _ in range(40):
        tensor.grad = -tensor.detach() * 1e-12  # asks for growth, too softly for the main update (eps)
        optimiser.step()
    size = tensor.detach().square().mean().sqrt().item()
    assert (size > rms) == grows


def test_parameters_without_a_gradient_are_left_alone() -> None:
    idle, busy = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    optimiser = ScaledAdam([idle, busy])
    busy.grad = torch.ones(3)
    optimiser.step()
    assert idle.tolist() == [1.0, 1.0, 1.0]
    assert busy.tolist() != [1.0, 1.0, 1.0]
    idle.grad = torch.ones(3)
    optimiser.step()
    assert idle.tolist() != [1.0, 1.0, 1.0]
