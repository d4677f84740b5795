"""How fast nets are fine-tuned, against the plain official loop, measured in the same run.

Random weights and clips, the sizes of a published version. Run ``python benchmarks/training.py gpt vits lora
features``; on a GPU with ``--device cuda``. Speeds are clips of average length a second: of processor time on a CPU,
which other work hardly changes, of the clock on a GPU. The peer and we take turns.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import plain_gpt
import torch
from clock import Clock, Speed
from feature_speed import measure_features
from sovits_speed import measure_lora, measure_vits

from myna.core.versions import version
from myna.engine.device import pick_device
from myna.engine.training.gpt_batches import GptData, collate
from myna.engine.training.gpt_data import GptRow
from myna.engine.training.gpt_objective import published_loss
from myna.engine.training.gpt_order import BATCHES_PER_STEP
from myna.engine.training.hardware import Hardware
from myna.engine.training.optim import ScaledAdam
from myna.engine.training.recipe import moved
from myna.models.gpt import Gpt

SECONDS = (2.0, 12.0)
PHONES_PER_SECOND = 11
ROUNDS = 2


def gpt_rows(count: int, gpt: Gpt) -> list[GptRow]:
    """Clips of 2 to 12 s, most of them short, with prosody."""
    rng, rows = random.Random(0), []
    for number in range(count):
        seconds = rng.triangular(*SECONDS, 5.0)
        phones = torch.randint(0, gpt.sizes.phone_vocab, (int(seconds * PHONES_PER_SECOND),))
        tokens = torch.randint(0, gpt.sizes.end_token, (int(seconds * 25),))
        bert = torch.randn(gpt.sizes.bert_width, len(phones)).half()
        rows.append(GptRow(phones, tokens, bert, clip=str(number)))
    return rows


def measure_gpt(given: argparse.Namespace) -> Speed:
    """Optimiser steps over a few batches each, once it is certain that the peer computes what we do."""
    torch.manual_seed(0)
    device = pick_device(given.device)
    record = version(given.version)
    net = Gpt(replace(record.gpt, layers=given.layers), plain_gpt.DROPOUT).to(device).train()
    if given.compile:
        net.h.compile(dynamic=True)
    rows = gpt_rows(given.clips, net)
    _check_peer(net, rows[: given.batch_size], device)
    mean = sum(len(row.tokens) for row in rows) / len(rows)
    plain, ours = (Clock(device, mean) for _ in range(2))
    hardware = Hardware(device, given.precision)
    peak = 0
    if device.type == "cuda":  # kernels are chosen, and compiled, before the clock runs
        _plain_steps(net, rows, given, 1, Clock(device, mean))
        _our_steps(net, rows, given, 1, hardware, Clock(device, mean))
    for number in range(1, ROUNDS + 1):
        _plain_steps(net, rows, given, number, plain)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        _our_steps(net, rows, given, number, hardware, ours)
        peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
    return Speed(plain.rate, ours.rate, hardware.precision, peak / 2**30)


@torch.no_grad()
def _check_peer(net: Gpt, rows: Sequence[GptRow], device: torch.device) -> None:
    """Leave where the peer's loss, without dropout, is not the official one."""
    batch = plain_gpt.collate(rows, net.sizes.end_token, net.sizes.bert_width)
    theirs = plain_gpt.loss(net, [part.to(device) for part in batch], dropout=0.0)
    ours, _ = published_loss(net.eval(), moved(collate(rows, net.sizes.end_token), device), is_official=True)
    net.train()
    if not torch.isclose(theirs, ours, rtol=1e-4):
        raise SystemExit(f"the peer's loss is {theirs:.4f}, the official one {ours:.4f}: nothing to compare")


def _plain_steps(net: Gpt, rows: Sequence[GptRow], given: argparse.Namespace, epoch: int, clock: Clock) -> None:
    data = GptData(rows, given.batch_size, 0, end_token=net.sizes.end_token, is_official=True)
    draws = data.draws(epoch)[: given.batches]
    optimiser = ScaledAdam(net.parameters())

    def step() -> None:
        for draw in draws:
            chosen = [rows[numbers[0]] for numbers in draw.rows]
            batch = plain_gpt.collate(chosen, net.sizes.end_token, net.sizes.bert_width)
            value = plain_gpt.loss(net, [part.to(clock.device) for part in batch])
            value.backward()
            value.item()
        optimiser.step()

    clock.run(step, sum(len(rows[numbers[0]].tokens) for draw in draws for numbers in draw.rows))
    net.zero_grad()


def _our_steps(
    net: Gpt, rows: Sequence[GptRow], given: argparse.Namespace, epoch: int, hardware: Hardware, clock: Clock
) -> None:
    data = GptData(rows, given.batch_size, 0, end_token=net.sizes.end_token)
    draws = data.draws(epoch)[: given.batches]
    optimiser = ScaledAdam(net.parameters(), clips_steps=True)

    def step() -> None:
        for draw in draws:
            batch = moved(data.load(draw), clock.device)
            with hardware.autocast():
                value, _ = published_loss(net, batch)
            hardware.backward(value)
        hardware.step(optimiser, None)

    clock.run(step, sum(len(rows[numbers[0]].tokens) for draw in draws for numbers in draw.rows))
    net.zero_grad()


MEASURES: dict[str, Callable[[argparse.Namespace], Speed]] = {
    "gpt": measure_gpt,
    "vits": measure_vits,
    "lora": measure_lora,
    "features": measure_features,
}


def main() -> None:
    """Measure and write a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=MEASURES, default=list(MEASURES), help="trainings to measure")
    parser.add_argument("--version", default="v2", help="model version (default: v2)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--precision", default="auto", help="ours: auto, bf16, fp16 or fp32 (default: auto)")
    parser.add_argument("--compile", action="store_true", help="compile our net, for GPUs")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--batch-size", type=int, default=4, help="clips in a batch (default: 4)")
    parser.add_argument("--batches", type=int, default=BATCHES_PER_STEP, help="batches of a step (default: 4)")
    parser.add_argument("--clips", type=int, default=100, help="clips of the data set (default: 100)")
    parser.add_argument("--feature-clips", type=int, default=12, help="clips whose features are made (default: 12)")
    parser.add_argument("--layers", type=int, default=24, help="layers of the GPT (default: 24, the published size)")
    parser.add_argument("--flow-version", default="v4", help="version of the LoRA (default: v4)")
    parser.add_argument("--flow-batch-size", type=int, default=2, help="clips in a batch of the LoRA (default: 2)")
    parser.add_argument("--dit-depth", type=int, default=22, help="layers of the flow (default: 22, as published)")
    parser.add_argument("--grad-ckpt", action="store_true", help="gradient checkpointing of the LoRA")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    sys.stdout.write("training  precision  clips/s plain  clips/s ours  ratio  GPU memory GiB\n")
    for name in given.what:
        speed = MEASURES[name](given)
        sys.stdout.write(
            f"{name:9} {speed.precision:9} {speed.plain:14.3f} {speed.ours:13.3f}"
            f" {speed.ours / speed.plain:6.2f} {speed.peak_gib:15.1f}\n"
        )


if __name__ == "__main__":
    main()
