"""Fine-tuning SoVITS of the flow-matching kind on a dataset folder: tokens to mel in this voice.

The published nets are trained as the official program does it (GPT-SoVITS, ``s2_train_v3_lora.py``): the flow, as a
LoRA or whole, and what leads from the text encoder to it. ``recipe="official"`` brings back what is mended here:
padding that the net hears (`DiT.masks_padding`), batches filled up with clips that were in them already, and one more
code at the end of a clip than any GPT says. The bundled net has a recipe of ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
from myna.engine.training.devices import precision_on
from myna.engine.training.flow_loss import FlowBatch, flow_loss
from myna.engine.training.loop import Training
from myna.engine.training.lora import adapt, flow_of, hold_coarsely, rank_of
from myna.engine.training.recipe import Figures, Phase, Recipe, warm_cosine
from myna.engine.training.sampling import Sampler
from myna.engine.training.sovits_data import FlowData, read_flow_rows
from myna.engine.training.sovits_export import Exporter
from myna.engine.training.sovits_recipe import LEARNING_RATE, adam, by_epoch, origin
from myna.engine.weights import load_content, load_flow
from myna.models.sovits_flow import SHORTCUT_SHARE, SovitsFlow

DROPOUT = 0.1
"""Of the published nets, in the flow and the reference encoder."""
OWN_RATE, OWN_BETAS, OWN_DECAY, OWN_NORM = 2e-4, (0.9, 0.98), 0.01, 1.0
OWN_SHORTCUT_SHARE = 0.15
PRIOR = 0.5
"""Share of the loss of reading the mel directly, in versions that do."""
_FIXED = ("quantizer", "ssl_proj")
"""Parts that never change: tokens must mean the same to every GPT."""
UNTAUGHT = ("enc_p", "ref_enc", "linear_mel")
"""Parts of the published nets that no gradient reaches."""


def train_flow(
    dataset: DatasetFolder, weights: Path, *, version: ModelVersion, plan: SovitsPlan, progress: Progress
) -> Path:
    """Write ``<dataset>_e<epoch>_s<step>``, of a LoRA with ``_l<rank>`` behind it, in the plan's form into the folder
    ``weights``; returns the last. A ``learning_rate`` of None is 1e-4, or 2e-4 of the bundled net.

    An interrupted training goes on from its state. Raises `BadInput` and `UnknownChoice` for a plan that cannot be,
    `NotFound`, `MissingAsset`, `BadCheckpoint` and `TrainingFailed`.
    """
    rank, base = rank_of(version, plan), origin(version, plan)
    if rank:
        _check_base(version, plan, base)
    device = pick_device(plan.device)
    net = _trainable(version, plan, rank).to(device)
    if rank:
        hold_coarsely(net, precision_on(device, plan.precision))
    is_own, is_official = net.sizes.has_prior, plan.recipe == "official" and not net.sizes.has_prior
    encoder = load_content(aligner(), plan.models) if is_own else None
    rows = read_flow_rows(dataset, version, net, encoder, part(progress, 0.0, 0.05), is_official=is_official)
    exporter = Exporter(
        weights, dataset.name, version, plan, {"base": base.name, "dataset": dataset.name, "clips": len(rows)}, rank
    )
    rate = plan.learning_rate or (OWN_RATE if is_own else LEARNING_RATE)
    recipe = Recipe(
        modules={"sovits": net},
        phases=[own_phase(net, rate) if is_own else published_phase(net, rate)],
        data=FlowData(rows, plan.batch_size, net.sizes, plan.seed, takes_stretches=is_own, is_official=is_official),
        save=lambda moment: exporter.save(net, moment),
        sample=Sampler(dataset, version, plan, "sovits").say,
        identity={"base": str(base), "rows": len(rows), "learning_rate": rate, "lora_rank": rank},
    )
    return Training(recipe, plan, dataset.sovits_run(version)).train(part(progress, 0.05, 1.0))


def own_phase(net: SovitsFlow, rate: float) -> Phase[FlowBatch]:
    """The bundled net's step."""

    def loss(batch: FlowBatch) -> tuple[Tensor, Figures]:
        return flow_loss(net, batch, prior=PRIOR, shortcut_share=OWN_SHORTCUT_SHARE)

    trained = [weight for weight in net.parameters() if weight.requires_grad]
    optimiser = AdamW(trained, rate, betas=OWN_BETAS, weight_decay=OWN_DECAY, fused=True)
    return Phase("sovits", net, optimiser, loss, warm_cosine, max_norm=OWN_NORM)


def published_phase(net: SovitsFlow, rate: float, shortcut_share: float = SHORTCUT_SHARE) -> Phase[FlowBatch]:
    """The published nets' step, of a LoRA or of all weights; ``shortcut_share`` of the steps teach long steps."""

    def loss(batch: FlowBatch) -> tuple[Tensor, Figures]:
        return flow_loss(net, batch, shortcut_share=shortcut_share)

    trained: list[Any] = [weight for weight in net.parameters() if weight.requires_grad]
    return Phase("sovits", net, adam([{"params": trained, "lr": rate}]), loss, by_epoch)


def _trainable(version: ModelVersion, plan: SovitsPlan, rank: int) -> SovitsFlow:
    """The net, with the LoRA where there is to be one, and with the parts held fast that never change or that nothing
    teaches."""
    net = load_flow(version, plan.base, plan.models, 0.0 if version.is_bundled else DROPOUT)
    estimator = flow_of(net).estimator
    estimator.recomputes_blocks = plan.grad_ckpt
    estimator.masks_padding |= plan.recipe != "official"
    for name in (*_FIXED, *(() if net.sizes.has_prior else UNTAUGHT)):
        net.get_submodule(name).requires_grad_(False)
    if rank:
        net.enc_p.requires_grad_(False)  # no LoRA file has room for it
        adapt(net, rank, plan.seed)
    return net


def _check_base(version: ModelVersion, plan: SovitsPlan, base: Path) -> None:
    """A LoRA is read on top of the version's base; raises `BadInput` where it would be trained on another."""
    published = find_for(version.name, "sovits", plan.models).resolve()
    if base != published:
        raise BadInput(
            f"a LoRA is put on the version's base {published.name} when it speaks, not on {base.name}; give no base, "
            "or lora_rank 0: all weights"
        )
