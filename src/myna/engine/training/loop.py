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
        sample=Sampler(dataset, version, plan, "sovits").say,                # a sentence at every save
        identity={"base": ..., "rows": ..., "batch_size": ...},
        ends_update=every_batch,         # or after every fourth: gradient accumulation
        takes_over=...,                  # loads another program's state, where there is one and none of ours
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

import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Generic

import torch

from myna.core.errors import Cancelled, MynaError
from myna.core.progress import Progress
from myna.core.training import TrainingPlan
from myna.core.weight_files import others_of
from myna.core.workspace import clear_unfinished
from myna.engine.training.checks import check_data
from myna.engine.training.hardware import Hardware
from myna.engine.training.on_demand import SaveRequests
from myna.engine.training.prefetch import prefetched
from myna.engine.training.recipe import Batch, Draw, Moment, Recipe, moved, num_clips
from myna.engine.training.state import STATE, optimisers_of, read_state, write_state
from myna.engine.training.telling import Teller
from myna.engine.training.update import Updater, Waiting

_SAVE_SECONDS = 60.0
_SAVE_SHARE = 0.05
"""Writing states takes at most this share of the time."""


class Training(Generic[Draw, Batch]):
    """One training of ``recipe`` by ``plan``; ``run`` is the folder of its state, curve and notes."""

    def __init__(self, recipe: Recipe[Draw, Batch], plan: TrainingPlan, run: Path) -> None:
        self.recipe, self.plan, self.run = recipe, plan, run
        self.hardware = Hardware(recipe.phases[0].weights[0].device, plan.precision)
        self.num_batches = -(-recipe.data.num_batches // self.hardware.count)
        """Batches of an epoch, on each device."""
        self.teller = Teller(run, plan.epochs, self.num_batches)
        self.updater = Updater(recipe.phases, self.hardware, plan.seed, self.teller)
        self.requests = SaveRequests(run)
        self.epoch = self.done = self.step = self.updates = 0
        """Whole epochs, batches of the one after them, batches, optimiser steps, all up to the last optimiser step."""
        self.waiting: list[Waiting[Batch]] = []
        """Batches since then."""
        self._saved_at = self._save_took = 0.0

    def train(self, progress: Progress) -> Path:
        """Train until the plan's epochs are over, from where an earlier run was stopped; returns the last weights, in
        other processes than the first, which write nothing, the training's folder.

        What is worth telling a person is left for `telling.notes_of`. A `Cancelled` of ``progress`` leaves a state.
        Raises `TrainingFailed` when there are too few clips, losses are no numbers, a single clip is too large for the
        device, or no optimiser step would ever be made, and `WorkspaceError`, the former state and weights untouched,
        where a disk is full.
        """
        notes = check_data(self.recipe, self.plan, self.num_batches)
        self._resume()
        for note in notes:
            self.teller.note(note)
        for module in self.recipe.modules.values():
            module.train()
        devices = [self.hardware.device] if self.hardware.device.type == "cuda" else []
        try:
            with torch.random.fork_rng(devices=devices), self.requests.listening():
                return self._epochs(progress)
        except (Cancelled, KeyboardInterrupt):
            # A signal may come at any moment; between an optimiser's step and its being counted there is no state.
            if self.updater.is_between_steps:
                self._write_state()
            raise
        finally:
            if self.hardware.is_first:
                self.teller.end()

    def _epochs(self, progress: Progress) -> Path:
        last: Path | None = None
        for epoch in range(self.epoch + 1, self.plan.epochs + 1):
            self._train_epoch(epoch, progress)
            is_due = self.hardware.is_first and (epoch % self.plan.save_every == 0 or epoch == self.plan.epochs)
            last = self._save(epoch) if is_due else last
            self._write_state()
            if is_due and last is not None:
                self._speak(last)
        if last is None and self.hardware.is_first:
            last = self.recipe.save(self._moment(self.plan.epochs))
        return last or self.run

    def _train_epoch(self, epoch: int, progress: Progress) -> None:
        data, hardware = self.recipe.data, self.hardware
        first = self.done if epoch == self.epoch + 1 else 0
        drawn = data.draws(epoch)
        draws = [
            drawn[(index * hardware.count + hardware.rank) % len(drawn)] for index in range(first, self.num_batches)
        ]
        with closing(prefetched(data.load, draws, pins=hardware.device.type == "cuda")) as batches:
            for index, (draw, batch) in enumerate(zip(draws, batches, strict=True), start=first):
                held = moved(batch, hardware.device)
                self.waiting.append(Waiting(epoch, self.step + len(self.waiting), batch, held, data.clips(draw)))
                if self.recipe.ends_update(index, self.num_batches):
                    self._update(epoch, index, progress)
        if not self.waiting:
            self.epoch, self.done = epoch, 0

    def _update(self, epoch: int, index: int, progress: Progress) -> None:
        """The optimiser's step behind batch ``index``, counted, told, and saved where that is due."""
        points = self.updater.run(self.waiting, self._moment(epoch))
        seen, points = self.waiting, points or [one.place for one in self.waiting]
        self.step, self.updates, self.waiting = self.step + len(seen), self.updates + 1, []
        self.epoch, self.done = epoch - 1, index + 1
        self.updater.is_between_steps = True
        if self.hardware.is_first:
            self._tell(seen, points, progress)
            self._save_when_due(epoch)

    def _tell(self, seen: Sequence[Waiting[Batch]], points: Sequence[dict[str, float]], progress: Progress) -> None:
        clips = sum(num_clips(one.batch) for one in seen) * self.hardware.count
        self.teller.points(points, self.updater.rates, clips)
        self.teller.progress(points[-1], progress)

    def _moment(self, epoch: int) -> Moment:
        """Now, in ``epoch`` (from 1)."""
        step = self.step + len(self.waiting)
        return Moment(epoch, step, self.updates, self.num_batches, self.plan.epochs)

    def _save_when_due(self, epoch: int) -> None:
        if self.requests.taken():
            path = self._save(epoch)
            self._write_state()
            self._speak(path)
        elif time.monotonic() - self._saved_at > max(_SAVE_SECONDS, self._save_took / _SAVE_SHARE):
            self._write_state()

    def _save(self, epoch: int) -> Path:
        """Write the weights, and the picture of the losses."""
        path = self.recipe.save(self._moment(epoch))
        clear_unfinished(path.parent)
        if self.plan.keep_latest:
            for older in others_of(path):
                older.unlink(missing_ok=True)
        self.teller.draw()
        self.teller.paused()
        return path

    def _speak(self, weights: Path) -> None:
        """Let the weights speak. Training goes on where they cannot."""
        if self.recipe.sample is None or not self.plan.sample_text:
            return
        try:
            self.recipe.sample(weights, self.run)
        except Cancelled:
            raise
        except (MynaError, torch.OutOfMemoryError) as error:
            self.teller.note(f"{weights.name} was not let speak: {error}")
        self.teller.paused()

    def _write_state(self) -> None:
        if not self.hardware.is_first:
            return
        begun = time.monotonic()
        place = {"epoch": self.epoch, "done": self.done, "step": self.step, "updates": self.updates}
        kept = {"parts": self.updater.parts, "scaler": self.hardware.state(), "notes": self.teller.notes}
        optimisers = optimisers_of(self.recipe.phases)
        write_state(self.run / STATE, self.recipe.modules, optimisers, self._identity(), place | kept)
        self._saved_at = time.monotonic()
        self._save_took = self._saved_at - begun
        self.teller.paused()

    def _resume(self) -> None:
        """Go on from the run's state where there is one of this training; begin anew where there is none."""
        optimisers = optimisers_of(self.recipe.phases)
        place = read_state(self.run / STATE, self.recipe.modules, optimisers, self._identity())
        if place is not None:
            self.epoch, self.done = int(place["epoch"]), int(place["done"])
            self.step, self.updates = int(place["step"]), int(place["updates"])
            self.updater.parts = int(place["parts"])
            self.hardware.load_state(place["scaler"])
        elif self.recipe.takes_over is not None and (epochs := self.recipe.takes_over()) is not None:
            self.epoch, self.step = epochs, epochs * self.num_batches
            self.updates = self.step
        if self.hardware.is_first:
            clear_unfinished(self.run)
            self.teller.begin(self.step, place["notes"] if place else [])
            if place is None and self.epoch:
                self.teller.note(f"goes on behind epoch {self.epoch} of another program's training")
        self._saved_at = time.monotonic()

    def _identity(self) -> dict[str, Any]:
        """What decides the numbers of a training: the trainer's own, and what the loop does with them."""
        plan = self.plan
        own = {"batch_size": plan.batch_size, "seed": plan.seed, "recipe": plan.recipe}
        hardware = {"precision": self.hardware.precision, "devices": self.hardware.count}
        return dict(self.recipe.identity) | own | hardware
