"""Fine-tuning the GPT on a dataset folder: text to tokens in this voice's manner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from myna.core.assets import find_for
from myna.core.progress import Progress, part
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.device import pick_device
from myna.engine.features.alignment import aligner
from myna.engine.training.gpt_data import GptData, read_gpt_rows
from myna.engine.training.loop import Figures, Plan, Training, moved
from myna.engine.training.losses import GptBatch, gpt_loss, with_wrong_tokens
from myna.engine.weights import SUFFIX, load_content, load_gpt, save_net
from myna.models.gpt import Gpt

LEARNING_RATE = 2e-4
FOLLOWING_RATE = 2e-5
"""Of the small nets that follow the text: at ten times as much a minute of speech makes them forget how to read."""
DROPOUT = 0.1
WRONG_SHARE = 0.08
"""Share of the tokens that a net which follows the text reads wrong: later it will read its own errors."""


def train_gpt(
    dataset: DatasetFolder,
    weights: Path,
    *,
    version: ModelVersion,
    models: Path,
    base: Path | None,
    epochs: int,
    batch_size: int,
    learning_rate: float | None,
    save_every: int,
    seed: int,
    device: str,
    progress: Progress,
) -> Path:
    """Write ``<dataset>-e<epoch>.safetensors`` into the folder ``weights``; returns the last.

    ``base`` is what it begins with, None: the version's base; ``learning_rate`` None: 2e-4, or 2e-5 of a net that
    follows the text. An interrupted training goes on from its state. Raises `NotFound`, `MissingAsset`,
    `BadCheckpoint`, and `TrainingFailed` where no clip is usable or the loss is no number.
    """
    net = load_gpt(version, base, models, DROPOUT).to(pick_device(device))
    sized = replace(version, gpt=net.sizes)
    encoder = load_content(aligner(), models) if net.sizes.follows_text else None
    rows = read_gpt_rows(dataset, sized, encoder, part(progress, 0.0, 0.03))
    data = GptData(rows, batch_size, version.joined_tokens, seed)
    rate = _usual_rate(net) if learning_rate is None else learning_rate
    identity: dict[str, Any] = {
        "base": str((base or find_for(version.name, "gpt", models)).resolve()),
        "rows": len(rows),
        "batch_size": batch_size,
        "learning_rate": rate,
        "seed": seed,
    }

    def save(epoch: int, step: int) -> Path:
        path = weights / f"{dataset.name}-e{epoch}{SUFFIX}"
        about = {"base": Path(identity["base"]).name, "dataset": dataset.name, "clips": len(rows)}
        save_net(path, net, version=version, provenance=about | {"epoch": epoch, "step": step, "seed": seed})
        return path

    def loss(batch: GptBatch) -> tuple[Tensor, Figures]:
        batch = moved(batch, training.device)
        if net.sizes.follows_text:
            batch = with_wrong_tokens(batch, WRONG_SHARE, net.sizes.end_token)
        return gpt_loss(net, batch)

    plan = Plan(epochs, save_every, rate, seed, identity)
    training = Training(net, plan, dataset.gpt_run(version), save)
    return training.train(data, loss, part(progress, 0.03, 1.0))


def _usual_rate(net: Gpt) -> float:
    return FOLLOWING_RATE if net.sizes.follows_text else LEARNING_RATE
