"""How much memory training steps hold on a GPU, counted on a CPU: what waits for the way back, weights,
gradients and the optimiser's numbers. What a GPU needs beside these (its context, workspaces, gradients of activations
on their way) comes to 1 or 2 GB more. ``training.py --device cuda`` prints the real peak.

Run: ``python benchmarks/training_memory.py --seconds 10``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import plain_gpt
import torch
from sovits_speed import DROPOUT, LORA_RANK
from torch import Tensor, nn

from myna.core.versions import version
from myna.engine.training import sovits_flow, sovits_vits
from myna.engine.training.flow_loss import FlowBatch
from myna.engine.training.gpt_batches import GptBatch, collate
from myna.engine.training.gpt_data import GptRow
from myna.engine.training.gpt_objective import published_loss
from myna.engine.training.lora import adapt, flow_of, hold_coarsely
from myna.engine.training.optim import ScaledAdam
from myna.engine.training.recipe import Phase
from myna.engine.training.sovits_rows import MARGIN, SPEC_HOP
from myna.engine.training.vits_data import VitsBatch
from myna.models.build import build_discriminators, build_sovits
from myna.models.gpt import Gpt
from myna.models.gpt_layers import SelfAttention
from myna.models.sovits_flow import SovitsFlow
from myna.models.sovits_vits import SovitsVits

GIB = 2**30


def gpt(name: str, clips: int, seconds: float) -> tuple[list[nn.Module], Sequence[Phase[Any]], GptBatch]:
    """Nets, phases and a batch of ``clips`` of so many seconds, with prosody."""
    sizes = version(name).gpt
    net = Gpt(sizes, plain_gpt.DROPOUT).train()
    for layer in net.modules():
        if isinstance(layer, SelfAttention):
            layer.dropout = 0.0  # only on a CPU it keeps the scores: a GPU's kernel computes them again
    phones = torch.zeros(int(seconds * 11), dtype=torch.long)
    prosody = torch.randn(sizes.bert_width, len(phones)).half()
    row = GptRow(phones, torch.zeros(int(seconds * 25), dtype=torch.long), prosody, clip="x")
    phase = Phase("gpt", net, ScaledAdam(net.parameters()), lambda batch: published_loss(net, batch))
    return [net], [phase], collate([row] * clips, sizes.end_token)


def vits(name: str, clips: int, frames: int) -> tuple[list[nn.Module], Sequence[Phase[Any]], VitsBatch]:
    """The same, of clips of so many frames."""
    record = version(name)
    net, judges = build_sovits(record, DROPOUT).train(), build_discriminators(record).train()
    assert isinstance(net, SovitsVits)
    net.ssl_proj.requires_grad_(False)
    batch = VitsBatch(
        codes=torch.zeros(clips, frames // 2, dtype=torch.long),
        phones=torch.zeros(clips, frames // 5, dtype=torch.long),
        phone_lens=torch.full((clips,), frames // 5),
        sound=torch.randint(-3000, 3000, (clips, frames * SPEC_HOP + 2 * MARGIN), dtype=torch.int16),
        frames=torch.full((clips,), frames),
        speaker_print=torch.randn(clips, net.sizes.speaker_net_width) if net.sizes.speaker_net_width else None,
    )
    return [net, judges], sovits_vits.phases(net, judges, record, 1e-4, 0.4), batch


def lora(
    name: str, clips: int, frames: int, *, grad_ckpt: bool
) -> tuple[list[nn.Module], Sequence[Phase[Any]], FlowBatch]:
    """The same, of a LoRA."""
    record = version(name)
    net = build_sovits(record, DROPOUT).train()
    assert isinstance(net, SovitsFlow)
    for part in ("quantizer", "ssl_proj", *sovits_flow.UNTAUGHT):
        net.get_submodule(part).requires_grad_(False)
    flow_of(net).estimator.masks_padding = True
    flow_of(net).estimator.recomputes_blocks = grad_ckpt
    adapt(net, LORA_RANK)
    hold_coarsely(net, "bf16")
    length = int(frames * net.sizes.frames_per_content)
    lens = {size: torch.full((clips,), size) for size in (frames, frames // 2, frames // 5, length)}
    batch = FlowBatch(
        codes=torch.zeros(clips, frames // 2, dtype=torch.long),
        code_lens=lens[frames // 2],
        phones=torch.zeros(clips, frames // 5, dtype=torch.long),
        phone_lens=lens[frames // 5],
        mel=torch.randn(clips, 100, length),
        mel_lens=lens[length],
        reference=torch.rand(clips, 704, frames),
        reference_lens=lens[frames],
        frames=lens[frames],
    )
    return [net], [sovits_flow.published_phase(net, 1e-4, shortcut_share=0.0)], batch


@contextmanager
def kept(sizes: dict[int, int]) -> Iterator[None]:
    """Note the bytes of every store of numbers that waits for the way back."""

    def note(tensor: Tensor) -> Tensor:
        store = tensor.untyped_storage()
        sizes[store.data_ptr()] = store.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        yield


def counted(nets: list[nn.Module], phases: Sequence[Phase[Any]], batch: Any) -> tuple[float, float]:
    """GiB of weights with all that is kept for them, and of what waits for the way back, at most."""
    weights = [weight for net in nets for weight in net.parameters()]
    own = {weight.untyped_storage().data_ptr() for weight in weights}
    fixed = sum(one.nbytes + (12 * one.numel() if one.requires_grad else 0) for one in weights)
    sizes: dict[int, int] = {}
    losses = []
    for phase in phases:  # all at once: the generator's pass waits while the discriminators learn
        with kept(sizes), torch.autocast("cpu", torch.bfloat16):
            losses.append(phase.loss(batch)[0])
    return fixed / GIB, sum(size for store, size in sizes.items() if store not in own) / GIB


def main() -> None:
    """Count and write a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of every clip (default: 10)")
    given = parser.parse_args()
    torch.set_num_threads(1)
    frames = int(given.seconds * 50)
    sys.stdout.write("training            clips  weights GiB  way back GiB  together GiB\n")
    for name, clips, made in (
        ("v2 GPT", 8, lambda: gpt("v2", 8, given.seconds)),
        ("v2 SoVITS", 8, lambda: vits("v2", 8, frames)),
        ("v2ProPlus SoVITS", 8, lambda: vits("v2ProPlus", 8, frames)),
        ("v4 LoRA", 2, lambda: lora("v4", 2, frames, grad_ckpt=False)),
        ("v4 LoRA, grad_ckpt", 2, lambda: lora("v4", 2, frames, grad_ckpt=True)),
    ):
        weights, graph = counted(*made())
        sys.stdout.write(f"{name:19} {clips:5} {weights:12.2f} {graph:13.2f} {weights + graph:13.2f}\n")


if __name__ == "__main__":
    main()
