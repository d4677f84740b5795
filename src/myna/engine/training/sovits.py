"""Fine-tuning SoVITS on a dataset folder: one entrance for all kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from myna.core.errors import UnknownChoice
from myna.core.progress import Progress
from myna.core.training import SovitsPlan
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.training.sovits_export import check_export
from myna.engine.training.sovits_flow import train_flow
from myna.engine.training.sovits_vits import train_vits

TRAINERS: Mapping[str, Callable[..., Path]] = MappingProxyType({"flow": train_flow, "vits": train_vits})
"""By the version's kind of decoder."""


def train_sovits(
    dataset: DatasetFolder, weights: Path, *, version: ModelVersion, plan: SovitsPlan, progress: Progress
) -> Path:
    """Write the trained weights into the folder ``weights``; returns the last. See `train_flow` and `train_vits`.

    Raises `UnknownChoice` for a decoder that has no trainer, and `BadInput` for a form that the version has not.
    """
    check_export(version, plan)
    if version.decoder not in TRAINERS:
        raise UnknownChoice("decoder to train", version.decoder, TRAINERS)
    return TRAINERS[version.decoder](dataset, weights, version=version, plan=plan, progress=progress)
