"""What a training goes on from after a kill: weights, optimisers and the place in the data, in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from myna.checkpoints.native import read_weights, write_weights
from myna.core.errors import BadCheckpoint

STATE = "state.safetensors"

_FORM = 2
"""States of another form are begun anew."""


def write_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, Optimizer],
    identity: Mapping[str, Any],
    place: Mapping[str, Any],
) -> None:
    """Write the state whole or not at all: the former one stays where there is no room; raises `WorkspaceError`.

    Weights that need no gradient are the base's, and left out. ``identity`` and ``place`` are JSON.
    """
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for name, module in modules.items():
        fixed = {key for key, weight in module.named_parameters() if not weight.requires_grad}
        tensors |= {f"net.{name}.{key}": value for key, value in module.state_dict().items() if key not in fixed}
    for name, optimiser in optimisers.items():
        for index, slots in optimiser.state_dict()["state"].items():
            for slot, value in slots.items():
                kept: dict[str, Any] = tensors if isinstance(value, Tensor) else numbers
                kept[f"optimiser.{name}.{index}.{slot}"] = value
    about = {"form": _FORM, "identity": dict(identity), "place": dict(place), "numbers": numbers}
    write_weights(path, tensors, about, {})


def read_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, Optimizer],
    identity: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Load the state into the nets and optimisers and return its place; None where there is none of this training.

    A state that cannot be read is worth as little as none.
    """
    if not path.is_file():
        return None
    try:
        state = read_weights(path)
    except BadCheckpoint:
        return None
    about = state.config
    if about.get("form") != _FORM or about.get("identity") != dict(identity):
        return None
    for name, module in modules.items():
        own = _below(state.tensors, f"net.{name}.")
        fixed = {key: weight for key, weight in module.state_dict().items() if key not in own}
        module.load_state_dict(fixed | own)
    for name, optimiser in optimisers.items():
        slots: dict[int, dict[str, Any]] = {}
        for key, value in _below(state.tensors | about["numbers"], f"optimiser.{name}.").items():
            index, _, slot = key.partition(".")
            slots.setdefault(int(index), {})[slot] = value
        optimiser.load_state_dict({"state": slots, "param_groups": optimiser.state_dict()["param_groups"]})
    return dict(about["place"])


def _below(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key[len(prefix) :]: value for key, value in values.items() if key.startswith(prefix)}


def optimisers_of(phases: Sequence[Any]) -> dict[str, Optimizer]:
    """The optimisers by their phases' names."""
    return {phase.name: phase.optimiser for phase in phases}
