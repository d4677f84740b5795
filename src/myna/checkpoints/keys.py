"""Names of tensors: as official files spell them, and as our nets do. Each map has an inverse.

GPT files carry the prefix ``model.`` of the trainer that wraps the net. LoRA files carry the names of the peft library,
which wraps the flow-matching net: ``cfm.estimator.…to_q.weight`` is ``cfm.base_model.model.estimator.…to_q.base_layer.
weight`` there, and its two small matrices end in ``lora_A.default.weight`` and ``lora_B.default.weight``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from myna.core.errors import BadCheckpoint

Tensors = Mapping[str, torch.Tensor]

_GPT_PREFIX = "model."
_FLOW_PREFIX = "cfm."
_PEFT_PREFIX = "cfm.base_model.model."
_ADAPTED = re.compile(r"\.(to_q|to_k|to_v|to_out\.0)\.(weight|bias)$")
_LORA = re.compile(r"\.lora_([AB])\.default\.weight$")


def gpt_name(official: str) -> str:
    """Our name of a tensor of an official GPT file; raises `BadCheckpoint` where it has no ``model.`` in front."""
    if not official.startswith(_GPT_PREFIX):
        raise BadCheckpoint(f"{official[:100]!r} is no tensor of a GPT file: those begin with {_GPT_PREFIX!r}")
    return official.removeprefix(_GPT_PREFIX)


def official_gpt_name(name: str) -> str:
    """Undo `gpt_name`."""
    return _GPT_PREFIX + name


def peft_name(name: str) -> str:
    """The name of a SoVITS tensor inside the peft-wrapped net; names outside the flow-matching net stay."""
    if not name.startswith(_FLOW_PREFIX):
        return name
    return _PEFT_PREFIX + _ADAPTED.sub(r".\1.base_layer.\2", name.removeprefix(_FLOW_PREFIX))


def sovits_name(peft: str) -> str:
    """Undo `peft_name`."""
    if not peft.startswith(_PEFT_PREFIX):
        return peft
    return _FLOW_PREFIX + peft.removeprefix(_PEFT_PREFIX).replace(".base_layer.", ".")


def merge_lora(base: Tensors, lora: Tensors) -> dict[str, torch.Tensor]:
    """``base`` with a LoRA file's tensors put in: matrices are added as ``W + B A``, everything else replaces.

    Official LoRAs have alpha equal to their rank, hence no scale. Raises `BadCheckpoint` where a matrix has no partner
    or does not fit the base.
    """
    merged = dict(base)
    pairs: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in lora.items():
        found = _LORA.search(name)
        if found:
            pairs.setdefault(sovits_name(name[: found.start()]) + ".weight", {})[found[1]] = tensor
        else:
            merged[sovits_name(name)] = tensor
    for name, pair in pairs.items():
        if pair.keys() != {"A", "B"} or name not in merged:
            raise BadCheckpoint(f"the LoRA of {name} lacks one of its two matrices, or the base has no such tensor")
        whole = merged[name]
        product = _product(name, pair["B"].float(), pair["A"].float(), whole)
        merged[name] = (whole.float() + product).to(whole.dtype)
    return merged


def _product(name: str, wide: torch.Tensor, high: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    is_matrix = wide.dim() == high.dim() == 2
    if not is_matrix or wide.shape[1] != high.shape[0] or (wide.shape[0], high.shape[1]) != tuple(whole.shape):
        raise BadCheckpoint(f"the LoRA of {name} does not fit the base: {tuple(wide.shape)} times {tuple(high.shape)}")
    return wide @ high
