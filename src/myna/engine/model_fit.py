"""Whether a model file holds the weights of the net that is wanted; where not, what is wrong with it, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import torch
from torch import Tensor, nn

from myna.checkpoints.fit import check_fit
from myna.checkpoints.identify import marked_as
from myna.checkpoints.keys import merge_lora
from myna.checkpoints.model_file import LORA, ModelFile, read_model
from myna.core.assets import find_for
from myna.core.errors import BadCheckpoint
from myna.core.versions import ModelVersion

Net = TypeVar("Net", bound=nn.Module)

OFFICIAL_SETTINGS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "gpt": {
            "hidden_dim": "width",
            "head": "heads",
            "n_layer": "layers",
            "vocab_size": "semantic_vocab",
            "phoneme_vocab_size": "phone_vocab",
        },
        "sovits": {
            "hidden_channels": "hidden",
            "filter_channels": "filter",
            "n_heads": "heads",
            "n_layers": "layers",
            "kernel_size": "kernel",
            "gin_channels": "speaker_width",
        },
    }
)
"""Names in the ``model`` section of official settings, and our sizes of the same meaning."""


def read_fitting(path: Path, kind: str, version: ModelVersion, models: Path) -> dict[str, Tensor]:
    """The tensors under our names in an official file (also one to resume training from), checked to be of ``version``.

    A LoRA's, which may also stand in a file of ours, are put into the version's base. Raises as `read_model`,
    `MissingAsset` for the base, and `BadCheckpoint` for a file of another kind or generation, or one whose settings are
    not those of the version's net.
    """
    found = read_model(path)
    wanted = f"a {kind} model of version {version.name} is needed"
    if found.kind not in ({kind, LORA} if kind == "sovits" else {kind}):
        raise BadCheckpoint(f"{path} holds a {found.kind.replace('_', ' ')} model; {wanted}")
    if kind == "sovits":
        told = _told_version(found)
        if told not in ("", version.name):
            raise BadCheckpoint(f"{path} is marked as version {told}; {wanted}")
    _check_settings(found, kind, version)
    if found.kind != LORA:
        return found.tensors
    base = read_fitting(find_for(version.name, kind, models), kind, version, models)
    try:
        return merge_lora(base, found.tensors)
    except BadCheckpoint as error:
        raise BadCheckpoint(f"{path}: {error}") from error


def _told_version(found: ModelFile) -> str:
    """What a SoVITS file says of its version, an official one by its mark; empty where it says nothing."""
    if not found.is_official:
        return found.version
    marked = marked_as(found.path)
    return "" if marked is None else marked.version


def _check_settings(found: ModelFile, kind: str, version: ModelVersion) -> None:
    """Raise `BadCheckpoint` where a file's own settings name another size than the version's net has."""
    settings, sizes = found.config.get("model"), _sizes_of(kind, version)
    if not isinstance(settings, dict):
        return
    for name, ours in OFFICIAL_SETTINGS.get(kind, {}).items():
        if name in settings and ours in sizes and settings[name] != sizes[ours]:
            raise BadCheckpoint(
                f"{found.path} says it has {name} {settings[name]!r:.50}; "
                f"{kind} models of version {version.name} have {sizes[ours]}"
            )


def _sizes_of(kind: str, version: ModelVersion) -> dict[str, object]:
    if kind == "gpt":
        return asdict(version.gpt)
    sizes = version.vits or version.flow
    return {} if sizes is None else asdict(sizes)


def load_strictly(net: Net, tensors: Mapping[str, Tensor], path: Path) -> Net:
    """``net`` with all of ``tensors`` and nothing else, in float32, ready for inference.

    Raises `BadCheckpoint` as `check_fit`, and where weights are no numbers.
    """
    check_fit(net, tensors, path)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel() and not all(map(torch.isfinite, tensor.aminmax())):
            raise BadCheckpoint(f"{path} is spoilt: {name[:100]} holds values that are no numbers (NaN or infinite)")
    plain = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    net.load_state_dict(plain, strict=True)
    return net.eval()
