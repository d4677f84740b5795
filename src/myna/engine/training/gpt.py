"""Fine-tuning the GPT on a dataset folder: text to tokens in this voice's manner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import Tensor
from torch.optim import AdamW

from myna.core.assets import find_for
from myna.core.progress import Progress, part
from myna.core.training import GptPlan
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.device import pick_device
from myna.engine.features.alignment import aligner
from myna.engine.training.gpt_data import GptData, read_gpt_rows
from myna.engine.training.loop import Training
from myna.engine.training.losses import GptBatch, gpt_loss, with_wrong_tokens
from myna.engine.training.recipe import Drawn, Figures, Moment, Phase, Recipe, warm_cosine
from myna.engine.weights import SUFFIX, load_content, load_gpt, save_net
from myna.models.gpt import Gpt

LEARNING_RATE = 2e-4
FOLLOWING_RATE = 2e-5
"""Of the small nets that follow the text: at ten times as much a minute of speech makes them forget how to read."""
DROPOUT = 0.1
BETAS, WEIGHT_DECAY, MAX_NORM = (0.9, 0.98), 0.01, 1.0
WRONG_SHARE = 0.08
"""Share of the tokens that a net which follows the text reads wrong: later it will read its own errors."""


def train_gpt(
    dataset: DatasetFolder, weights: Path, *, version: ModelVersion, plan: GptPlan, progress: Progress
) -> Path:
    """Write ``<dataset>-e<epoch>.safetensors`` into the folder ``weights``; returns the last.

    A ``learning_rate`` of None is 2e-4, or 2e-5 of a net that follows the text. An interrupted training goes on from
    its state. Raises `NotFound`, `MissingAsset`, `BadCheckpoint`, and `TrainingFailed` where no clip is usable or the
    loss is no number.
    """
    device = pick_device(plan.device)
    net = load_gpt(version, plan.base, plan.models, DROPOUT).to(device)
    sized = replace(version, gpt=net.sizes)
    encoder = load_content(aligner(), plan.models) if net.sizes.follows_text else None
    rows = read_gpt_rows(dataset, sized, encoder, part(progress, 0.0, 0.03))
    data = GptData(rows, plan.batch_size, version.joined_tokens, plan.seed)
    rate = _usual_rate(net) if plan.learning_rate is None else plan.learning_rate
    base = (plan.base or find_for(version.name, "gpt", plan.models)).resolve()

    def save(moment: Moment) -> Path:
        path = weights / f"{dataset.name}-e{moment.epoch}{SUFFIX}"
        about = {"base": base.name, "dataset": dataset.name, "clips": len(rows)}
        about |= {"epoch": moment.epoch, "step": moment.step, "seed": plan.seed}
        save_net(path, net, version=version, provenance=about)
        return path

    def loss(batch: GptBatch) -> tuple[Tensor, Figures]:
        if net.sizes.follows_text:
            batch = with_wrong_tokens(batch, WRONG_SHARE, net.sizes.end_token)
        return gpt_loss(net, batch)

    optimiser = AdamW(net.parameters(), rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True)
    recipe = Recipe(
        modules={"gpt": net},
        phases=[Phase("gpt", net, optimiser, loss, warm_cosine, weigh=num_targets, max_norm=MAX_NORM)],
        data=Drawn(data.epoch, data.num_batches),
        save=save,
        identity={"base": str(base), "rows": len(rows), "learning_rate": rate},
    )
    return Training(recipe, plan, dataset.gpt_run(version)).train(part(progress, 0.03, 1.0))


def num_targets(batch: GptBatch) -> float:
    """What the loss of a batch is a mean over: its tokens, the ends included."""
    return float(batch.token_lens.sum()) + len(batch.token_lens)


def _usual_rate(net: Gpt) -> float:
    return FOLLOWING_RATE if net.sizes.follows_text else LEARNING_RATE
