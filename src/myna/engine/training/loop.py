"""The loop that every training goes through: epochs, steps, precision, devices, curve, saved weights, and a state that
survives a kill.

How a trainer plugs in
----------------------
A trainer is one function, ``train_xxx(dataset, weights, *, version, plan, progress) -> Path`` (``plan`` is a
`core.training.TrainingPlan`, or the trainer's own kind of it: a further parameter is one more field there, and nowhere
else). It loads its nets onto ``plan``'s device, reads its clips, builds its optimisers, and describes all of it as one
`Recipe` (``recipe.py``)::

    recipe = Recipe(
        modules={"generator": generator, "discriminator": discriminator},     # kept in the state file
        phases=[                                                             # a step goes through them in order
            Phase("discriminator", discriminator, AdamW(...), discriminator_loss, rate=by_epoch(0.999875)),
            Phase("generator", generator, AdamW(groups), generator_loss, rate=by_epoch(0.999875)),
        ],
        data=data,                       # draws(epoch) and load(draw), see `Data`
        save=save,                       # writes weights at a `Moment`, returns their file
        identity={"base": ..., "rows": ..., "batch_size": ...},
        ends_update=every_batch,         # or after every fourth: gradient accumulation
    )
    return Training(recipe, plan, run_folder).train(progress)

- A loss is called with a batch that is on the device, under autocast, its random numbers seeded by seed and step
  alone: draw with torch only, never with ``random``. It returns ``(loss, figures)``; leave figures on the device (a
  ``float()`` in a loss stalls the GPU), the loop fetches them all at once. It must not touch ``.grad``.
- Groups of an optimiser keep the rate they are made with; `Phase.rate` is a share of it, a plain function of the
  `Moment`, so nothing of a schedule is in the state. Any optimiser will do whose state is tensors and numbers.
- ``weigh`` says what the loss is a mean over; then a batch that does not fit the device, cut into parts, gives the
  same gradient, and so do several batches of one update and several devices. None says that the loss is a sum.
- What a phase computes for the next one (a GAN's forward) may be kept by the batch's identity and must be computed
  again where another object comes: parts of a batch draw the same numbers in every phase.
- Weights that need no gradient (``requires_grad`` False outside a loss) are the base's and are not in the state.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic

import torch
from torch import Tensor, nn

from myna.core.errors import TrainingFailed
from myna.core.progress import Progress
from myna.core.training import TrainingPlan
from myna.core.workspace import disk_errors, write_text
from myna.engine.device import autocast_type
from myna.engine.training.recipe import Batch, Draw, Figures, Moment, Phase, Recipe, moved
from myna.engine.training.state import STATE, optimisers_of, read_state, write_state

CURVE = "losses.jsonl"

_SAVE_SECONDS = 60.0


class Training(Generic[Draw, Batch]):
    """One training of ``recipe`` by ``plan``; ``run`` is the folder of its state and curve."""

    def __init__(self, recipe: Recipe[Draw, Batch], plan: TrainingPlan, run: Path) -> None:
        self.recipe, self.plan, self.run = recipe, plan, run
        self.device = recipe.phases[0].weights[0].device
        self.type = autocast_type(self.device)
        self.epoch = self.done = self.step = self.updates = 0
        """Whole epochs, batches of the one after them, batches, optimiser steps, all up to the last optimiser step."""
        self.waiting: list[tuple[int, Batch]] = []
        """Batches since then, with their epoch."""
        for phase in recipe.phases:
            for group in phase.optimiser.param_groups:
                group.setdefault("initial_lr", group["lr"])

    @property
    def num_batches(self) -> int:
        """Batches of an epoch."""
        return self.recipe.data.num_batches

    def moment(self, epoch: int) -> Moment:
        """Now, in ``epoch`` (from 1)."""
        step = self.step + len(self.waiting)
        return Moment(epoch, step, self.updates, self.num_batches, self.plan.epochs)

    def train(self, progress: Progress) -> Path:
        """Train until the plan's epochs are over, from where an earlier run was stopped; returns the last weights.

        Raises `TrainingFailed` when the loss is no number, or no optimiser step would ever be made.
        """
        if not any(self.recipe.ends_update(index, self.num_batches) for index in range(self.num_batches)):
            raise TrainingFailed(f"an epoch of {self.num_batches} batches makes no step; lower batch_size or add clips")
        self._resume()
        last: Path | None = None
        self.saved_at = time.monotonic()
        for module in self.recipe.modules.values():
            module.train()
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            for epoch in range(self.epoch + 1, self.plan.epochs + 1):
                self._train_epoch(epoch, progress)
                if epoch % self.plan.save_every == 0 or epoch == self.plan.epochs:
                    last = self.recipe.save(self.moment(epoch))
                self._write_state()
        return last or self.recipe.save(self.moment(self.epoch))

    def _train_epoch(self, epoch: int, progress: Progress) -> None:
        draws = self.recipe.data.draws(epoch)
        for index in range(self.done if epoch == self.epoch + 1 else 0, self.num_batches):
            self.waiting.append((epoch, self.recipe.data.load(draws[index])))
            if not self.recipe.ends_update(index, self.num_batches):
                continue
            points = self._update(self.moment(epoch))
            self.step += len(self.waiting)
            self.waiting.clear()
            self.updates += 1
            self.epoch, self.done = epoch - 1, index + 1
            self._draw(points)
            self._tell(points[-1], progress)
            if time.monotonic() - self.saved_at > _SAVE_SECONDS:
                self._write_state()
        if not self.waiting:
            self.epoch, self.done = epoch, 0

    def _update(self, moment: Moment) -> list[dict[str, float]]:
        """One optimiser step of every phase on the batches that wait; returns a point of the curve for each."""
        batches = [batch for _, batch in self.waiting]
        found: list[dict[str, float]] = [{} for _ in batches]
        for phase in self.recipe.phases:
            for index, (loss, figures) in enumerate(self._phase(phase, batches, moment)):
                name = "loss" if len(self.recipe.phases) == 1 else phase.name
                found[index] |= {name: loss} | {key: float(value) for key, value in figures.items()}
        places = [{"epoch": epoch, "step": self.step + 1 + index} for index, (epoch, _) in enumerate(self.waiting)]
        return [place | point for place, point in zip(places, found, strict=True)]

    def _phase(self, phase: Phase[Batch], batches: Sequence[Batch], moment: Moment) -> list[tuple[float, Figures]]:
        for group in phase.optimiser.param_groups:
            group["lr"] = group["initial_lr"] * phase.rate(moment)
        phase.optimiser.zero_grad(set_to_none=True)
        weights = [1.0 if phase.weigh is None else phase.weigh(batch) for batch in batches]
        total = 1.0 if phase.weigh is None else sum(weights)
        results = []
        for index, (batch, weight) in enumerate(zip(batches, weights, strict=True)):
            torch.manual_seed((self.plan.seed * 1_000_003 + self.step + index) % 2**63)
            with torch.autocast(self.device.type, self.type, enabled=self.type != torch.float32):
                loss, figures = phase.loss(moved(batch, self.device))
            value = self._checked(loss)
            (loss * (weight / total)).backward()  # type: ignore[no-untyped-call]
            results.append((value, figures))
        if phase.max_norm is not None:
            nn.utils.clip_grad_norm_(phase.weights, phase.max_norm)
        phase.optimiser.step()
        return results

    def _checked(self, loss: Tensor) -> float:
        value = float(loss.detach())
        if not math.isfinite(value):
            rate = self.recipe.phases[0].optimiser.param_groups[0]["initial_lr"]
            raise TrainingFailed(
                f"the loss is not a number after {self.step} steps; lower the learning rate "
                f"(it is {rate:g}) or remove broken clips"
            )
        return value

    def _tell(self, point: dict[str, Any], progress: Progress) -> None:
        shown = ", ".join(f"{name} {value:.3f}" for name, value in point.items() if name not in ("epoch", "step"))
        total = self.plan.epochs * self.num_batches
        progress(min(self.step / total, 1.0), f"epoch {point['epoch']} of {self.plan.epochs}, {shown}")

    def _draw(self, points: Sequence[dict[str, float]]) -> None:
        """Append to the curve."""
        path = self.run / CURVE
        lines = [json.dumps({key: round(value, 5) for key, value in point.items()}) + "\n" for point in points]
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write("".join(lines))

    def _write_state(self) -> None:
        place = {"epoch": self.epoch, "done": self.done, "step": self.step, "updates": self.updates}
        optimisers = optimisers_of(self.recipe.phases)
        write_state(self.run / STATE, self.recipe.modules, optimisers, self._identity(), place)
        self.saved_at = time.monotonic()

    def _resume(self) -> None:
        """Go on from the run's state where there is one of this training; begin anew where there is none."""
        optimisers = optimisers_of(self.recipe.phases)
        place = read_state(self.run / STATE, self.recipe.modules, optimisers, self._identity())
        if place is not None:
            self.epoch, self.done = int(place["epoch"]), int(place["done"])
            self.step, self.updates = int(place["step"]), int(place["updates"])
        self._trim_curve()

    def _identity(self) -> dict[str, Any]:
        """What decides the numbers of a training, beside the trainer's own."""
        plan = self.plan
        own = {"batch_size": plan.batch_size, "seed": plan.seed, "recipe": plan.recipe}
        return dict(self.recipe.identity) | own

    def _trim_curve(self) -> None:
        """Drop the points behind the state: those steps are made again."""
        path = self.run / CURVE
        if not path.is_file():
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = lines[: self.step]
        if kept != lines:
            write_text(path, "".join(kept))
