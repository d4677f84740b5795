"""Fine-tuning the GPT on a dataset folder: text to tokens in this voice's manner.

The published nets are trained as the official program does it, with its optimiser and rates; ``recipe="official"``
keeps its errors (`gpt_objective`, `gpt_order`, `optim` say which) and its precision, too. Nets that follow the text
have a recipe of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.optim import AdamW

from myna.checkpoints.model_file import OFFICIAL_VERSIONS
from myna.checkpoints.official import write_gpt
from myna.checkpoints.official_config import gpt_config
from myna.core.assets import find_for
from myna.core.errors import BadInput
from myna.core.progress import Progress, part
from myna.core.training import GptPlan
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.device import pick_device
from myna.engine.features.alignment import aligner
from myna.engine.training.clips import repeats
from myna.engine.training.gpt_batches import GptData
from myna.engine.training.gpt_data import GptRow, read_gpt_rows
from myna.engine.training.gpt_objective import preference_term, published_loss
from myna.engine.training.gpt_order import batch_size_for, ends_even_update, ends_official_update
from myna.engine.training.loop import Training
from myna.engine.training.losses import GptBatch, gpt_loss, with_wrong_tokens
from myna.engine.training.optim import LEARNING_RATE, ScaledAdam, learning_rate
from myna.engine.training.recipe import Figures, Moment, Phase, Recipe, every_batch, warm_cosine
from myna.engine.training.sampling import Sampler
from myna.engine.weights import SUFFIX, load_content, load_gpt, save_net
from myna.models.gpt import Gpt

OFFICIAL_SUFFIX = ".ckpt"
DROPOUT = 0.1
FOLLOWING_RATE = 2e-5
"""Of the small nets that follow the text: at ten times as much a minute of speech makes them forget how to read."""
BETAS, WEIGHT_DECAY, MAX_NORM = (0.9, 0.98), 0.01, 1.0
WRONG_SHARE = 0.08
"""Share of the tokens that a net which follows the text reads wrong: later it will read its own errors."""
CLIPPING_PERIOD, OFFICIAL_CLIPPING_PERIOD = 10, 1000
"""After so many optimiser steps gradients begin to be clipped, and the norm for that is set anew. No fine-tuning of a
voice ever makes as many as the official program waits for (nor does it then clip what it steps by)."""


def train_gpt(
    dataset: DatasetFolder, weights: Path, *, version: ModelVersion, plan: GptPlan, progress: Progress
) -> Path:
    """Write ``<dataset>-e<epoch>.safetensors`` or the official ``.ckpt`` into the folder ``weights``; returns the last.

    A ``learning_rate`` of None is the official schedule, or 2e-5 of a net that follows the text. An interrupted
    training goes on from its state. Raises `NotFound`, `MissingAsset`, `BadCheckpoint`, `BadInput` for a recipe or form
    that the version has not, and `TrainingFailed` where no clip is usable or the loss is no number.
    """
    _check_plan(version, plan)
    device = pick_device(plan.device)
    if plan.compile and device.type != "cuda":
        raise BadInput(f"compile is for GPUs; the device is {device}")
    if plan.recipe == "official" and plan.precision == "auto":
        plan = plan.model_copy(update={"precision": "fp16" if device.type == "cuda" else "fp32"})
    net = load_gpt(version, plan.base, plan.models, DROPOUT).to(device)
    if plan.compile:
        net.h.compile(dynamic=True)
    encoder = load_content(aligner(), plan.models) if net.sizes.follows_text else None
    rows = read_gpt_rows(dataset, replace(version, gpt=net.sizes), encoder, part(progress, 0.0, 0.03))
    base = (plan.base or find_for(version.name, "gpt", plan.models)).resolve()
    about = {"base": base.name, "dataset": dataset.name, "clips": len(rows), "seed": plan.seed}

    def save(moment: Moment) -> Path:
        return save_gpt(weights, dataset.name, net, version=version, plan=plan, moment=moment, provenance=about)

    if net.sizes.follows_text:
        data, phase = _following(net, rows, plan, version.joined_tokens)
    else:
        data, phase = _published(net, rows, plan)
    recipe = Recipe(
        modules={"gpt": net},
        phases=[phase],
        data=data,
        save=save,
        sample=Sampler(dataset, version, plan, "gpt").say,
        identity={"base": str(base), "rows": len(rows), "learning_rate": plan.learning_rate, "dpo": plan.dpo},
        ends_update=_update_ends(net, plan),
    )
    return Training(recipe, plan, dataset.gpt_run(version)).train(part(progress, 0.03, 1.0))


def save_gpt(
    folder: Path,
    name: str,
    net: Gpt,
    *,
    version: ModelVersion,
    plan: GptPlan,
    moment: Moment,
    provenance: dict[str, Any],
) -> Path:
    """Write the weights of experiment ``name`` into ``folder`` in the plan's forms, in half precision; returns our own
    file where there is one. Raises `WorkspaceError`."""
    ours, official = (folder / f"{name}-e{moment.epoch}{suffix}" for suffix in (SUFFIX, OFFICIAL_SUFFIX))
    if plan.export != "myna":
        config = gpt_config(net.sizes)
        # The official program's names; `half_weights_save_dir` is what tells the version of a GPT file.
        config["train"] |= {
            "seed": plan.seed,
            "epochs": plan.epochs,
            "batch_size": plan.batch_size,
            "save_every_n_epoch": plan.save_every,
            "if_dpo": plan.dpo,
            "half_weights_save_dir": f"GPT_weights{version.weights_suffix}",
            "exp_name": name,
        }
        write_gpt(official, net.state_dict(), config, moment.epoch)
    if plan.export == "official":
        return official
    save_net(ours, net, version=version, provenance=provenance | {"epoch": moment.epoch, "step": moment.step})
    return ours


def _check_plan(version: ModelVersion, plan: GptPlan) -> None:
    """Raise `BadInput` for what the version has not."""
    if version.name in OFFICIAL_VERSIONS:
        return
    if plan.recipe == "official":
        raise BadInput(f"version {version.name!r} has no official recipe; choose recipe 'myna'")
    if plan.export != "myna":
        raise BadInput(f"version {version.name!r} has no official form of weights; choose export 'myna'")


def _update_ends(net: Gpt, plan: GptPlan) -> Callable[[int, int], bool]:
    if net.sizes.follows_text:
        return every_batch
    return ends_official_update if plan.recipe == "official" else ends_even_update


def _published(net: Gpt, rows: Sequence[GptRow], plan: GptPlan) -> tuple[GptData, Phase[GptBatch]]:
    """The official way, its errors mended or not: ScaledAdam over losses summed over several batches."""
    is_official = plan.recipe == "official"
    optimiser = ScaledAdam(
        net.parameters(),
        plan.learning_rate or LEARNING_RATE,
        clipping_update_period=OFFICIAL_CLIPPING_PERIOD if is_official else CLIPPING_PERIOD,
        clips_steps=not is_official,
    )

    def loss(batch: GptBatch) -> tuple[Tensor, Figures]:
        return published_loss(net, batch, is_official=is_official)

    def rate(moment: Moment) -> float:
        return 1.0 if plan.learning_rate else learning_rate(moment.updates) / LEARNING_RATE

    data = GptData(
        rows,
        batch_size_for(len(rows) * repeats(len(rows)), plan.batch_size, has_preference=plan.dpo),
        plan.seed,
        end_token=net.sizes.end_token,
        bert_width=net.sizes.bert_width,
        is_official=is_official,
        has_preference=plan.dpo,
    )
    return data, Phase("gpt", net, optimiser, loss, rate, weigh=None)


def _following(net: Gpt, rows: Sequence[GptRow], plan: GptPlan, joined_tokens: int) -> tuple[GptData, Phase[GptBatch]]:
    """Nets that follow the text: AdamW over the mean losses of single batches; half of the rows are two clips."""
    rate = plan.learning_rate or FOLLOWING_RATE
    optimiser = AdamW(net.parameters(), rate, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True)

    def loss(batch: GptBatch) -> tuple[Tensor, Figures]:
        value, figures = gpt_loss(net, with_wrong_tokens(batch, WRONG_SHARE, net.sizes.end_token))
        if batch.rejected is None:
            return value, figures
        term = preference_term(net, batch)
        return value + term / num_targets(batch), {**figures, "preference": term.detach()}

    data = GptData(
        rows,
        max(plan.batch_size // 2, 1) if plan.dpo else plan.batch_size,
        plan.seed,
        end_token=net.sizes.end_token,
        joined_tokens=joined_tokens,
        has_preference=plan.dpo,
    )
    return data, Phase("gpt", net, optimiser, loss, warm_cosine, weigh=num_targets, max_norm=MAX_NORM)


def num_targets(batch: GptBatch) -> float:
    """What the loss of a batch is a mean over: its tokens, the ends included."""
    return float(batch.token_lens.sum()) + len(batch.token_lens)
