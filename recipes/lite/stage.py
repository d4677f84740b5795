"""One training stage: steps that depend on their number alone, a schedule over minutes, state that survives kills."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch

Figures = dict[str, float]
WARM_UP = 100
"""Steps until the learning rate is full."""
SUDDEN = 4.0
"""A gradient this many times as large as usual is not followed."""


class Stage:
    """Trains ``net`` for ``--minutes`` of computing, in as many runs as one likes (``--budget-minutes`` each)."""

    def __init__(self, name: str, net: torch.nn.Module, options: argparse.Namespace) -> None:
        self.name, self.net, self.options = name, net, options
        self.device = torch.device(options.device)
        net.to(self.device)
        self.state = options.work / f"{name}.pt"
        self.metrics = options.work / f"{name}.metrics.jsonl"
        trained = [p for p in net.parameters() if p.requires_grad]
        self.optim = torch.optim.AdamW(trained, lr=options.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.trained = trained
        self.average = {k: v.detach().clone().float() for k, v in net.state_dict().items()}
        self.step, self.spent, self.steepness = 0, 0.0, 1.0
        torch.manual_seed(0)
        if self.state.exists():
            saved = torch.load(self.state, weights_only=True, map_location=self.device)
            net.load_state_dict(saved["net"])
            if "optim" in saved:
                self.optim.load_state_dict(saved["optim"])
            self.average, self.step, self.spent = saved["average"], saved["step"], saved["spent"]

    @staticmethod
    def options(parser: argparse.ArgumentParser, minutes: float, learning_rate: float) -> None:
        """The options that all stages share."""
        parser.add_argument("--work", type=Path, required=True)
        parser.add_argument("--minutes", type=float, default=minutes, help="computing time of the whole stage")
        parser.add_argument(
            "--budget-minutes", type=float, default=1e9, help="stop this run after so many, to go on later"
        )
        parser.add_argument("--learning-rate", type=float, default=learning_rate)
        parser.add_argument("--save-minutes", type=float, default=4.0)
        parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")

    @property
    def done(self) -> float:
        """Share of the stage's minutes that is over, 0 to 1."""
        return min(self.spent / (self.options.minutes * 60), 1.0)

    def rate(self) -> float:
        """Warm-up over 100 steps, then a cosine over the stage's minutes, down to 3 %."""
        warm = min(1.0, (self.step + 1) / WARM_UP)
        return self.options.learning_rate * warm * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * self.done)))

    def train(self, loss_at: Callable[[int], tuple[torch.Tensor, Figures]], judge: Callable[[], Figures]) -> None:
        """Run steps until the stage's or the run's minutes are over."""
        begun, before, saved_at = time.monotonic(), self.spent, time.monotonic()
        recent: list[Figures] = []
        self.net.train()
        while self.spent < self.options.minutes * 60 and time.monotonic() - begun < self.options.budget_minutes * 60:
            torch.manual_seed(self.step)
            for group in self.optim.param_groups:
                group["lr"] = self.rate()
            with torch.autocast(self.device.type, torch.bfloat16):
                loss, figures = loss_at(self.step)
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
            self.spent = before + time.monotonic() - begun
            if self.step % 25 == 0:
                self._tell({k: sum(f[k] for f in recent) / len(recent) for k in recent[0]})
                recent.clear()
            if time.monotonic() - saved_at > self.options.save_minutes * 60:
                self._save(judge)
                saved_at = time.monotonic()
        self._save(judge)

    def _average(self) -> None:
        """Exponential mean of the weights over about the last hundreds of steps: what is shipped."""
        decay = min(0.998, (1 + self.step) / (10 + self.step))
        for name, value in self.net.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value.float(), 1 - decay)

    def _tell(self, figures: Figures) -> None:
        row = {"step": self.step, "minutes": round(self.spent / 60, 2)} | {k: round(v, 4) for k, v in figures.items()}
        print(json.dumps(row), flush=True)
        with self.metrics.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def _save(self, judge: Callable[[], Figures]) -> None:
        kept = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.average)
        self.net.eval()
        self._tell({f"held_{k}": v for k, v in judge().items()})
        self.net.load_state_dict(kept)
        self.net.train()
        saved = {"net": kept, "optim": self.optim.state_dict(), "average": self.average}
        saved |= {"step": self.step, "spent": self.spent}
        torch.save(saved, self.state.with_suffix(".partial"))
        self.state.with_suffix(".partial").rename(self.state)
