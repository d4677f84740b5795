"""What the official trainers of all SoVITS kinds have in common: optimiser, rates, and what they begin with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.optim import AdamW

from myna.core.assets import find_for
from myna.core.training import SovitsPlan
from myna.core.versions import ModelVersion
from myna.engine.training.recipe import Moment

LEARNING_RATE = 1e-4
DECAY_PER_EPOCH = 0.999875
_ADAM: dict[str, Any] = {"betas": (0.8, 0.99), "eps": 1e-9, "weight_decay": 0.01}


def adam(groups: Sequence[dict[str, Any]]) -> AdamW:
    """The optimiser, all tensors in one kernel. Gradients are not clipped: the official program only measures them."""
    return AdamW(groups, fused=True, **_ADAM)


def by_epoch(moment: Moment) -> float:
    """The schedule: a little less in every epoch, the first one included."""
    return float(DECAY_PER_EPOCH**moment.epoch)


def origin(version: ModelVersion, plan: SovitsPlan) -> Path:
    """What training begins with; raises `MissingAsset`."""
    return (plan.base or find_for(version.name, "sovits", plan.models)).resolve()
