"""Two fine-tunes of one base become one: every number lies between theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from myna.checkpoints.model_file import LORA, ModelFile
from myna.core.errors import BadInput, Conflict

_FROZEN = ("quantizer.", "ssl_proj.")
"""What fine-tuning leaves alone: the tokens' meaning. Two nets in which it differs have different parents."""
_KINSHIP = 0.5
"""Cosine between all matrices of two fine-tunes of one base. Those of two strangers have about 0, of kin above 0.9."""


def mix(first: ModelFile, second: ModelFile, weight: float) -> ModelFile:
    """``first`` with the share ``weight`` of ``second`` in it: 0 is the first, 1 the second, 0.5 their middle.

    Tensors keep the first one's dtype. Raises `BadInput` for a weight outside 0..1 and for files that are no models to
    mix, `Conflict` where they differ in kind, version, tensors or parent.
    """
    check_weight(weight)
    _check_kinds(first, second)
    _check_tensors(first, second)
    _check_parents(first, second)
    mixed = {name: _between(tensor, second.tensors[name], weight) for name, tensor in first.tensors.items()}
    parents = [
        {"file": each.path.name, "share": round(share, 6), "provenance": _without_config(each)}
        for each, share in ((first, 1.0 - weight), (second, weight))
    ]
    about = {"base": first.provenance.get("base", ""), "mixed_from": parents}
    return replace(first, tensors=mixed, provenance=about, info="")


def check_weight(weight: float) -> None:
    """Raise `BadInput` unless ``weight`` is a share."""
    if not 0.0 <= weight <= 1.0:
        raise BadInput(f"weight {weight:g} is out of range; give the second model's share, 0 to 1")


def _without_config(model: ModelFile) -> dict[str, object]:
    return {name: value for name, value in model.provenance.items() if name != "official_config"}


def _check_kinds(first: ModelFile, second: ModelFile) -> None:
    for model in (first, second):
        if model.kind == LORA:
            raise BadInput(f"{model.path} is a LoRA; put it into its base first: myna convert IN OUT --merged")
        if model.kind not in ("gpt", "sovits") or model.is_training_state:
            raise BadInput(f"{model.path} is no trained GPT or SoVITS; only those can be mixed")
    for what, one, other in (("kind", first.kind, second.kind), ("version", first.version, second.version)):
        if one != other:
            raise Conflict(
                f"models of unlike {what}s cannot be mixed: {first.path} is {one or 'unknown'}, "
                f"{second.path} is {other or 'unknown'}"
            )


def _check_tensors(first: ModelFile, second: ModelFile) -> None:
    if lone := sorted(first.tensors.keys() ^ second.tensors.keys()):
        owner = first if lone[0] in first.tensors else second
        raise Conflict(f"models of unlike make cannot be mixed: only {owner.path} has {lone[0]} ({len(lone)} such)")
    for name, tensor in first.tensors.items():
        if tensor.shape != second.tensors[name].shape:
            shapes = f"{tuple(tensor.shape)} and {tuple(second.tensors[name].shape)}"
            raise Conflict(f"models of unlike sizes cannot be mixed: {name} has the shapes {shapes}")
    for model in (first, second):
        if broken := [name for name, tensor in model.tensors.items() if not is_finite(tensor)]:
            raise BadInput(f"{model.path} holds values that are no numbers, in {broken[0]}; it cannot be mixed")


def _check_parents(first: ModelFile, second: ModelFile) -> None:
    bases = [model.provenance.get("base", "") for model in (first, second)]
    if all(bases) and bases[0] != bases[1]:
        origin = f"{first.path} comes from {bases[0]}, {second.path} from {bases[1]}"
        raise Conflict(f"models of unlike parents cannot be mixed: {origin}")
    for name in first.tensors:
        if name.startswith(_FROZEN) and not _is_same(first.tensors[name], second.tensors[name]):
            raise Conflict(f"models of unlike parents cannot be mixed: {name}, which training leaves alone, differs")
    if (alike := kinship(first.tensors, second.tensors)) < _KINSHIP:
        raise Conflict(
            f"models of unlike parents cannot be mixed: their weights have nothing in common (cosine {alike:.2f})"
        )


def _is_same(first: Tensor, second: Tensor) -> bool:
    """Equal as far as the coarser of the two dtypes can tell."""
    if torch.float16 in (first.dtype, second.dtype):
        first, second = first.half(), second.half()
    return torch.equal(first, second)


def kinship(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> float:
    """Cosine between all matrices of two nets, taken as one vector; 1 for the same weights and where both are zero."""
    dot = one = other = 0.0
    for name, tensor in first.items():
        if tensor.dim() > 1 and tensor.is_floating_point():
            a, b = tensor.double().flatten(), second[name].double().flatten()
            dot, one, other = dot + float(a @ b), one + float(a @ a), other + float(b @ b)
    return dot / (one * other) ** 0.5 if one and other else float(one == other)


def is_finite(tensor: Tensor) -> bool:
    """Whether every value is a number; true for tensors of integers."""
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())


def _between(first: Tensor, second: Tensor, weight: float) -> Tensor:
    """Of floats; other tensors count or name something and are the first one's."""
    if not first.is_floating_point():
        return first
    return torch.lerp(first.float(), second.float(), weight).to(first.dtype)
