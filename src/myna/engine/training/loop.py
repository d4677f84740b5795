"""The loop both trainings share: steps, schedule, curve, weights every few epochs, and a state that survives a kill.

A step's random numbers depend on the seed and the step's number alone, so a training that was interrupted and resumed
ends with the weights of one that was not.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from myna.checkpoints.native import read_weights, write_weights
from myna.core.errors import BadCheckpoint, TrainingFailed
from myna.core.progress import Progress
from myna.core.workspace import disk_errors, write_text
from myna.engine.device import autocast_type

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Figures = dict[str, float]
Batch_co = TypeVar("Batch_co", covariant=True)
Batch = TypeVar("Batch")
Row = TypeVar("Row", bound="DataclassInstance")

CURVE = "losses.jsonl"
STATE = "state.safetensors"

_BETAS = (0.9, 0.98)
_WEIGHT_DECAY = 0.01
_MAX_NORM = 1.0
_LAST_SHARE = 0.05
"""The schedule's end, as share of the learning rate."""
_MAX_WARM_STEPS = 100
_SAVE_SECONDS = 60.0


class Data(Protocol[Batch_co]):
    """What a training draws from: epochs of batches that depend on the epoch's number alone."""

    num_batches: int

    def epoch(self, number: int) -> Iterator[Batch_co]:
        """The ``num_batches`` batches of epoch ``number``, from 1."""
        ...


@dataclass(frozen=True)
class Plan:
    """How long and how strongly; ``identity`` is what a state must agree with to be gone on from (JSON)."""

    epochs: int
    save_every: int
    learning_rate: float
    seed: int
    identity: dict[str, Any]


class Training:
    """Trains ``net`` on its device.

    ``save`` writes the weights after an epoch, given epoch and step, and returns their path; ``run`` is the folder of
    state and curve.
    """

    def __init__(self, net: nn.Module, plan: Plan, run: Path, save: Callable[[int, int], Path]) -> None:
        self.net, self.plan, self.run, self.save = net, plan, run, save
        self.trained = [weight for weight in net.parameters() if weight.requires_grad]
        self.device = self.trained[0].device
        self.type = autocast_type(self.device)
        self.optimiser = torch.optim.AdamW(
            self.trained, plan.learning_rate, betas=_BETAS, weight_decay=_WEIGHT_DECAY, fused=True
        )
        self.step = self.epoch = self.done = 0
        """Steps so far; whole epochs so far; batches so far of the epoch after them."""

    def train(self, data: Data[Batch], loss: Callable[[Batch], tuple[Tensor, Figures]], progress: Progress) -> Path:
        """Train until the plan's epochs are over, from where an earlier run was stopped; returns the last weights.

        Raises `TrainingFailed` when the loss is no number.
        """
        self._resume()
        total = self.plan.epochs * data.num_batches
        last: Path | None = None
        saved_at = time.monotonic()
        self.net.train()
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            while self.epoch < self.plan.epochs:
                for batch in islice(data.epoch(self.epoch + 1), self.done, None):
                    figures = self._step(batch, loss, total)
                    note = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
                    progress(min(self.step / total, 1.0), f"epoch {self.epoch + 1} of {self.plan.epochs}, {note}")
                    if time.monotonic() - saved_at > _SAVE_SECONDS:
                        self._write_state()
                        saved_at = time.monotonic()
                self.epoch, self.done = self.epoch + 1, 0
                if self.epoch % self.plan.save_every == 0 or self.epoch == self.plan.epochs:
                    last = self.save(self.epoch, self.step)
                self._write_state()
                saved_at = time.monotonic()
        return last or self.save(self.epoch, self.step)

    def rate(self, total: int) -> float:
        """The learning rate of the step to come: warm-up, then a cosine over ``total`` steps."""
        warm = min(_MAX_WARM_STEPS, max(total // 10, 1))
        fall = 0.5 * (1 + math.cos(math.pi * min(self.step / max(total, 1), 1.0)))
        return self.plan.learning_rate * min(1.0, (self.step + 1) / warm) * (_LAST_SHARE + (1 - _LAST_SHARE) * fall)

    def _step(self, batch: Batch, loss: Callable[[Batch], tuple[Tensor, Figures]], total: int) -> Figures:
        torch.manual_seed((self.plan.seed * 1_000_003 + self.step) % 2**63)
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(total)
        with torch.autocast(self.device.type, self.type, enabled=self.type != torch.float32):
            value, figures = loss(batch)
        if not math.isfinite(float(value.detach())):
            raise TrainingFailed(
                f"the loss is not a number after {self.step} steps; lower the learning rate "
                f"(it is {self.plan.learning_rate:g}) or remove broken clips"
            )
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.trained, _MAX_NORM)
        self.optimiser.step()
        self.step += 1
        self.done += 1
        figures = {"loss": float(value.detach())} | figures
        self._draw(figures)
        return figures

    def _draw(self, figures: Figures) -> None:
        """Append one point to the curve."""
        point = {"epoch": self.epoch + 1, "step": self.step} | {key: round(value, 5) for key, value in figures.items()}
        path = self.run / CURVE
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(point) + "\n")

    def _write_state(self) -> None:
        tensors = {f"net.{name}": value for name, value in self.net.state_dict().items()}
        for index, values in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value for name, value in values.items()}
        where = {"step": self.step, "epoch": self.epoch, "done": self.done}
        write_weights(self.run / STATE, tensors, {"identity": self.plan.identity} | where, {})

    def _resume(self) -> None:
        """Go on from the run's state where there is one of this training; begin anew where there is none."""
        path = self.run / STATE
        if path.is_file():
            try:
                state = read_weights(path)
            except BadCheckpoint:
                state = None  # a state that cannot be read is worth as little as none
            if state is not None and state.config.get("identity") == self.plan.identity:
                self._take(state.tensors, state.config)
        self._trim_curve()

    def _take(self, tensors: dict[str, Tensor], where: dict[str, Any]) -> None:
        self.net.load_state_dict({name[4:]: value for name, value in tensors.items() if name.startswith("net.")})
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, index, slot = name.split(".", 2)
                slots.setdefault(int(index), {})[slot] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": slots, "param_groups": groups})
        self.step, self.epoch, self.done = int(where["step"]), int(where["epoch"]), int(where["done"])

    def _trim_curve(self) -> None:
        """Drop the points behind the state: those steps are made again."""
        path = self.run / CURVE
        if not path.is_file():
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = lines[: self.step]
        if kept != lines:
            write_text(path, "".join(kept))


def moved(batch: Row, device: torch.device) -> Row:
    """A dataclass of tensors with all of them on ``device``."""
    tensors = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return replace(batch, **{name: value.to(device) for name, value in tensors.items() if isinstance(value, Tensor)})
