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


def spiked(*, clips_steps: bool) -> list[torch.Tensor]:
    """What fourteen steps make of some parameters; the twelfth gradient is a hundred times too large."""
    generator = torch.Generator().manual_seed(0)
    parameters = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((5, 4), (7,), (1,))]
    optimiser = ScaledAdam(parameters, clipping_update_period=5, clips_steps=clips_steps)
    for step in range(14):
        for parameter in parameters:
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.grad = noise * (100.0 if step == 11 else 1.0)
        optimiser.step()
    return [parameter.detach() for parameter in parameters]


def test_steps_are_clipped_where_that_is_wanted() -> None:
    raw, clipped = spiked(clips_steps=False), spiked(clips_steps=True)
    assert not any(torch.equal(one, other) for one, other in zip(raw, clipped, strict=True))
    calm = nn.Parameter(torch.ones(3))
    optimiser = ScaledAdam([calm], clipping_update_period=2, clips_steps=True)
    for size in (1.0, 1.0, 1.0, 8.0):
        calm.grad = torch.full((3,), size)
        optimiser.step()
    assert calm.grad is not None
    assert calm.grad.tolist() == pytest.approx([2.0] * 3, rel=0.01), "twice the median of the last norms"


def test_a_saved_state_goes_on_to_the_same_numbers() -> None:
    def steps(count: int, start: int, parameters: list[nn.Parameter], optimiser: ScaledAdam) -> None:
        for step in range(start, start + count):
            for parameter in parameters:
                parameter.grad = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(step))
            optimiser.step()

    def fresh() -> tuple[list[nn.Parameter], ScaledAdam]:
        parameters = [nn.Parameter(torch.full(shape, 0.5)) for shape in ((3, 2), (1,))]
        return parameters, ScaledAdam(parameters, clipping_update_period=3, clips_steps=True)

    straight, optimiser = fresh()
    steps(12, 0, straight, optimiser)
    broken, optimiser = fresh()
    steps(7, 0, broken, optimiser)
    saved = optimiser.state_dict()
    resumed = [nn.Parameter(parameter.detach().clone()) for parameter in broken]
    optimiser = ScaledAdam(resumed, clipping_update_period=3, clips_steps=True)
    optimiser.load_state_dict(saved)
    steps(5, 7, resumed, optimiser)
    assert all(torch.equal(one, other) for one, other in zip(straight, resumed, strict=True))
