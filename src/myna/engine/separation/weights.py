"""Published weights into separation nets, strictly: each net is first tried without memory for its numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from myna.checkpoints.fit import check_build
from myna.checkpoints.restricted import read_torch
from myna.core.errors import BadCheckpoint
from myna.engine.model_fit import load_strictly

Net = TypeVar("Net", bound=nn.Module)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The weights of one net in ``path``, perhaps under the key ``state_dict``; raises `BadCheckpoint`, `NotFound`."""
    content = read_torch(path)
    tensors = content.get("state_dict", content)
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise BadCheckpoint(f"{path} holds something else than the weights of one net")
    return tensors


def load_net(build: Callable[[dict[str, Tensor]], Net], path: Path) -> Net:
    """The net that ``build`` makes for the weights in ``path``, with them; in float32, for use.

    Raises `BadCheckpoint` where weights are missing, unknown or of another shape.
    """
    tensors = read_tensors(path)
    try:
        check_build(lambda: build(tensors), tensors, path)
        net = build(tensors)
    except (KeyError, IndexError) as error:
        raise BadCheckpoint(f"{path} is no weights of the net that its name promises: it lacks {error}") from None
    return load_strictly(net, tensors, path).requires_grad_(False)


def half_where_wished(device: torch.device, *, is_half: bool) -> torch.autocast:
    """A context in which products are taken in half precision, on a GPU where that is wished; else as they are.

    Weights, spectra and rotary angles stay in float32.
    """
    return torch.autocast(device.type, torch.float16, enabled=is_half and device.type == "cuda")
