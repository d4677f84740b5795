"""Fine-tuning the flow-matching SoVITS on a dataset folder: tokens to sound in this voice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from myna.core.assets import find_for
from myna.core.errors import BadInput
from myna.core.progress import Progress, part
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.device import pick_device
from myna.engine.features.alignment import aligner
from myna.engine.training.loop import Figures, Plan, Training, moved
from myna.engine.training.losses import FlowBatch, flow_loss
from myna.engine.training.sovits_data import FlowData, read_flow_rows
from myna.engine.weights import SUFFIX, load_content, load_flow, save_net
from myna.models.sovits_flow import SovitsFlow

LEARNING_RATE = 2e-4
PRIOR = 0.5
"""Share of the loss of reading the mel directly, in versions that do."""
SHORTCUT_SHARE = 0.15
_FIXED = ("quantizer", "ssl_proj")
"""Parts that never change: tokens must mean the same to every GPT."""


def train_sovits(
    dataset: DatasetFolder,
    weights: Path,
    *,
    version: ModelVersion,
    models: Path,
    base: Path | None,
    epochs: int,
    batch_size: int,
    learning_rate: float | None,
    lora_rank: int,
    save_every: int,
    seed: int,
    device: str,
    progress: Progress,
) -> Path:
    """Write ``<dataset>_e<epoch>_s<step>.safetensors`` into the folder ``weights``; returns the last.

    ``base`` is what it begins with, None: the version's base; ``learning_rate`` None: 2e-4. An interrupted training
    goes on from its state. Raises `BadInput` for a ``lora_rank`` other than 0, `NotFound`, `MissingAsset`,
    `BadCheckpoint`, and `TrainingFailed` where no clip is usable or the loss is no number.
    """
    if lora_rank:
        raise BadInput(f"low-rank training (lora_rank {lora_rank}) is not there yet; give lora_rank 0: all weights")
    net = _trainable(version, base, models).to(pick_device(device))
    assert version.mel is not None  # `load_flow` takes flow versions only, and these have one
    encoder = load_content(aligner(), models) if version.is_bundled else None
    rows = read_flow_rows(dataset, version, net, encoder, part(progress, 0.0, 0.05))
    data = FlowData(rows, batch_size, version.mel.frame_rate, seed)
    rate = LEARNING_RATE if learning_rate is None else learning_rate
    origin = (base or find_for(version.name, "sovits", models)).resolve()
    identity: dict[str, Any] = {"base": str(origin), "rows": len(rows), "batch_size": batch_size}
    identity |= {"learning_rate": rate, "seed": seed}

    def save(epoch: int, step: int) -> Path:
        path = weights / f"{dataset.name}_e{epoch}_s{step}{SUFFIX}"
        about = {"base": origin.name, "dataset": dataset.name, "clips": len(rows)}
        save_net(path, net, version=version, provenance=about | {"epoch": epoch, "step": step, "seed": seed})
        return path

    prior = PRIOR if net.sizes.has_prior else 0.0

    def loss(batch: FlowBatch) -> tuple[Tensor, Figures]:
        return flow_loss(net, moved(batch, training.device), prior=prior, shortcut_share=SHORTCUT_SHARE)

    plan = Plan(epochs, save_every, rate, seed, identity)
    training = Training(net, plan, dataset.sovits_run(version), save)
    return training.train(data, loss, part(progress, 0.05, 1.0))


def _trainable(version: ModelVersion, base: Path | None, models: Path) -> SovitsFlow:
    """The net with the parts that never change, or that nothing teaches, held fast."""
    net = load_flow(version, base, models)
    for name in (*_FIXED, *(() if net.sizes.has_prior else ("linear_mel",))):
        net.get_submodule(name).requires_grad_(False)
    return net
