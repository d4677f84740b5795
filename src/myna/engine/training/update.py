"""One optimiser step: the phases over the batches that belong to it, in parts where the device is too small, left out
where a loss is no number, and together with the other devices' batches."""

from __future__ import annotations

import gc
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

import torch
from torch import Tensor

from myna.core.errors import TrainingFailed
from myna.engine.training.hardware import Hardware
from myna.engine.training.recipe import Batch, Moment, Phase, num_clips, pieces
from myna.engine.training.telling import Teller

MAX_BROKEN = 3
"""So many steps in a row whose loss is no number end a training; a single one is left out."""

_SHOWN_CLIPS = 4


@dataclass(frozen=True)
class Waiting(Generic[Batch]):
    """A batch that waits for its optimiser step; ``step`` is its number, from 0.

    ``held`` is the batch on the device, the same for all phases: what one of them keeps for the next is kept by the
    identity of its tensors.
    """

    epoch: int
    step: int
    batch: Batch
    held: Batch
    clips: Sequence[str]

    @property
    def place(self) -> dict[str, float]:
        """Where it stands on the curve."""
        return {"epoch": self.epoch, "step": self.step + 1}


class Updater(Generic[Batch]):
    """Makes the optimiser steps of ``phases``; ``parts`` is into how many parts each batch is cut."""

    def __init__(self, phases: Sequence[Phase[Batch]], hardware: Hardware, seed: int, teller: Teller) -> None:
        self.phases, self.hardware, self.seed, self.teller = phases, hardware, seed, teller
        self.parts = 1
        self.num_broken = 0
        """Steps in a row whose loss was no number."""
        self.is_between_steps = True
        """Whether the weights are those of a whole number of steps."""
        for phase in phases:
            for group in phase.optimiser.param_groups:
                group.setdefault("initial_lr", group["lr"])

    @property
    def rates(self) -> dict[str, float]:
        """The learning rate of each phase's first group."""
        return {phase.name: float(phase.optimiser.param_groups[0]["lr"]) for phase in self.phases}

    def run(self, waiting: Sequence[Waiting[Batch]], moment: Moment) -> list[dict[str, float]] | None:
        """One step of every phase; a point of the curve for each batch, None where the step was left out.

        Whoever calls sets ``is_between_steps`` once it has counted the step. Raises `TrainingFailed` where a single
        clip does not fit the device, or losses are no numbers again and again.
        """
        points = [one.place for one in waiting]
        for phase in self.phases:
            for group in phase.optimiser.param_groups:
                group["lr"] = group["initial_lr"] * phase.rate(moment)
            name = "loss" if len(self.phases) == 1 else phase.name
            found = self._gradients(phase, waiting, name)
            if not all(math.isfinite(figures[name]) for figures in found):
                self._leave_out(waiting, phase)
                return None
            points = [point | figures for point, figures in zip(points, found, strict=True)]
            self.hardware.add_gradients(phase.weights)
            self.is_between_steps = False
            self._step(phase)
        self.num_broken = 0
        return points

    def _gradients(self, phase: Phase[Batch], waiting: Sequence[Waiting[Batch]], name: str) -> list[dict[str, float]]:
        """Leave the gradients of all batches; returns their figures, the loss as ``name``."""
        while True:
            figures: list[dict[str, Tensor]] = []
            try:
                figures = self._tried(phase, waiting, name)
                is_too_large = False
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
                is_too_large = True
            if not self._anywhere(is_too_large):
                return self._fetched(figures)
            phase.optimiser.zero_grad(set_to_none=True)
            self._cut_smaller(waiting)

    def _tried(self, phase: Phase[Batch], waiting: Sequence[Waiting[Batch]], name: str) -> list[dict[str, Tensor]]:
        phase.optimiser.zero_grad(set_to_none=True)
        weights = [1.0 if phase.weigh is None else float(phase.weigh(one.batch)) for one in waiting]
        total = 1.0 if phase.weigh is None else self._everywhere(sum(weights))
        return [self._batch(phase, one, name, weight, total) for one, weight in zip(waiting, weights, strict=True)]

    def _batch(
        self, phase: Phase[Batch], one: Waiting[Batch], name: str, weight: float, total: float
    ) -> dict[str, Tensor]:
        """Add the gradients of one batch, ``weight`` of ``total``; returns its figures."""
        whole: dict[str, Tensor] = {}
        cut = zip(pieces(one.batch, self.parts), pieces(one.held, self.parts), strict=True)
        for number, (piece, held) in enumerate(cut):
            # Weighed here, not on the device: asking that one for a number would stall it.
            own = 1.0 if phase.weigh is None else float(phase.weigh(piece))
            share = own / weight if phase.weigh else num_clips(piece) / num_clips(one.batch)
            self._seed(one.step, number)
            with self.hardware.autocast():
                loss, figures = phase.loss(held)
            self.hardware.backward(loss * (own / total))
            values = {key: self._tensor(value) * share for key, value in figures.items()}
            values |= {name: self._tensor(loss) * (share if phase.weigh else 1.0)}
            for key in sorted(values, key=lambda key: key != name):
                whole[key] = whole[key] + values[key] if key in whole else values[key]
        return whole

    def _tensor(self, value: float | Tensor) -> Tensor:
        if isinstance(value, Tensor):
            return value.detach().float().reshape(())
        return torch.tensor(value, device=self.hardware.device)

    def _seed(self, step: int, part: int) -> None:
        """Random numbers that depend on seed, step, part and device alone: a resumed training draws the same."""
        number = self.seed * 1_000_003 + step + part * 10_000_019 + self.hardware.rank * 1_000_000_007
        torch.manual_seed(number % 2**63)

    def _fetched(self, figures: Sequence[Mapping[str, Tensor]]) -> list[dict[str, float]]:
        """The figures as numbers, the mean over all devices; one transfer for all of them."""
        values = torch.stack([value for one in figures for value in one.values()])
        if self.hardware.count > 1:
            values = self.hardware.sum(values) / self.hardware.count
        numbers = iter(values.tolist())
        return [{name: next(numbers) for name in one} for one in figures]

    def _step(self, phase: Phase[Batch]) -> None:
        try:
            self.hardware.step(phase.optimiser, phase.max_norm)
        except torch.OutOfMemoryError:
            raise TrainingFailed(
                "the optimiser's numbers do not fit the device's memory; train additions of low rank (lora_rank), "
                "a smaller version, or on a larger device"
            ) from None
        phase.optimiser.zero_grad(set_to_none=True)

    def _cut_smaller(self, waiting: Sequence[Waiting[Batch]]) -> None:
        """Cut batches into twice as many parts from now on."""
        most = int(self._everywhere(max(num_clips(one.batch) for one in waiting)) / self.hardware.count)
        if self.parts >= most:
            raise TrainingFailed(
                "a single clip does not fit the device's memory; leave out the longest clips, train additions of low "
                "rank (lora_rank) or a smaller version, or choose device cpu"
            )
        self.parts = min(2 * self.parts, most)
        gc.collect()
        if self.hardware.device.type == "cuda":
            torch.cuda.empty_cache()
        self.teller.note(
            f"batches of {most} clips did not fit the memory at step {waiting[0].step + 1}: since then each goes "
            f"through the device in {self.parts} parts, to the same gradient"
        )

    def _leave_out(self, waiting: Sequence[Waiting[Batch]], phase: Phase[Batch]) -> None:
        """Drop the step's gradients; raises `TrainingFailed` after too many in a row."""
        for one in self.phases:
            one.optimiser.zero_grad(set_to_none=True)
        self.num_broken += 1
        clips = [clip for one in waiting for clip in one.clips]
        shown = ", ".join(clips[:_SHOWN_CLIPS]) + (", ..." if len(clips) > _SHOWN_CLIPS else "")
        what = f"the loss of the {phase.name} is not a number at step {waiting[0].step + 1}"
        what += f" (clips {shown})" if clips else ""
        if self.num_broken < MAX_BROKEN:
            self.teller.note(f"{what}: this step was left out")
            return
        rate = phase.optimiser.param_groups[0]["initial_lr"]
        raise TrainingFailed(
            f"{what}, for the {MAX_BROKEN}rd time in a row; lower the learning rate (it is {rate:g}), choose precision "
            "fp32, or remove broken clips"
        )

    def _anywhere(self, is_so: bool) -> bool:
        return self._everywhere(float(is_so)) > 0

    def _everywhere(self, value: float) -> float:
        """The sum over all devices."""
        if self.hardware.count == 1:
            return value
        return float(self.hardware.sum(torch.tensor(float(value), device=self.hardware.device)))


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device, or the CPU's allocator, had no room."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)
