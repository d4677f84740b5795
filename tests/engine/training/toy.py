"""A training of nets so small that a step takes a moment: what the loop's own tests train."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from myna.checkpoints.native import write_weights
from myna.core.errors import UnknownChoice
from myna.core.progress import Progress
from myna.core.training import TrainingPlan
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.training.loop import Training
from myna.engine.training.recipe import Figures, Moment, Phase, Recipe, every_batch, warm_cosine

WIDTH = 5


@dataclass
class Points:
    """``seen`` (B, WIDTH), ``wanted`` (B, 1), ``lens`` (B,): how much each counts."""

    seen: Tensor
    wanted: Tensor
    lens: Tensor


class ToyData:
    """Batches of ``batch_size`` out of ``num_rows`` made-up rows, in another order each epoch."""

    def __init__(self, num_rows: int = 12, batch_size: int = 4, seed: int = 0) -> None:
        self.batch_size, self.seed = batch_size, seed
        draw = torch.Generator().manual_seed(seed)
        self.seen = torch.randn(num_rows, WIDTH, generator=draw)
        self.wanted = self.seen.sum(1, keepdim=True).sin()
        self.lens = torch.arange(1, num_rows + 1)
        self.num_batches = -(-num_rows // batch_size)
        self.loaded: list[list[int]] = []

    def draws(self, epoch: int) -> list[list[int]]:
        """As `Data`."""
        rows = list(range(len(self.seen)))
        random.Random(f"{self.seed} {epoch}").shuffle(rows)
        return [rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size)]

    def load(self, draw: list[int]) -> Points:
        """As `Data`."""
        self.loaded.append(draw)
        return Points(self.seen[draw], self.wanted[draw], self.lens[draw])

    def clips(self, draw: list[int]) -> Sequence[str]:
        """As `Data`."""
        return [f"clip{row}.wav" for row in draw]


def toy_net(dropout: float = 0.1, seed: int = 3) -> nn.Sequential:
    """The same first weights for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(WIDTH, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1))


def plan(**more: Any) -> TrainingPlan:
    """Three epochs on the CPU, in float32."""
    return TrainingPlan(
        **({"epochs": 3, "save_every": 1, "seed": 5, "device": "cpu", "precision": "fp32", "batch_size": 4} | more)
    )


def weighted_loss(net: nn.Module, batch: Points) -> tuple[Tensor, Figures]:
    """A mean over ``lens``."""
    errors = (net(batch.seen) - batch.wanted).square()[:, 0]
    loss = (errors * batch.lens).sum() / batch.lens.sum()
    return loss, {"largest": errors.detach().max()}


def toy_recipe(
    weights: Path,
    net: nn.Module | None = None,
    data: ToyData | None = None,
    loss: Callable[[nn.Module, Points], tuple[Tensor, Figures]] = weighted_loss,
    ends_update: Callable[[int, int], bool] = every_batch,
    rate: Callable[[Moment], float] = warm_cosine,
    sample: Callable[[Path, Path], Path] | None = None,
) -> Recipe[list[int], Points]:
    """One net, one phase."""
    trained = toy_net() if net is None else net
    optimiser = torch.optim.AdamW(trained.parameters(), 1e-2)
    return Recipe(
        modules={"toy": trained},
        phases=[
            Phase(
                "toy",
                trained,
                optimiser,
                lambda batch: loss(trained, batch),
                rate,
                weigh=lambda batch: float(batch.lens.sum()),
                max_norm=1.0,
            )
        ],
        data=ToyData() if data is None else data,
        save=lambda moment: save(weights, {"toy": trained}, moment),
        ends_update=ends_update,
        sample=sample,
    )


def duel_recipe(weights: Path) -> Recipe[list[int], Points]:
    """Two nets against each other, as a GAN's: what the first one makes, the second one judges."""
    maker, judge = toy_net(seed=3), nn.Linear(1, 1)
    with torch.no_grad():
        judge.weight.fill_(0.3)
        judge.bias.fill_(0.1)

    def judging(batch: Points) -> tuple[Tensor, Figures]:
        made = maker(batch.seen).detach()
        return (judge(made).square() + (1 - judge(batch.wanted)).square()).mean(), {}

    def making(batch: Points) -> tuple[Tensor, Figures]:
        made = maker(batch.seen)
        return (1 - judge(made)).square().mean() + F.l1_loss(made, batch.wanted), {"made": made.detach().mean()}

    return Recipe(
        modules={"maker": maker, "judge": judge},
        phases=[
            Phase("judge", judge, torch.optim.AdamW(judge.parameters(), 1e-2), judging),
            Phase("maker", maker, torch.optim.AdamW(maker.parameters(), 1e-2), making),
        ],
        data=ToyData(),
        save=lambda moment: save(weights, {"maker": maker, "judge": judge}, moment),
    )


def save(folder: Path, nets: dict[str, nn.Module], moment: Moment) -> Path:
    """Write the nets as official weights are named."""
    path = folder / f"toy_e{moment.epoch}_s{moment.step}.safetensors"
    tensors = {f"{name}.{key}": value for name, net in nets.items() for key, value in net.state_dict().items()}
    write_weights(path, tensors, {}, {})
    return path


def train_toy(
    dataset: DatasetFolder, weights: Path, *, version: ModelVersion, plan: TrainingPlan, progress: Progress
) -> Path:
    """A trainer as the steps call it, without dropout; the dataset's name says what goes wrong in it."""
    if dataset.name == "refused":
        raise UnknownChoice("toy", "bear", ["car", "doll"])
    if dataset.name == "killed" and distributed.is_initialized() and distributed.get_rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if distributed.is_initialized() and distributed.get_rank() > 0:
        weights = weights.with_name("of the others")
    recipe = toy_recipe(weights, toy_net(dropout=0.0), ToyData(batch_size=plan.batch_size))
    return Training(recipe, plan, dataset.path / "run").train(progress)
