"""A training state that is small enough to be carried: at most 3.1 bytes a weight, in parts of at most 15 MB.

What is written per weight: its running mean in half precision (that is what ships, 2 bytes), how far the weight itself
is from that mean (1 byte, scaled per row), and Adam's second moments as the product of one number per row and one per
column (Adafactor: Shazeer and Stern 2018, arXiv:1804.04235), which is next to nothing. Adam's first moments, which
remember ten steps, begin anew.

Whoever writes a state goes on with what was written, not with what was in memory: so a training that is stopped at a
state and one that is not are the same training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from myna.checkpoints.native import halved
from myna.core.errors import BadCheckpoint
from myna.core.workspace import write_bytes

PART_BYTES = 15_000_000
INDEX = "state.json"
_STEPS = 127  # of a signed byte

Tensors = dict[str, Tensor]


def write_state(folder: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> list[Path]:
    """Write ``tensors`` in parts and ``about`` (JSON) into ``folder``; the index, written last, makes them the state.

    Raises `WorkspaceError` where a file cannot be written.
    """
    parts: list[Tensors] = [{}]
    size = 0
    for name in sorted(tensors):
        bytes_ = tensors[name].nbytes + 200  # and its line in the header
        if parts[-1] and size + bytes_ > PART_BYTES:
            parts.append({})
            size = 0
        parts[-1][name] = tensors[name].detach().to("cpu", copy=True).contiguous()
        size += bytes_
    names = [f"part-{about.get('step', 0):07d}-{number}.safetensors" for number in range(len(parts))]
    for name, part in zip(names, parts, strict=True):
        write_bytes(folder / name, save(part))
    index = json.dumps({"parts": names, "about": dict(about)}, sort_keys=True, indent=1)
    write_bytes(folder / INDEX, index.encode())
    for old in set(folder.glob("part-*.safetensors")) - {folder / name for name in names}:
        old.unlink()
    return [folder / name for name in (*names, INDEX)]


def read_state(folder: Path) -> tuple[Tensors, dict[str, Any]]:
    """What `write_state` wrote: tensors and ``about``. Raises `BadCheckpoint` where there is none, or not all of it."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        tensors: Tensors = {}
        for name in index["parts"]:
            tensors |= load((folder / name).read_bytes())
    except (OSError, ValueError, KeyError) as error:
        raise BadCheckpoint(f"{folder} holds no whole training state: {error}") from error
    return tensors, index["about"]


def read_about(folder: Path) -> dict[str, Any]:
    """What stands beside the tensors of a state."""
    about: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))["about"]
    return about


def has_state(folder: Path) -> bool:
    """Whether there is a state in ``folder``."""
    return (folder / INDEX).is_file()


def packed(prefix: str, net: torch.nn.Module, average: Tensors | None, optim: torch.optim.AdamW) -> Tensors:
    """The small form of a net, its running mean and its optimiser; names begin with ``prefix``.

    Without ``average``, of a net that does not ship (a discriminator), the weights themselves in half precision.
    """
    weights = net.state_dict()
    out = {f"{prefix}mean.{k}": v for k, v in halved(weights if average is None else average).items()}
    if average is not None:
        for name, value in weights.items():
            if value.is_floating_point():
                away = value.float() - out[f"{prefix}mean.{name}"].float()
                if away.any():
                    codes, scale = _bytes(away)
                    out |= {f"{prefix}away.{name}": codes, f"{prefix}scale.{name}": scale}
    for name, weight in net.named_parameters():
        moments = optim.state.get(weight, {}).get("exp_avg_sq")
        if moments is not None:
            out |= {f"{prefix}{kind}.{name}": value for kind, value in _factored(moments.float()).items()}
    return out


def unpack(
    tensors: Mapping[str, Tensor],
    prefix: str,
    net: torch.nn.Module,
    average: Tensors | None,
    optim: torch.optim.AdamW,
    step: int,
) -> None:
    """Undo `packed`, in place: ``step`` is the optimiser's count. Raises `BadCheckpoint` for a state of another net."""
    own = net.state_dict()
    try:
        with torch.no_grad():
            for name, value in own.items():
                mean = tensors[f"{prefix}mean.{name}"].to(value.device)
                if average is not None:
                    average[name].copy_(mean)
                value.copy_(mean)
                if f"{prefix}away.{name}" in tensors:
                    codes, scale = (tensors[f"{prefix}{kind}.{name}"].to(value.device) for kind in ("away", "scale"))
                    value.add_(_floats(codes, scale))
            for name, weight in net.named_parameters():
                moments = _product(tensors, prefix, name, weight)
                if moments is not None:
                    count = torch.tensor(float(step))
                    optim.state[weight] = {"step": count, "exp_avg": torch.zeros_like(weight), "exp_avg_sq": moments}
    except (KeyError, RuntimeError) as error:
        raise BadCheckpoint(f"this training state is of another net: {error}") from error


def _rows(value: Tensor) -> Tensor:
    """Any tensor as a matrix: its first axis by all others; a vector as one row."""
    return value.reshape(value.shape[0], -1) if value.dim() > 1 else value.reshape(1, -1)


def _bytes(value: Tensor) -> tuple[Tensor, Tensor]:
    rows = _rows(value)
    scale = rows.abs().amax(1).clamp(min=1e-12) / _STEPS
    return (rows / scale[:, None]).round().to(torch.int8).reshape(value.shape), scale


def _floats(codes: Tensor, scale: Tensor) -> Tensor:
    return (_rows(codes).float() * scale[:, None]).reshape(codes.shape)


def _factored(moments: Tensor) -> Tensors:
    if moments.dim() < 2:
        return {"square": moments.clone()}
    rows = _rows(moments)
    return {"square_row": rows.mean(1), "square_column": rows.mean(0)}


def _product(tensors: Mapping[str, Tensor], prefix: str, name: str, weight: Tensor) -> Tensor | None:
    """The second moments (as ``weight``), None where the state has none."""
    if f"{prefix}square.{name}" in tensors:
        return tensors[f"{prefix}square.{name}"].to(weight)
    if f"{prefix}square_row.{name}" not in tensors:
        return None
    row, column = (tensors[f"{prefix}{kind}.{name}"].to(weight) for kind in ("square_row", "square_column"))
    return (row[:, None] * column[None] / row.mean().clamp(min=1e-30)).reshape(weight.shape)
