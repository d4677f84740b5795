"""Fine-tuning SoVITS of the VITS kind on a dataset folder: tokens straight to sound in this voice.

Everything is as in the official program (GPT-SoVITS, ``s2_train.py``) but for what ``recipe="official"`` brings back:
batches filled up with clips that were in them already, one more code at the end of a clip than any GPT says, padding.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from myna.core.errors import BadInput
from myna.core.progress import Progress, part
from myna.core.training import SovitsPlan
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.device import pick_device
from myna.engine.training.loop import Training
from myna.engine.training.lora import rank_of
from myna.engine.training.official_run import take_over_pair
from myna.engine.training.recipe import Phase, Recipe
from myna.engine.training.sampling import Sampler
from myna.engine.training.sovits_export import Exporter
from myna.engine.training.sovits_recipe import LEARNING_RATE, adam, by_epoch, origin
from myna.engine.training.vits_data import VitsData, read_vits_rows
from myna.engine.training.vits_loss import VitsLosses
from myna.engine.weights import load_discriminators, load_vits
from myna.models.discriminators import Discriminators
from myna.models.sovits_vits import SovitsVits

DROPOUT = 0.1
SLOW_PARTS = ("enc_p.text_embedding", "enc_p.encoder_text", "enc_p.mrte")
"""Parts that read the text: they are trained at a share of the rate, or a few clips make them forget how to read."""
_FIXED = ("quantizer", "ssl_proj")
"""Parts that never change: tokens must mean the same to every GPT."""


def train_vits(
    dataset: DatasetFolder, weights: Path, *, version: ModelVersion, plan: SovitsPlan, progress: Progress
) -> Path:
    """Write ``<dataset>_e<epoch>_s<step>`` with the suffix of the plan's form into the folder ``weights``; returns the
    last. A ``learning_rate`` of None is 1e-4.

    An interrupted training goes on from its state. Raises `BadInput` for a ``lora_rank``, `NotFound`, `MissingAsset`
    (also for the discriminators), `BadCheckpoint`, and `TrainingFailed`.
    """
    rank_of(version, plan)
    device, base = pick_device(plan.device), origin(version, plan)
    net = load_vits(version, plan.base, plan.models, DROPOUT).to(device)
    for name in _FIXED:
        net.get_submodule(name).requires_grad_(False)
    sized = replace(version, vits=net.sizes)
    judges = load_discriminators(sized, plan.discriminator or beside(base), plan.models).to(device)
    is_official = plan.recipe == "official"
    rows = read_vits_rows(dataset, version, net, part(progress, 0.0, 0.03), is_official=is_official)
    about = {"base": base.name, "dataset": dataset.name, "clips": len(rows)}
    exporter = Exporter(weights, dataset.name, sized, plan, about)
    rate = LEARNING_RATE if plan.learning_rate is None else plan.learning_rate
    both = phases(net, judges, sized, rate, plan.text_low_lr_rate)
    official = dataset.path / f"logs_s2_{version.name}"
    recipe = Recipe(
        modules={"generator": net, "discriminator": judges},
        phases=both,
        data=VitsData(rows, plan.batch_size, plan.seed, is_official=is_official),
        save=lambda moment: exporter.save(net, moment),
        sample=Sampler(dataset, version, plan, "sovits").say,
        takes_over=None if plan.base else lambda: take_over_pair(official, both[1], both[0], SLOW_PARTS),
        identity={
            "base": str(base),
            "discriminator": str(plan.discriminator or ""),
            "rows": len(rows),
            "learning_rate": rate,
            "text_low_lr_rate": plan.text_low_lr_rate,
        },
    )
    return Training(recipe, plan, dataset.sovits_run(version)).train(part(progress, 0.03, 1.0))


def phases(
    net: SovitsVits, judges: Discriminators, version: ModelVersion, rate: float, text_share: float
) -> list[Phase[Any]]:
    """The two halves of a step, the discriminators' first, each with its optimiser."""
    if version.mel is None:
        raise BadInput(f"version {version.name!r} has no mel to train on")
    losses = VitsLosses(net, judges, version.mel)
    judging = adam([{"params": list(judges.parameters()), "lr": rate}])
    generating = adam(parameter_groups(net, rate, text_share))
    return [
        Phase("discriminator", judges, judging, losses.judging, by_epoch),
        Phase("generator", net, generating, losses.generating, by_epoch),
    ]


def parameter_groups(net: nn.Module, rate: float, text_share: float) -> list[dict[str, Any]]:
    """The weights that are trained: all but the `SLOW_PARTS` at ``rate``, and a group at its share for each of them."""
    slow: dict[str, list[nn.Parameter]] = {part: [] for part in SLOW_PARTS}
    rest: list[nn.Parameter] = []
    for name, weight in net.named_parameters():
        if weight.requires_grad:
            place = next((slow[part] for part in SLOW_PARTS if name.startswith(f"{part}.")), rest)
            place.append(weight)
    return [
        {"params": rest, "lr": rate},
        *({"params": weights, "lr": rate * text_share} for weights in slow.values()),
    ]


def beside(base: Path) -> Path | None:
    """The discriminators that lie beside weights of the official trainer, named as it names them; None: none do."""
    for generator, discriminator in (("s2G", "s2D"), ("G_", "D_")):
        named = base.with_name(base.name.replace(generator, discriminator, 1))
        if base.name.startswith(generator) and named.is_file():
            return named
    return None
