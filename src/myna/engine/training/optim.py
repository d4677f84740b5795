"""The optimiser of the official text-to-semantic trainer: ScaledAdam (Povey, icefall 2022), and its learning rate.

An Adam whose steps are proportional to each tensor's own root mean square, and which also learns that size, every few
steps, from the gradient along the tensor itself. Single numbers take plain Adam steps at a tenth of the rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

FIRST_LEARNING_RATE = 0.01
LEARNING_RATE = 0.002


def learning_rate(num_steps_done: int) -> float:
    """The official schedule: the very first step runs at 0.01, every later one at 0.002, whatever the config says."""
    return FIRST_LEARNING_RATE if num_steps_done == 0 else LEARNING_RATE


class ScaledAdam(Optimizer):
    """ScaledAdam with the official trainer's settings; every parameter needs a dense gradient or none.

    ``scalar_lr_scale`` is the share of ``lr`` for single numbers and for sizes; ``param_min_rms`` and
    ``param_max_rms`` bound the sizes that are learned, ``scalar_max`` bounds single numbers; sizes are learned every
    ``size_update_period`` steps. ``clipping_scale`` times the median gradient norm of the last
    ``clipping_update_period`` steps is the norm above which gradients are clipped.
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
            parameters = [one for one in group["params"] if one.grad is not None]
            for one in parameters:
                if not self.state[one]:
                    self._prepare(group, one)
            if not parameters:
                continue
            clip = self._clipping_factor(group, parameters)
            for one in parameters:
                self._step_one(group, one, clip)
        return loss

    def _prepare(self, group: dict[str, Any], parameter: Tensor) -> None:
        state = self.state[parameter]
        state["step"] = 0
        state["delta"] = torch.zeros_like(parameter)
        state["exp_avg_sq"] = torch.zeros_like(parameter)
        if parameter.numel() > 1:
            state["rms"] = _root_mean_square(parameter)
            state["size_grads"] = parameter.new_zeros(group["size_update_period"])
            state["size_exp_avg_sq"] = parameter.new_zeros(())

    def _step_one(self, group: dict[str, Any], parameter: Tensor, clip: float) -> None:
        state, gradient = self.state[parameter], cast(Tensor, parameter.grad)
        beta1, beta2 = group["betas"]
        step = state["step"]
        delta = state["delta"].mul_(beta1)
        if parameter.numel() > 1:
            # The official code clips only this gradient, of the sizes; the main update below takes the raw one.
            period = group["size_update_period"]
            state["size_grads"][step % period] = (parameter * gradient).sum() * clip
            if step % period == period - 1:
                state["rms"] = _root_mean_square(parameter)
                self._update_size(group, parameter, state)
        second = state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        correction = 1 - beta2 ** (step + 1)
        if parameter.numel() > 1:
            # The official code stops correcting the bias of tensors once it is below 1 %.
            denominator = (second / correction if correction < 0.99 else second).sqrt().add_(group["eps"])
            pace = state["rms"].clamp(min=group["param_min_rms"]) * -(group["lr"] * (1 - beta1))
            delta.add_(gradient / denominator * pace)
        else:
            denominator = (second / correction).sqrt().add_(group["eps"])
            delta.add_(gradient / denominator, alpha=-group["lr"] * group["scalar_lr_scale"] * (1 - beta1))
            parameter.clamp_(-group["scalar_max"], group["scalar_max"])
        parameter.add_(delta)
        state["step"] = step + 1

    @staticmethod
    def _update_size(group: dict[str, Any], parameter: Tensor, state: dict[str, Any]) -> None:
        """An Adam step on the logarithm of the tensor's size, from the gradients of the last few steps."""
        beta1, beta2 = group["betas"]
        period = group["size_update_period"]
        pace = group["lr"] * group["scalar_lr_scale"]
        beta2 = beta2**period
        second = state["size_exp_avg_sq"]
        second.mul_(beta2).add_((state["size_grads"] ** 2).mean(), alpha=1 - beta2)
        correction = 1 - beta2 ** ((state["step"] + 1) // period)
        change = state["size_grads"].sum() / (second.sqrt() + group["eps"]) * (-pace * correction**0.5)
        change = change.masked_fill(state["rms"] < group["param_min_rms"], 0.0)
        change = change.masked_fill(state["rms"] > group["param_max_rms"], -pace * period)
        state["delta"].add_(parameter * change, alpha=1 - beta1)

    def _clipping_factor(self, group: dict[str, Any], parameters: list[Tensor]) -> float:
        """At most 1: threshold over this step's gradient norm, once a whole period of norms is known."""
        first = self.state[parameters[0]]
        step, period = first["step"], group["clipping_update_period"]
        if step == 0:
            return 1.0
        squares = []
        for parameter in parameters:
            # Tensors count in units of their own size, single numbers as they are.
            scale = self.state[parameter].get("rms", 1.0)
            squares.append((parameter.grad * scale).square().sum())
        norm = torch.stack(squares).sum().sqrt()
        if "norms" not in first:
            first["norms"] = norm.new_zeros(period)
        first["norms"][step % period] = norm
        if step % period == 0:
            first["norm_limit"] = group["clipping_scale"] * float(first["norms"].sort().values[period // 4 * 2])
        if "norm_limit" not in first:
            return 1.0
        limit: float = first["norm_limit"]
        return min(1.0, limit / (float(norm) + 1e-20))


def _root_mean_square(tensor: Tensor) -> Tensor:
    return tensor.square().mean().sqrt()
