"""One training stage: batches that depend on the step's number alone, a schedule over steps, a state that is small.

A stage runs in as many pieces as one likes, each at most ``--budget-minutes`` long, reading and saving included. Every
``--grain`` steps the training is put through its small form (`state`), and pieces end there only: on a CPU two pieces
give the very weights that one gives. Learning rate: warm-up, then constant, then down over the last fifth of
``--steps``; so a training that was stopped before that goes on without a jump when it is given more steps.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from state import Tensors, has_state, packed, read_state, unpack, write_state
from torch import Tensor

from myna.checkpoints.native import read_weights
from myna.core.assets import bundled
from myna.core.memory import keep_freed
from myna.engine.training.recipe import moved, pinned

Figures = dict[str, float]
WARM_UP = 100
"""Steps until the learning rate is full."""
FALL = 0.2
"""Share of the steps, the last, over which the learning rate falls."""
LEAST = 0.03
"""What is left of the learning rate then."""
SUDDEN = 4.0
"""A gradient this many times as large as usual is not followed."""
TELL_EVERY = 25
AHEAD = 3
"""Batches that are ready or being made beside the one that is computed."""
SHIPPED = {"content": "content", "gpt": "gpt", "flow": "sovits", "vocoder": "vocoder"}
"""The file of the bundled base that each stage makes."""
KEPT = Path(__file__).with_name("state")
"""What the repository keeps of the states of the weights that ship: all but these weights."""
_STARTED = time.monotonic()


@dataclass(frozen=True)
class Task:
    """What a stage learns: ``batch_at`` a step, on the CPU, in another thread; its ``loss`` and figures; ``judge`` on
    held-out speakers; ``speak`` fixed sentences into a folder. The latter two find the mean weights in the net.
    ``prepare`` is called before every grain."""

    batch_at: Callable[[int], Any]
    loss: Callable[[Any], tuple[Tensor, dict[str, Tensor]]]
    judge: Callable[[], Figures]
    speak: Callable[[Path], None] = lambda folder: None  # noqa: ARG005
    prepare: Callable[[], None] = lambda: None


def stage_options(parser: argparse.ArgumentParser, steps: int, learning_rate: float) -> None:
    """The options that all stages share."""
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=steps, help="steps of the whole stage")
    parser.add_argument("--budget-minutes", type=float, default=1e9, help="end this piece before, to go on later")
    parser.add_argument("--learning-rate", type=float, default=learning_rate)
    parser.add_argument("--save-minutes", type=float, default=4.0)
    parser.add_argument("--grain", type=int, default=100, help="pieces end at multiples of so many steps")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--no-compile", action="store_true", help="on a GPU: do not compile the layers")
    parser.add_argument("--from-shipped", action="store_true", help="begin with the weights that ship")


class Stage:
    """Trains ``net``, going on from what is in the work folder."""

    def __init__(self, name: str, net: torch.nn.Module, options: argparse.Namespace) -> None:
        self.name, self.net, self.options = name, net, options
        self.device = torch.device(options.device)
        if self.device.type == "cpu":
            keep_freed()
        net.to(self.device)
        self.folder = options.work / "state" / name
        self.metrics = self.folder / "metrics.jsonl"
        self.trained = [p for p in net.parameters() if p.requires_grad]
        self.optim = torch.optim.AdamW(self.trained, lr=options.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
        weights = net.state_dict()
        self.average: Tensors = {k: v.detach().clone() for k, v in weights.items()}
        moving = [k for k, v in weights.items() if v.is_floating_point()]
        self._moving = [self.average[k] for k in moving], [weights[k] for k in moving]
        self.step, self.spent, self.steepness = 0, 0.0, 1.0
        self._small: tuple[Tensors, dict[str, Any]] | None = None
        if has_state(self.folder):
            self._take(*read_state(self.folder))
            self._forget_after()
        elif options.from_shipped:
            self._take(*shipped_state(name))

    @property
    def done(self) -> float:
        """Share of the stage's steps that is over, 0 to 1."""
        return min(self.step / self.options.steps, 1.0)

    def compile(self, layers: torch.nn.Module) -> None:
        """On a GPU make one graph of ``layers`` for all lengths: they are small, and launching them takes longer."""
        if self.device.type == "cuda" and not self.options.no_compile:
            layers.compile(dynamic=True)

    def rate(self) -> float:
        """The learning rate of the coming step."""
        warm = min(1.0, (self.step + 1) / WARM_UP)
        fall = min(1.0, LEAST + (1 - LEAST) * (1 - self.done) / FALL)
        return float(self.options.learning_rate * warm * fall)

    def train(self, task: Task) -> None:
        """Run steps until the stage's steps or the piece's minutes are over, and save."""
        begun, before = time.monotonic(), self.spent
        saved_at, reserve, grain_s = begun, 60.0, 0.0
        self.net.train()
        while self.step < self.options.steps:
            grain_at = time.monotonic()
            task.prepare()
            until = min(self.step + self.options.grain - self.step % self.options.grain, self.options.steps)
            self._run(task, until)
            self._settle()
            now = time.monotonic()
            grain_s, self.spent = now - grain_at, before + now - begun
            if now - _STARTED + grain_s + reserve > self.options.budget_minutes * 60:
                break
            if now - saved_at > self.options.save_minutes * 60:
                self.save(task)
                saved_at, reserve = time.monotonic(), 1.5 * (time.monotonic() - now)
        self.save(task)

    def _run(self, task: Task, until: int) -> None:
        recent: list[dict[str, Tensor]] = []
        for batch in _ahead(task.batch_at, range(self.step, until), pins=self.device.type == "cuda"):
            torch.manual_seed(self.step)
            for group in self.optim.param_groups:
                group["lr"] = self.rate()
            with torch.autocast(self.device.type, torch.bfloat16):
                loss, figures = task.loss(moved(batch, self.device))
            self.optim.zero_grad(set_to_none=True)
            loss.backward()
            steepness = torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
            # A batch that would throw the net off its course is passed over.
            if steepness.isfinite() and (self.step < WARM_UP or steepness < SUDDEN * self.steepness):
                self.optim.step()
                self.steepness += 0.05 * (min(float(steepness), SUDDEN * self.steepness) - self.steepness)
            self.step += 1
            self._average()
            recent.append(figures)
            if self.step % TELL_EVERY == 0:
                told = [f for f in recent if f.keys() == figures.keys()]
                self._tell({k: float(sum(f[k] for f in told)) / len(told) for k in figures})
                recent.clear()

    @torch.no_grad()
    def _average(self) -> None:
        """Exponential mean of the weights over about the last hundreds of steps: what is shipped."""
        decay = min(0.998, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(*self._moving, 1 - decay)

    def _packed(self) -> tuple[Tensors, dict[str, Any]]:
        about = {"step": self.step, "spent": round(self.spent, 1), "steepness": self.steepness}
        return packed("", self.net, self.average, self.optim), about

    def _take(self, tensors: Tensors, about: dict[str, Any]) -> None:
        self.step, self.spent, self.steepness = about["step"], about["spent"], about["steepness"]
        unpack(tensors, "", self.net, self.average, self.optim, self.step)

    def _settle(self) -> None:
        """Go on with what a state of now gives back; that is the state which is written."""
        self._small = self._packed()
        self._take(*self._small)

    def _tell(self, figures: Figures) -> None:
        row = {"step": self.step, "minutes": round(self.spent / 60, 2), "rate": self.rate()}
        row |= {k: round(v, 4) for k, v in figures.items()}
        print(json.dumps(row), flush=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def _forget_after(self) -> None:
        """Leave out of the metrics what a killed piece told of steps behind the state."""
        if self.metrics.is_file():
            lines = self.metrics.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if json.loads(line)["step"] <= self.step]
            self.metrics.write_text("".join(kept), encoding="utf-8")

    def save(self, task: Task) -> None:
        """Write the state, judge the mean weights on held-out speakers, and speak with them."""
        tensors, about = self._small or self._packed()
        write_state(self.folder, tensors, about | {"spent": round(self.spent, 1)})
        with mean_weights(self):
            self._tell({f"held_{k}": v for k, v in task.judge().items()})
            folder = self.options.work / "samples" / self.name / f"{self.step:07d}"
            folder.mkdir(parents=True, exist_ok=True)
            task.speak(folder)


class mean_weights:  # noqa: N801 (used as a statement)
    """While it lasts, the stage's net has the mean weights, and is not training."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def __enter__(self) -> None:
        self.kept = {k: v.clone() for k, v in self.stage.net.state_dict().items()}
        self.stage.net.load_state_dict(self.stage.average)
        self.stage.net.eval()

    def __exit__(self, *raised: object) -> None:
        self.stage.net.load_state_dict(self.kept)
        self.stage.net.train()


def shipped_state(name: str) -> tuple[Tensors, dict[str, Any]]:
    """The state of the weights that ship: these as mean, and what the repository keeps beside them."""
    shipped = read_weights(bundled(f"lite/{SHIPPED[name]}.safetensors")).tensors
    tensors, about = {f"mean.{k}": v for k, v in shipped.items()}, {"step": 0, "spent": 0.0, "steepness": 1.0}
    if has_state(KEPT / name):
        kept, about = read_state(KEPT / name)
        tensors |= kept
    return tensors, about


def mean_of(name: str, work: Path) -> Tensors:
    """The mean weights of a stage as trained so far, in float32; without a state those that ship."""
    folder = work / "state" / name
    tensors = (read_state(folder) if has_state(folder) else shipped_state(name))[0]
    means = {k.removeprefix("mean."): v for k, v in tensors.items() if k.startswith("mean.")}
    return {k: v.float() if v.is_floating_point() else v for k, v in means.items()}


def without_weights(tensors: Tensors) -> Tensors:
    """Of a state what lies beside the weights that ship: the second moments and the judges, some hundred kilobytes."""
    return {name: value for name, value in tensors.items() if name.startswith(("square", "judges."))}


def _ahead(batch_at: Callable[[int], Any], steps: range, *, pins: bool) -> Iterator[Any]:
    """The batches of ``steps`` in turn, made ready by one other thread."""

    def made(step: int) -> Any:
        batch = batch_at(step)
        return pinned(batch) if pins else batch

    waiting: list[Future[Any]] = []
    with ThreadPoolExecutor(1) as pool:
        for step in steps:
            waiting.append(pool.submit(made, step))
            if len(waiting) > AHEAD:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
