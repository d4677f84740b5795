"""What a training runs on: one device or several, in which precision. accelerate does it; nothing else here knows it.

Each of several processes computes the gradients of its own batches, and once for every optimiser step they are added
up. One process has no group and pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn
from torch.optim import Optimizer

from myna.core.errors import InstallationError
from myna.core.memory import keep_freed
from myna.core.training import Precision
from myna.engine.training.devices import precision_on

_BUCKET = 16 * 2**20
"""Numbers that travel together between processes."""


class Hardware:
    """``device`` of this process and its ``precision``; ``count`` processes train together, this one is ``rank``."""

    def __init__(self, device: torch.device, precision: Precision) -> None:
        self.device, self.precision = device, precision_on(device, precision)
        # accelerate keeps one state for a whole process, and refuses another precision in it: two trainings in a row
        # may differ. A process group that is there stays.
        AcceleratorState._reset_state(reset_partial_state=True)
        mixed = "no" if self.precision == "fp32" else self.precision
        try:
            self._accelerator = Accelerator(mixed_precision=mixed, cpu=device.type == "cpu")
        except NotImplementedError as error:
            # Some GPUs and drivers cannot talk to each other directly, and have to be told not to try.
            raise InstallationError(" ".join(str(error).split())) from None
        if device.type == "cuda":
            torch.cuda.set_device(device)
        else:
            keep_freed()

    @property
    def count(self) -> int:
        """Processes that train together."""
        return int(self._accelerator.num_processes)

    @property
    def rank(self) -> int:
        """Which of them this is."""
        return int(self._accelerator.process_index)

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[Any]:
        """Matrix products in the precision of this training."""
        context: AbstractContextManager[Any] = self._accelerator.autocast()
        return context

    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradients, scaled where small ones would vanish (fp16)."""
        self._accelerator.backward(loss)

    def step(self, optimiser: Optimizer, max_norm: float | None) -> None:
        """Clip the gradients and let the optimiser step; fp16 leaves out a step whose gradients overflow."""
        weights = [weight for group in optimiser.param_groups for weight in group["params"]]
        scaler = self._accelerator.scaler
        if scaler is not None:
            scaler.unscale_(optimiser)
        if max_norm is not None:
            nn.utils.clip_grad_norm_(weights, max_norm)
        if scaler is None:
            optimiser.step()
            return
        scaler.step(optimiser)
        scaler.update()

    def sum(self, values: Tensor) -> Tensor:
        """``values`` of all processes added up."""
        total: Tensor = self._accelerator.reduce(values, "sum")
        return total

    def add_gradients(self, weights: Sequence[nn.Parameter]) -> None:
        """Every process's gradients become those of all; a weight without any in all of them keeps none."""
        if self.count == 1:
            return
        has = self.sum(torch.tensor([weight.grad is not None for weight in weights], device=self.device).float())
        used = [weight for weight, number in zip(weights, has.tolist(), strict=True) if number]
        for weight in used:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        gradients = [weight.grad for weight in used if weight.grad is not None]
        for bucket in _buckets(gradients):
            whole = self.sum(torch.cat([gradient.reshape(-1) for gradient in bucket]))
            parts = torch.split(whole, [gradient.numel() for gradient in bucket])
            for gradient, part in zip(bucket, parts, strict=True):
                gradient.copy_(part.view_as(gradient))

    def state(self) -> dict[str, Any]:
        """What a state file keeps: how far fp16 scales."""
        scaler = self._accelerator.scaler
        return {} if scaler is None else dict(scaler.state_dict())

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over `state`."""
        if self._accelerator.scaler is not None and state:
            self._accelerator.scaler.load_state_dict(state)


def _buckets(tensors: Sequence[Tensor]) -> list[list[Tensor]]:
    """Tensors of one type each, about `_BUCKET` numbers together."""
    buckets: list[list[Tensor]] = []
    room = 0
    for tensor in sorted(tensors, key=lambda one: str(one.dtype)):
        if not buckets or room < tensor.numel() or buckets[-1][0].dtype != tensor.dtype:
            buckets.append([])
            room = _BUCKET
        buckets[-1].append(tensor)
        room -= tensor.numel()
    return buckets
