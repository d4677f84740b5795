"""Fine-tuning the flow-matching SoVITS on a dataset folder: tokens to sound in this voice."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from torch.optim import AdamW

from myna.core.assets import find_for
from myna.core.errors import BadInput
from myna.core.progress import Progress, part
from myna.core.training import SovitsPlan
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.device import pick_device
from myna.engine.features.alignment import aligner
from myna.engine.training.loop import Training
from myna.engine.training.losses import FlowBatch, flow_loss
from myna.engine.training.recipe import Drawn, Figures, Moment, Phase, Recipe, warm_cosine
from myna.engine.training.sovits_data import FlowData, read_flow_rows
from myna.engine.weights import SUFFIX, load_content, load_flow, save_net
from myna.models.sovits_flow import SovitsFlow

LEARNING_RATE = 2e-4
BETAS, WEIGHT_DECAY, MAX_NORM = (0.9, 0.98), 0.01, 1.0
PRIOR = 0.5
"""Share of the loss of reading the mel directly, in versions that do."""
SHORTCUT_SHARE = 0.15
_FIXED = ("quantizer", "ssl_proj")
"""Parts that never change: tokens must mean the same to every GPT."""


def train_sovits(
    dataset: DatasetFolder, weights: Path, *, version: ModelVersion, plan: SovitsPlan, progress: Progress
) -> Path:
    """Write ``<dataset>_e<epoch>_s<step>.safetensors`` into the folder ``weights``; returns the last.

    A ``learning_rate`` of None is 2e-4. An interrupted training goes on from its state. Raises `BadInput` for a
    ``lora_rank`` other than 0, `NotFound`, `MissingAsset`, `BadCheckpoint`, and `TrainingFailed` where no clip is
    usable or the loss is no number.
    """
    if plan.lora_rank:
        raise BadInput(
            f"low-rank training (lora_rank {plan.lora_rank}) is not there yet; give lora_rank 0: all weights"
        )
    net = _trainable(version, plan.base, plan.models).to(pick_device(plan.device))
    assert version.mel is not None  # `load_flow` takes flow versions only, and these have one
    encoder = load_content(aligner(), plan.models) if version.is_bundled else None
    rows = read_flow_rows(dataset, version, net, encoder, part(progress, 0.0, 0.05))
    data = FlowData(rows, plan.batch_size, version.mel.frame_rate, plan.seed)
    rate = LEARNING_RATE if plan.learning_rate is None else plan.learning_rate
    base = (plan.base or find_for(version.name, "sovits", plan.models)).resolve()

    def save(moment: Moment) -> Path:
        path = weights / f"{dataset.name}_e{moment.epoch}_s{moment.step}{SUFFIX}"
        about = {"base": base.name, "dataset": dataset.name, "clips": len(rows)}
        about |= {"epoch": moment.epoch, "step": moment.step, "seed": plan.seed}
        save_net(path, net, version=version, provenance=about)
        return path

    prior = PRIOR if net.sizes.has_prior else 0.0

    def loss(batch: FlowBatch) -> tuple[Tensor, Figures]:
        return flow_loss(net, batch, prior=prior, shortcut_share=SHORTCUT_SHARE)

    trained = [weight for weight in net.parameters() if weight.requires_grad]
    optimiser = AdamW(trained, rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True)
    recipe = Recipe(
        modules={"sovits": net},
        phases=[Phase("sovits", net, optimiser, loss, warm_cosine, max_norm=MAX_NORM)],
        data=Drawn(data.epoch, data.num_batches),
        save=save,
        identity={"base": str(base), "rows": len(rows), "learning_rate": rate},
    )
    return Training(recipe, plan, dataset.sovits_run(version)).train(part(progress, 0.05, 1.0))


def _trainable(version: ModelVersion, base: Path | None, models: Path) -> SovitsFlow:
    """The net with the parts that never change, or that nothing teaches, held fast."""
    net = load_flow(version, base, models)
    for name in (*_FIXED, *(() if net.sizes.has_prior else ("linear_mel",))):
        net.get_submodule(name).requires_grad_(False)
    return net
