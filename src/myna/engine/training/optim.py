"""The optimiser of the official text-to-semantic trainer: ScaledAdam (Povey, icefall 2022), and its learning rate.

An Adam whose steps are proportional to each tensor's own root mean square, and which also learns that size, every few
steps, from the gradient along the tensor itself. Single numbers take plain Adam steps at a tenth of the rate. All
tensors are updated together (few kernels on a GPU), and nothing waits for a number from the device.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

FIRST_LEARNING_RATE = 0.01
LEARNING_RATE = 0.002

Group = dict[str, Any]
State = dict[str, Any]


def learning_rate(num_steps_done: int) -> float:
    """The official schedule: the very first step runs at 0.01, every later one at 0.002, whatever the config says."""
    return FIRST_LEARNING_RATE if num_steps_done == 0 else LEARNING_RATE


class ScaledAdam(Optimizer):
    """ScaledAdam with the official trainer's settings; every parameter needs a dense gradient or none.

    ``scalar_lr_scale`` is the share of ``lr`` for single numbers and for sizes; ``param_min_rms`` and
    ``param_max_rms`` bound the sizes that are learned, ``scalar_max`` bounds single numbers; sizes are learned every
    ``size_update_period`` steps. ``clipping_scale`` times the median gradient norm of the last
    ``clipping_update_period`` steps is the norm above which gradients are clipped, once so many steps are done.
    ``clips_steps`` says whether that holds for the steps themselves; the official code clips, by an oversight, only the
    gradients of sizes.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = FIRST_LEARNING_RATE,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        *,
        scalar_lr_scale: float = 0.1,
        param_min_rms: float = 1e-5,
        param_max_rms: float = 3.0,
        scalar_max: float = 10.0,
        size_update_period: int = 4,
        clipping_scale: float = 2.0,
        clipping_update_period: int = 1000,
        clips_steps: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "scalar_lr_scale": scalar_lr_scale,
            "param_min_rms": param_min_rms,
            "param_max_rms": param_max_rms,
            "scalar_max": scalar_max,
            "size_update_period": size_update_period,
            "clipping_scale": clipping_scale,
            "clipping_update_period": clipping_update_period,
            "clips_steps": clips_steps,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; ``closure``, if given, computes the loss (and gradients) again and its value is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            alike: dict[tuple[int, bool], list[Tensor]] = defaultdict(list)
            parameters = [one for one in group["params"] if one.grad is not None]
            for one in parameters:
                if not self.state[one]:
                    self.state[one] = _fresh(group, one)
                alike[self.state[one]["step"], one.numel() > 1].append(one)
            if not parameters:
                continue
            clip = self._clipping_factor(group, parameters)
            for (_, is_tensor), some in alike.items():
                states, gradients = [self.state[one] for one in some], _gradients(some)
                if group["clips_steps"]:
                    torch._foreach_mul_(gradients, clip)
                update = _step_tensors if is_tensor else _step_numbers
                update(group, some, gradients, states, 1.0 if group["clips_steps"] else clip)
                for state in states:
                    state["step"] += 1
        return loss

    def _clipping_factor(self, group: Group, parameters: Sequence[Tensor]) -> Tensor:
        """At most 1: threshold over this step's gradient norm, once a whole period of norms is known."""
        first = self.state[parameters[0]]
        step, period = first["step"], group["clipping_update_period"]
        if step == 0:
            return parameters[0].new_ones(())
        norms = torch._foreach_norm(_gradients(parameters))
        # Tensors count in units of their own size, single numbers as they are.
        scaled = [norm * self.state[one].get("rms", 1.0) for norm, one in zip(norms, parameters, strict=True)]
        norm = torch.stack(scaled).norm()
        if "norms" not in first:
            first["norms"] = norm.new_zeros(period)
            first["norm_limit"] = norm.new_full((), torch.inf)
        first["norms"][step % period] = norm
        if step % period == 0:
            first["norm_limit"] = group["clipping_scale"] * first["norms"].sort().values[period // 4 * 2]
        factor: Tensor = (first["norm_limit"] / (norm + 1e-20)).clamp(max=1.0)
        return factor


def _fresh(group: Group, parameter: Tensor) -> State:
    state = {"step": 0, "delta": torch.zeros_like(parameter), "exp_avg_sq": torch.zeros_like(parameter)}
    if parameter.numel() > 1:
        state["rms"] = parameter.square().mean().sqrt()
        state["size_grads"] = parameter.new_zeros(group["size_update_period"])
        state["size_exp_avg_sq"] = parameter.new_zeros(())
    return state


def _gradients(parameters: Sequence[Tensor]) -> list[Tensor]:
    return [one.grad for one in parameters if one.grad is not None]


def _slots(states: Sequence[State], name: str) -> list[Tensor]:
    return [state[name] for state in states]


def _step_tensors(
    group: Group, parameters: list[Tensor], gradients: list[Tensor], states: list[State], clip: Tensor | float
) -> None:
    """Update tensors that have done as many steps; ``clip`` scales the gradients of their sizes."""
    (beta1, beta2), period, step = group["betas"], group["size_update_period"], states[0]["step"]
    deltas, seconds = _slots(states, "delta"), _slots(states, "exp_avg_sq")
    torch._foreach_mul_(deltas, beta1)
    for parameter, gradient, state in zip(parameters, gradients, states, strict=True):
        state["size_grads"][step % period] = torch.dot(parameter.flatten(), gradient.flatten()) * clip
    if step % period == period - 1:
        _update_sizes(group, parameters, states)
    torch._foreach_mul_(seconds, beta2)
    torch._foreach_addcmul_(seconds, gradients, gradients, value=1 - beta2)
    correction = 1 - beta2 ** (step + 1)
    # The official code stops correcting the bias of tensors once it is below 1 %.
    corrected = torch._foreach_div(seconds, correction) if correction < 0.99 else seconds
    denominators = torch._foreach_sqrt(corrected)
    torch._foreach_add_(denominators, group["eps"])
    updates = torch._foreach_div(gradients, denominators)
    pace = -group["lr"] * (1 - beta1)
    sizes = torch.stack(_slots(states, "rms")).clamp(min=group["param_min_rms"]) * pace
    torch._foreach_mul_(updates, list(sizes.unbind()))
    torch._foreach_add_(deltas, updates)
    torch._foreach_add_(parameters, deltas)


def _update_sizes(group: Group, parameters: list[Tensor], states: list[State]) -> None:
    """An Adam step on the logarithm of each tensor's size, from the gradients of the last few steps."""
    (beta1, beta2), period = group["betas"], group["size_update_period"]
    sizes = torch.stack(torch._foreach_norm(parameters))
    sizes = sizes / sizes.new_tensor([one.numel() for one in parameters]).sqrt()
    gradients = torch.stack(_slots(states, "size_grads"))
    beta2 = beta2**period
    seconds = torch.stack(_slots(states, "size_exp_avg_sq")) * beta2 + gradients.square().mean(dim=1) * (1 - beta2)
    correction = 1 - beta2 ** ((states[0]["step"] + 1) // period)
    pace = group["lr"] * group["scalar_lr_scale"]
    changes = gradients.sum(dim=1) / (seconds.sqrt() + group["eps"]) * (-pace * correction**0.5)
    changes = changes.masked_fill(sizes < group["param_min_rms"], 0.0)
    changes = changes.masked_fill(sizes > group["param_max_rms"], -pace * period)
    found = zip(parameters, states, sizes.unbind(), seconds.unbind(), changes.unbind(), strict=True)
    for parameter, state, size, second, change in found:
        state["rms"], state["size_exp_avg_sq"] = size.clone(), second.clone()
        state["delta"].add_(parameter * change, alpha=1 - beta1)


def _step_numbers(
    group: Group, parameters: list[Tensor], gradients: list[Tensor], states: list[State], _clip: Tensor | float
) -> None:
    """Update single numbers that have done as many steps."""
    (beta1, beta2), step = group["betas"], states[0]["step"]
    for parameter, gradient, state in zip(parameters, gradients, states, strict=True):
        second = state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        denominator = (second / (1 - beta2 ** (step + 1))).sqrt().add_(group["eps"])
        delta = state["delta"].mul_(beta1)
        delta.add_(gradient / denominator, alpha=-group["lr"] * group["scalar_lr_scale"] * (1 - beta1))
        parameter.clamp_(-group["scalar_max"], group["scalar_max"])
        parameter.add_(delta)
