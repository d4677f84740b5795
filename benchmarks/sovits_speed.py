"""SoVITS's rows of `training.py`: the VITS kind, and a LoRA of the flow kind."""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import plain_sovits
import torch
from clock import Clock, Speed
from plain_sovits import Clip

from myna.core.versions import FlowSizes, version
from myna.engine.device import pick_device
from myna.engine.training import sovits_vits
from myna.engine.training.hardware import Hardware
from myna.engine.training.lora import adapt, flow_of, hold_coarsely
from myna.engine.training.recipe import Phase, moved
from myna.engine.training.sovits_data import FlowData, FlowRow
from myna.engine.training.sovits_flow import UNTAUGHT, published_phase
from myna.engine.training.sovits_rows import MARGIN, SPEC_HOP
from myna.engine.training.vits_data import VitsData, VitsRow
from myna.models.build import build_discriminators, build_sovits
from myna.models.sovits_flow import SovitsFlow
from myna.models.sovits_vits import SovitsVits

SECONDS = (2.0, 12.0, 5.0)
"""The shortest clip, the longest, the usual."""
RATE = 32_000
ROUNDS = 2
LORA_RANK = 32
DROPOUT = 0.1


def clips_of(count: int, phones: int, mel_rate: float = 0.0) -> list[Clip]:
    """Made-up clips."""
    rng, clips = random.Random(0), []
    for _ in range(count):
        frames = int(rng.triangular(*SECONDS) * RATE) // SPEC_HOP
        sound = torch.randn(frames * SPEC_HOP) * 0.1
        mel = torch.randn(100, int(frames * mel_rate)) - 5 if mel_rate else None
        content = torch.randn(768, frames // 2 * 2).half()
        clips.append(Clip(content, torch.randint(0, phones, (frames // 5,)), sound, mel))
    return clips


def measure_vits(given: argparse.Namespace) -> Speed:
    """One step of both sides, generator and discriminators, a batch each."""
    torch.manual_seed(0)
    device, record = pick_device(given.device), version(given.version)
    net, judges = build_sovits(record, DROPOUT), build_discriminators(record).to(device).train()
    assert isinstance(net, SovitsVits)
    assert record.mel is not None
    assert record.vits is not None
    net = net.to(device).train()
    for part in ("quantizer", "ssl_proj"):
        net.get_submodule(part).requires_grad_(False)
    clips = clips_of(given.clips, record.vits.phone_vocab)
    rows = [
        VitsRow(str(number), torch.randint(0, 1024, (clip.frames // 2,)), clip.phones, _stored(clip), clip.frames)
        for number, clip in enumerate(clips)
    ]
    plain = plain_sovits.VitsLoop(net, judges, record.mel, device)
    phases = sovits_vits.phases(net, judges, record, plain_sovits.RATE, 0.4)
    data = VitsData(rows, given.batch_size, 0)
    return _compared(given, clips, plain.step, phases, data, lambda draw: draw)


def measure_lora(given: argparse.Namespace) -> Speed:
    """One step of a LoRA of rank 32, a batch each; without the shortcut that some steps teach, in both."""
    torch.manual_seed(0)
    device, name = pick_device(given.device), given.flow_version
    record = version(name)
    assert record.flow is not None
    sizes = replace(record.flow, dit_depth=given.dit_depth)
    mel_rate = record.flow.frames_per_content
    clips = clips_of(given.clips, record.flow.phone_vocab, mel_rate)
    rows = [
        FlowRow(
            str(number),
            torch.randint(0, 1024, (clip.frames // 2,)),
            clip.phones,
            clip.mel.T.contiguous(),
            _stored(clip),
            clip.frames,
        )
        for number, clip in enumerate(clips)
        if clip.mel is not None
    ]
    peer = _lora(record, sizes, device)
    plain = plain_sovits.LoraLoop(peer, device)
    ours = _lora(record, sizes, device)
    flow_of(ours).estimator.masks_padding = True
    flow_of(ours).estimator.recomputes_blocks = given.grad_ckpt
    hold_coarsely(ours, Hardware(device, given.precision).precision)
    data = FlowData(rows, given.flow_batch_size, sizes, 0, takes_stretches=False)
    phase = published_phase(ours, plain_sovits.RATE, shortcut_share=0.0)
    places = lambda draw: [one.place for one in draw]  # noqa: E731 (one line says it)
    return _compared(given, clips, plain.step, [phase], data, places)


def _lora(record: Any, sizes: FlowSizes, device: torch.device) -> SovitsFlow:
    net = build_sovits(replace(record, flow=sizes), DROPOUT)
    assert isinstance(net, SovitsFlow)
    for part in ("quantizer", "ssl_proj", *UNTAUGHT):
        net.get_submodule(part).requires_grad_(False)
    adapt(net, LORA_RANK)
    return net.to(device).train()


def _stored(clip: Clip) -> torch.Tensor:
    sound = torch.nn.functional.pad(clip.sound[None, None], (MARGIN, MARGIN), mode="reflect")[0, 0]
    return (sound * 32767).short()


def _compared(
    given: argparse.Namespace,
    clips: Sequence[Clip],
    plain_step: Callable[[Sequence[Clip]], None],
    phases: Sequence[Phase[Any]],
    data: Any,
    places: Callable[[Any], Sequence[int]],
) -> Speed:
    """The two loops in turns, over the same batches: that the official ones hold clips twice is left out of account."""
    device = pick_device(given.device)
    hardware = Hardware(device, given.precision)
    plain, ours = (Clock(device, 1.0) for _ in range(2))
    peak = 0
    first = 0 if device.type == "cuda" else 1  # on a GPU kernels are chosen before the clock runs
    for number in range(first, ROUNDS + 1):
        clocks = (plain, ours) if number else (Clock(device, 1.0), Clock(device, 1.0))
        for draw in data.draws(number)[: given.batches]:
            count = len(places(draw))
            clocks[0].run(lambda draw=draw: plain_step([clips[place] for place in places(draw)]), count)
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            clocks[1].run(lambda draw=draw: _our_step(phases, data, draw, hardware), count)
            peak = max(peak, torch.cuda.max_memory_allocated(device)) if device.type == "cuda" else 0
    return Speed(plain.rate, ours.rate, hardware.precision, peak / 2**30)


def _our_step(phases: Sequence[Phase[Any]], data: Any, draw: Any, hardware: Hardware) -> None:
    batch = moved(data.load(draw), hardware.device)
    for phase in phases:
        phase.optimiser.zero_grad(set_to_none=True)
        with hardware.autocast():
            loss, _ = phase.loss(batch)
        hardware.backward(loss)
        hardware.step(phase.optimiser, phase.max_norm)
