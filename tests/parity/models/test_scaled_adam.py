"""ScaledAdam step by step against the official optimiser, with and without clipping."""

from __future__ import annotations

import pytest
from torch import nn

from myna.engine.training.optim import ScaledAdam, learning_rate
from tests.parity.models.golden import case_names, load_case


@pytest.mark.parametrize("name", case_names("scaled_adam"))
@pytest.mark.parametrize("resumes", [False, True])
def test_steps(name: str, resumes: bool) -> None:
    case = load_case(name)
    names = case.meta["order"]
    parameters = {key: nn.Parameter(case.inputs[f"init:{key}"]) for key in names}
    period = case.meta["clipping_update_period"]
    optimiser = ScaledAdam(parameters.values(), clipping_update_period=period)
    for step, official_rate in enumerate(case.meta["lr_per_step"]):
        assert learning_rate(step) == official_rate
        if resumes and step == 7:
            saved = optimiser.state_dict()
            optimiser = ScaledAdam(parameters.values(), clipping_update_period=period)
            optimiser.load_state_dict(saved)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step)
        for key, parameter in parameters.items():
            parameter.grad = case.inputs[f"grad{step}:{key}"].clone()
        optimiser.step()
        for key, parameter in parameters.items():
            case.check(f"after{step}:{key}", parameter, tolerance=1e-6)
