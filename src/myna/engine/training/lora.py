"""Low-rank additions (LoRA, arXiv:2106.09685) to the flow-matching net, under the official program's names: matrices of
the peft library on the transformer's attention, its factor alpha equal to the rank."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from myna.core.errors import BadInput, UnknownChoice
from myna.core.training import Precision, SovitsPlan
from myna.core.versions import ModelVersion
from myna.models.sovits_flow import FlowMatching, SovitsFlow

RANKS = (16, 32, 64, 128)
"""Those the official program offers."""
TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
_MATRIX = ".lora_"
_FLOW = "cfm."
_FIXED = ("enc_p.", "ssl_proj.")


def rank_of(version: ModelVersion, plan: SovitsPlan) -> int:
    """The rank that the plan means, 0 for all weights; raises `UnknownChoice`, and `BadInput` for a version without."""
    rank = version.sovits_training.lora_rank if plan.lora_rank is None else plan.lora_rank
    if rank not in (0, *RANKS):
        raise UnknownChoice("lora_rank", rank, ["0 (all weights)", *map(str, RANKS)])
    if rank and version.flow is None:
        raise BadInput(f"version {version.name!r} has no LoRA; give lora_rank 0: all weights")
    return rank


def adapt(net: SovitsFlow, rank: int, seed: int = 0) -> None:
    """Put a LoRA of ``rank`` on the flow of ``net``, whose own weights are held fast.

    Half of it is drawn by ``seed``, the other half is zero, so that it changes nothing yet.
    """
    from peft import LoraConfig, get_peft_model

    settings = LoraConfig(r=rank, lora_alpha=rank, target_modules=list(TARGETS))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        # It wraps any module; its types know those of transformers only.
        net.cfm = get_peft_model(net.cfm, settings)  # type: ignore[assignment]


def hold_coarsely(net: SovitsFlow, precision: Precision) -> None:
    """Keep the fixed matrices of the flow in the precision in which training multiplies them anyway: half the memory,
    the same results, and nothing to convert in every step."""
    if precision == "fp32":
        return
    kind = torch.bfloat16 if precision == "bf16" else torch.float16
    for module in flow_of(net).modules():
        if isinstance(module, nn.Linear | nn.Conv1d):
            for weight in module.parameters(recurse=False):
                if not weight.requires_grad:
                    weight.data = weight.data.to(kind)


def flow_of(net: SovitsFlow) -> FlowMatching:
    """The flow itself, with or without a LoRA around it."""
    flow: object = net.cfm
    while not isinstance(flow, FlowMatching):
        flow = flow.base_model.model  # type: ignore[attr-defined]
    return flow


def lora_tensors(net: SovitsFlow) -> dict[str, Tensor]:
    """What an official LoRA file holds: the matrices, all between text encoder and flow, and buffers."""
    buffers = dict(net.named_buffers())

    def belongs(name: str) -> bool:
        return _MATRIX in name if name.startswith(_FLOW) else not name.startswith(_FIXED)

    return {name: value for name, value in net.state_dict().items() if belongs(name) or name in buffers}
