"""Whether tensors are those of the net that is wanted; where not, what is wrong with their file, in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from myna.core.errors import BadCheckpoint

Sizes = TypeVar("Sizes")

_COUNTS = ("layers", "depth", "couplings", "rates", "rate_kernels", "periods")
"""Endings of the names of sizes that count parts, each of which has weights of its own."""
_ALWAYS_PLAUSIBLE = 4096
"""Kernels, periods and factors need not be the length of any weight."""
_MAY_BE_ABSENT = ("bert_width", "speaker_net_width")
"""Widths that are 0 where a net has no such input."""
_SHARED = (("width", "heads"), ("hidden", "heads"), ("mrte_width", "mrte_heads"), ("dit_width", "dit_heads"))
"""Widths that are shared out among heads."""


def sizes_as_told(usual: Sizes, given: object, tensors: Mapping[str, Tensor], path: Path) -> Sizes:
    """``usual``, the sizes of a version (a dataclass), with what a file says of its own net, as JSON, in their place.

    A file names all switches that there were when it was written: one that it lacks came later, and is off.

    Raises `BadCheckpoint` where that cannot be: a net has no more layers than its file has tensors, and none wider than
    the longest of them, so nobody builds what a file only claims.
    """
    if not isinstance(given, Mapping):
        raise BadCheckpoint(f"{path} does not say its net's sizes as names and numbers")
    known = {field.name: field.type for field in fields(usual)}  # type: ignore[arg-type]
    if strange := sorted(str(name)[:100] for name in given if name not in known):
        raise BadCheckpoint(f"{path} names sizes that this version of Myna does not know: {', '.join(strange[:5])}")
    widest = max((length for tensor in tensors.values() for length in tensor.shape), default=0)
    for name, value in given.items():
        most = len(tensors) if name.endswith(_COUNTS) else max(widest, _ALWAYS_PLAUSIBLE)
        is_absent = (value is None and "None" in known[name]) or (name in _MAY_BE_ABSENT and value == 0)
        if not is_absent and not _is_like(value, getattr(usual, name), most):
            raise BadCheckpoint(f"{path} says its {name} is {value!r:.50}, which its weights cannot be")
    # JSON knows no tuples.
    named = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    switches = {name: False for name in known if isinstance(getattr(usual, name), bool)}
    told = replace(usual, **(switches | named))  # type: ignore[type-var]
    for width, heads in _SHARED:
        if width in known and heads in known and getattr(told, width) % getattr(told, heads):
            raise BadCheckpoint(f"{path} says that {heads} {getattr(told, heads)} share {width} {getattr(told, width)}")
    return told


def _is_like(value: object, usual: object, most: int) -> bool:
    """Whether ``value`` can stand where ``usual`` does."""
    if isinstance(usual, tuple):
        return isinstance(value, list | tuple) and len(value) <= most and all(_is_like(one, 1, most) for one in value)
    if isinstance(usual, bool) or isinstance(value, bool):
        return isinstance(usual, bool) and isinstance(value, bool)
    if isinstance(usual, int):
        return isinstance(value, int) and 1 <= value <= most
    return isinstance(value, int | float) and 0.0 <= value <= most


def check_build(build: Callable[[], nn.Module], tensors: Mapping[str, Tensor], path: Path, spared: str = "\0") -> None:
    """As `check_fit`, for the net that ``build`` makes: without memory for its numbers, so that any size can be tried.

    Raises `BadCheckpoint` also where it makes none.
    """
    try:
        with torch.device("meta"):
            net = build()
    except (ValueError, RuntimeError, ArithmeticError) as error:
        reason = str(error).partition("\n")[0]
        raise BadCheckpoint(f"{path} says sizes of which no net can be built: {reason}") from error
    check_fit(net, tensors, path, spared)


def check_fit(net: nn.Module, tensors: Mapping[str, Tensor], path: Path, spared: str = "\0") -> None:
    """Raise `BadCheckpoint` where weights of ``net`` are missing, or ``tensors`` unknown to it or of another shape.

    Weights whose names begin with ``spared`` may be missing.
    """
    wanted = net.state_dict()
    faults = [
        _listed("lacks", [name for name in wanted if name not in tensors and not name.startswith(spared)]),
        _listed("has unknown", [name for name in tensors if name not in wanted]),
    ]
    for name, tensor in tensors.items():
        if name in wanted and tensor.shape != wanted[name].shape:
            faults.append(f"has {name[:100]} of shape {tuple(tensor.shape)}, not {tuple(wanted[name].shape)}")
            break
    if any(faults):
        raise BadCheckpoint(f"{path} does not fit the net: it {', and '.join(filter(None, faults))}")


def _listed(what: str, names: Iterable[str]) -> str:
    found = list(names)
    return f"{what} {len(found)} weights (the first is {found[0][:100]})" if found else ""
