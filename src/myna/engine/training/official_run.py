"""Going on where the official program's training of a SoVITS stopped: its ``G_<step>.pth`` and ``D_<step>.pth``.

Each holds ``model`` (weights in full), ``iteration`` (whole epochs), ``optimizer`` (AdamW's state by the number of each
weight) and ``learning_rate``, which the schedule gives anyway. The numbers count the weights of the optimiser's groups
in turn, and those are known by name: within a group they stand in the order of ``model``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from myna.checkpoints.restricted import read_torch
from myna.core.errors import BadCheckpoint
from myna.engine.model_fit import load_strictly
from myna.engine.training.recipe import Phase

_NUMBERED = re.compile(r"G_(\d+)\.pth")
_SLOTS = ("step", "exp_avg", "exp_avg_sq")


def official_pair(folder: Path) -> tuple[Path, Path] | None:
    """The newest generator of an official training in ``folder`` whose discriminator is there too."""
    found = [(int(name[1]), path) for path in folder.glob("G_*.pth") if (name := _NUMBERED.fullmatch(path.name))]
    for _, path in sorted(found, reverse=True):
        other = path.with_name(path.name.replace("G_", "D_", 1))
        if other.is_file():
            return path, other
    return None


def take_over(path: Path, phase: Phase[Any], slow_parts: Sequence[str] = ()) -> int:
    """Load the weights and the optimiser's state of an official file into the phase's; returns its whole epochs.

    ``slow_parts`` are the prefixes of the weights in the optimiser's groups behind the first. Raises `BadCheckpoint`
    for a file of another kind or version, or one whose optimiser counts other weights.
    """
    content = read_torch(path)
    model, optimiser, epochs = content.get("model"), content.get("optimizer"), content.get("iteration")
    if not isinstance(model, dict) or not isinstance(optimiser, dict) or not isinstance(epochs, int) or epochs < 0:
        raise BadCheckpoint(f"{path} is no state of an official training; it would have model, optimizer and iteration")
    names = _numbered_names(phase, list(model), slow_parts)
    groups, slots = optimiser.get("param_groups"), optimiser.get("state")
    counted = sum(len(group["params"]) for group in groups) if isinstance(groups, list) else -1
    if counted != len(names) or not isinstance(slots, dict):
        raise BadCheckpoint(f"{path}: its optimiser counts {counted} weights instead of {len(names)}")
    was_training = phase.module.training
    load_strictly(phase.module, model, path)
    phase.module.train(was_training)
    _load_slots(path, phase, {names[number]: slot for number, slot in slots.items() if number in range(len(names))})
    return epochs


def _numbered_names(phase: Phase[Any], model: Sequence[str], slow_parts: Sequence[str]) -> list[str]:
    """The names of the weights in the order in which the official optimiser counts them."""
    weights = dict(phase.module.named_parameters())
    names = [name for name in model if name in weights]
    slow = [[name for name in names if name.startswith(f"{part}.")] for part in slow_parts]
    rest = [name for name in names if not any(name in group for group in slow)]
    return [name for group in (rest, *slow) for name in group]


def _load_slots(path: Path, phase: Phase[Any], slots: Mapping[str, Any]) -> None:
    """Give our optimiser what the official one knew of the weights that both train."""
    weights = dict(phase.module.named_parameters())
    names = {id(weight): name for name, weight in weights.items()}
    state: dict[int, dict[str, Tensor]] = {}
    for number, weight in enumerate(phase.weights):
        slot = slots.get(names[id(weight)])
        if slot is None:
            continue
        kept = {name: torch.as_tensor(slot.get(name, torch.nan)).float() for name in _SLOTS}
        shapes = {kept[name].shape for name in _SLOTS[1:]}
        if shapes != {weight.shape} or not all(bool(value.isfinite().all()) for value in kept.values()):
            raise BadCheckpoint(f"{path}: what its optimiser knows of {names[id(weight)]} does not fit the weight")
        state[number] = kept
    phase.optimiser.load_state_dict({"state": state, "param_groups": phase.optimiser.state_dict()["param_groups"]})


def take_over_pair(
    folder: Path, generator: Phase[Any], discriminator: Phase[Any], slow_parts: Sequence[str]
) -> int | None:
    """Load what an official training in ``folder`` left; returns its whole epochs, None where there is none.

    Raises as `take_over`.
    """
    pair = official_pair(folder)
    if pair is None:
        return None
    epochs = take_over(pair[0], generator, slow_parts)
    if take_over(pair[1], discriminator) != epochs:
        raise BadCheckpoint(f"{pair[0]} and {pair[1].name} are of different epochs; move one of them away")
    return epochs
