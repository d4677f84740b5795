"""Myna's own model files: safetensors, whose metadata says what the weights are and where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from myna.core.errors import BadCheckpoint, NotFound
from myna.core.workspace import write_bytes

_EXACT = ("quantizer.", "front.")
"""Weights that keep full precision: a token must not depend on how its codebook was rounded."""
_METADATA = "myna"
"""One key only: the order of several would differ from run to run, and with it the file's bytes."""


@dataclass(frozen=True)
class Weights:
    """What a model file holds.

    ``config`` is what the net is built from (sizes, version), ``provenance`` where it comes from (base, data, steps,
    licence); both are JSON objects.
    """

    tensors: dict[str, torch.Tensor]
    config: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)


def halved(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """``tensors`` in half precision, except those that must stay exact and those that hold no fractions."""
    return {
        name: tensor.half() if tensor.is_floating_point() and not name.startswith(_EXACT) else tensor
        for name, tensor in tensors.items()
    }


def write_weights(
    path: Path,
    tensors: Mapping[str, torch.Tensor],
    config: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> None:
    """Write a model file whole or not at all; the same content gives the same bytes.

    Tensors may lie on any device, be views or share memory: each is written on its own. Raises `WorkspaceError` where
    the file cannot be written; ``ValueError`` or ``TypeError`` where config or provenance are no JSON.
    """
    about = json.dumps({"config": dict(config), "provenance": dict(provenance)}, sort_keys=True, allow_nan=False)
    # Clones, because safetensors refuses tensors that share memory, as tied weights do.
    own = {name: tensors[name].detach().to("cpu", copy=True).contiguous() for name in sorted(tensors)}
    write_bytes(path, save(own, metadata={_METADATA: about}))


def read_weights(path: Path) -> Weights:
    """Read a model file of `write_weights`, onto the CPU.

    Raises `NotFound`, and `BadCheckpoint` where the file is damaged or was not written by Myna.
    """
    if not path.is_file():
        raise NotFound(f"there is no model file {path}")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise BadCheckpoint(f"{path} is no safetensors file, or damaged: {error}") from error
    try:
        about = json.loads(metadata[_METADATA])
        return Weights(tensors, dict(about["config"]), dict(about["provenance"]))
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise BadCheckpoint(f"{path} does not say what it holds; a model file written by Myna was expected") from error
