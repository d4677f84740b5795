"""Published weights of denoisers: read as data, brought under our names, loaded strictly."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from myna.checkpoints.restricted import read_torch
from myna.core.errors import BadCheckpoint
from myna.engine.model_fit import load_strictly

Net = TypeVar("Net", bound=nn.Module)

_WHOLES = ("model", "state_dict")
"""Under what a file that holds more (an optimizer, a step count) keeps the weights."""
_STARTS = ("module.", "model.")
"""What training writes before each name."""
_COUNTER = "num_batches_tracked"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights that a published file holds, by name; raises `BadCheckpoint` where it holds none."""
    held = read_torch(path)
    for whole in _WHOLES:
        if isinstance(held, dict) and isinstance(held.get(whole), dict):
            held = held[whole]
            break
    if not isinstance(held, dict) or not held:
        raise BadCheckpoint(f"{path} holds no weights of a net")
    tensors = {str(name): tensor for name, tensor in held.items() if isinstance(tensor, Tensor)}
    if len(tensors) < len(held):
        strange = next(name for name in held if name not in tensors)
        raise BadCheckpoint(f"{path} holds other things than weights, such as {strange!s:.50}")
    for start in _STARTS:
        if all(name.startswith(start) for name in tensors):
            tensors = {name.removeprefix(start): tensor for name, tensor in tensors.items()}
    return tensors


def loaded(net: Net, tensors: dict[str, Tensor], path: Path) -> Net:
    """``net`` with all of ``tensors``, ready for use; counters of norms, which only training needs, may be missing."""
    counters = {name: torch.zeros_like(it) for name, it in net.state_dict().items() if name.endswith(_COUNTER)}
    return load_strictly(net, counters | tensors, path)
