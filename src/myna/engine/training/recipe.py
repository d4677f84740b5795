"""How a trainer describes its training to the loop: nets, phases, data, and what a saved file is made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Batch = TypeVar("Batch", bound="DataclassInstance")
Batch_co = TypeVar("Batch_co", bound="DataclassInstance", covariant=True)
Draw = TypeVar("Draw")

Figures = Mapping[str, float | Tensor]
"""What a loss reports by name; single numbers, left on the device (the loop fetches all at once, a step later)."""

_MAX_WARM_STEPS = 100
_LAST_SHARE = 0.05
"""The end of `warm_cosine`, as share of the learning rate."""


@dataclass(frozen=True)
class Moment:
    """Where a training stands. ``epoch`` counts from 1, ``step`` batches and ``updates`` optimiser steps so far."""

    epoch: int
    step: int
    updates: int
    num_batches: int
    """Batches of an epoch, on each device."""
    epochs: int

    @property
    def total_steps(self) -> int:
        """Batches of the whole training."""
        return self.epochs * self.num_batches


class Data(Protocol[Draw, Batch_co]):
    """What a training draws from. An epoch depends on the seed and its number alone, a batch on its draw alone."""

    num_batches: int

    def draws(self, epoch: int) -> Sequence[Draw]:
        """What each of the ``num_batches`` batches of ``epoch`` (from 1) is made of; small, and quick to make."""
        ...

    def load(self, draw: Draw) -> Batch_co:
        """The batch: a dataclass of tensors whose first dimension is the clips.

        Runs in another thread while the device computes: torch's own random numbers are not to be touched here.
        """
        ...

    def clips(self, draw: Draw) -> Sequence[str]:
        """The names of the clips in it, for messages."""
        ...


def num_clips(batch: Any) -> int:
    """The clips in a batch: the length of its first tensor."""
    return next(len(value) for value in _tensors(batch).values())


@dataclass(frozen=True)
class Phase(Generic[Batch]):
    """One optimiser and the loss it follows. A step goes through all phases in order, as a GAN's does.

    ``loss(batch)`` gets the batch on the device, runs under the training's precision with random numbers that depend on
    seed and step alone, and returns the loss and figures. It is called once a step, or once for each part of a batch
    that is too large for the device; in every phase the same parts draw the same random numbers.
    """

    name: str
    module: nn.Module
    """Whose weights this phase changes; those that need no gradient stay."""
    optimiser: Optimizer
    loss: Callable[[Batch], tuple[Tensor, Figures]]
    rate: Callable[[Moment], float] = lambda _: 1.0
    """The schedule: a share of every group's first learning rate, asked before each optimiser step."""
    weigh: Callable[[Batch], float] | None = num_clips
    """What the loss is a mean over (clips, tokens, frames), so that parts add up to the whole; None: it is a sum."""
    max_norm: float | None = None
    """Gradients are clipped to this norm."""

    @property
    def weights(self) -> list[nn.Parameter]:
        """What the optimiser changes."""
        return [weight for group in self.optimiser.param_groups for weight in group["params"]]


def every_batch(index: int, num_batches: int) -> bool:  # noqa: ARG001 (the shape of `Recipe.ends_update`)
    """An optimiser step after each batch."""
    return True


@dataclass(frozen=True)
class Recipe(Generic[Draw, Batch]):
    """One training."""

    modules: Mapping[str, nn.Module]
    """Every net with weights that change, on its device; the state file keeps them under these names."""
    phases: Sequence[Phase[Batch]]
    data: Data[Draw, Batch]
    save: Callable[[Moment], Path]
    """Writes the trained weights and returns their file."""
    identity: Mapping[str, Any] = field(default_factory=dict)
    """What a state must agree with to be gone on from, as JSON: base, clips, rates."""
    sample: Callable[[Path, Path], Path] | None = None
    """Says a sentence with saved weights, into a folder: `sampling.Sampler.say`."""
    takes_over: Callable[[], int | None] | None = None
    """Where there is no state of ours: loads that of another program, and says how many whole epochs it is of."""
    ends_update: Callable[[int, int], bool] = every_batch
    """Whether an optimiser step follows batch ``index`` (from 0) of the ``num_batches`` of an epoch; what is left over
    at an epoch's end goes on in the next one."""


def warm_cosine(moment: Moment) -> float:
    """A schedule: warm-up over a tenth of the steps (100 at most), then a cosine down to a twentieth."""
    total, step = moment.total_steps, moment.step
    warm = min(_MAX_WARM_STEPS, max(total // 10, 1))
    fall = 0.5 * (1 + math.cos(math.pi * min(step / max(total, 1), 1.0)))
    return min(1.0, (step + 1) / warm) * (_LAST_SHARE + (1 - _LAST_SHARE) * fall)


def moved(batch: Batch, device: torch.device) -> Batch:
    """A dataclass of tensors with all of them on ``device``; from pinned memory without waiting."""
    return replace(batch, **{name: value.to(device, non_blocking=True) for name, value in _tensors(batch).items()})


def pinned(batch: Batch) -> Batch:
    """A dataclass of tensors with all of them in memory that a GPU reads by itself."""
    return replace(batch, **{name: value.pin_memory() for name, value in _tensors(batch).items()})


def pieces(batch: Batch, count: int) -> list[Batch]:
    """The batch cut into at most ``count`` parts of nearly as many clips each; padding stays as it is, and so do
    tensors that are not one row for each clip."""
    clips = num_clips(batch)
    tensors = {name: value for name, value in _tensors(batch).items() if value.dim() and len(value) == clips}
    count = min(count, clips)
    if count == 1:
        return [batch]
    edges = [clips * index // count for index in range(count + 1)]
    return [
        replace(batch, **{name: value[first:last] for name, value in tensors.items()})
        for first, last in pairwise(edges)
    ]


def _tensors(batch: Any) -> dict[str, Tensor]:
    values = {one.name: getattr(batch, one.name) for one in fields(batch)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}
