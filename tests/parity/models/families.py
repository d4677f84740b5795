"""Which golden cases there are and what runs each: one row per family, first match counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from myna.checkpoints.keys import sovits_name
from myna.core.versions import version
from myna.models.ap_bwe import BandwidthNet
from myna.models.bigvgan import BigVgan
from myna.models.build import build_discriminators, build_gpt, build_sovits
from myna.models.eres2net import EresNet
from myna.models.hifigan import V4_VOCODER, HifiGan
from tests.parity.models import (
    collate_cases,
    flow_cases,
    folder_cases,
    gpt_cases,
    sampler_cases,
    signal_cases,
    speaker_cases,
    vits_cases,
    vocoder_cases,
)
from tests.parity.models.golden import Case, published_shapes

Runner = Callable[[Case], None]

FAMILIES: tuple[tuple[str, str, Runner], ...] = (
    ("GPT: training", r"s1_.*forward", gpt_cases.training),
    ("GPT: preference", r"s1_make_reject", gpt_cases.spoilt_rows),
    ("GPT: sampling", r"s1_sampling_unit", gpt_cases.sampling_steps),
    ("GPT: chunks", r"s1_.*_stream", gpt_cases.chunks),
    ("GPT: batches", r"s1_.*_batch", gpt_cases.batched_generation),
    ("GPT: generation", r"s1_.*_(naive|sampled)", gpt_cases.generation),
    ("flow: sampling", r"cfm_.*_infer", flow_cases.sampling),
    ("flow: losses", r"cfm_.*_loss", flow_cases.losses),
    ("flow: features", r"v[34]_encp", flow_cases.features),
    ("flow: training", r"v[34]_train", flow_cases.training),
    ("flow: stretches", r"v[34]_chunked_single", flow_cases.stretches),
    ("flow: batches", r"v[34]_chunked_batched", flow_cases.stretches_together),
    ("VITS: sound", r"s2_.*_infer", vits_cases.inference),
    ("VITS: parts", r"s2_.*_stream", vits_cases.in_parts),
    ("VITS: training", r"s2_.*_train", vits_cases.training),
    ("BigVGAN", r"vocoder_bigvgan", vocoder_cases.bigvgan),
    ("v4 vocoder", r"vocoder_v4", vocoder_cases.hifigan),
    ("super sampling", r"sr_ap_bwe", vocoder_cases.widening),
    ("speaker net", r"sv_eres2netv2", speaker_cases.speaker_vector),
    ("quantiser", r"vq_full", signal_cases.quantizing),
    ("quantiser: training", r"vq_train", signal_cases.quantizer_training),
    ("ScaledAdam", r"scaled_adam", signal_cases.optimiser_steps),
    ("order of clips", r"samplers", sampler_cases.orders),
    ("batches", r"collate", collate_cases.shapes),
    ("mel filters", r"melbank", signal_cases.filters),
    ("mel", r"mel", signal_cases.mels),
    ("resampling", r"resample", signal_cases.resampling),
    ("overlap", r"sola", signal_cases.overlap_join),
    ("loudness", r"tts_glue", signal_cases.levelling),
)
"""Name of the family, pattern that the names of its cases begin with, and what runs one."""

FOLDERS: tuple[tuple[str, str, Runner], ...] = (
    ("data set: GPT", r"dataset_s1", folder_cases.gpt_rows),
    ("data set: SoVITS", r"dataset_s2", folder_cases.sound_rows),
    ("files", r"files", folder_cases.model_files),
)
"""The same, of records that are whole folders."""


_LORA = ".lora_"


def _gpt(name: str) -> Callable[[], nn.Module]:
    return lambda: nn.ModuleDict({"model": build_gpt(version(name))})


def _sovits(name: str) -> Callable[[], nn.Module]:
    return lambda: build_sovits(version(name))


KEY_LISTS: dict[str, Callable[[], nn.Module]] = {
    "s1_v1": _gpt("v1"),
    "s1_v2": _gpt("v2"),
    "s2G_v1": _sovits("v1"),
    "s2G_v2": _sovits("v2"),
    "s2G_v2Pro": _sovits("v2Pro"),
    "s2G_v2ProPlus": _sovits("v2ProPlus"),
    "s2D_v2": lambda: build_discriminators(version("v2")),
    "s2D_v2Pro": lambda: build_discriminators(version("v2Pro")),
    "s2G_v3": _sovits("v3"),
    "s2G_v4": _sovits("v4"),
    "s2G_v3_lora_r32_saved": _sovits("v3"),
    "bigvgan_v2_24khz_100band_256x": lambda: BigVgan(is_normed=True),
    "bigvgan_v2_24khz_100band_256x_nowm": lambda: BigVgan(is_normed=False),
    "v4_vocoder": lambda: HifiGan(V4_VOCODER),
    "v4_vocoder_wn": lambda: HifiGan(V4_VOCODER, is_normed=True),
    "eres2netv2": EresNet,
    "ap_bwe_24kto48k": BandwidthNet,
}
"""Published key lists, and the net that must have exactly those keys and shapes; of a LoRA, the base it must fit."""


def runner_of(name: str) -> Runner | None:
    """What runs the case called ``name``; None for an unknown family."""
    return next((run for _, pattern, run in (*FAMILIES, *FOLDERS) if re.match(pattern, name)), None)


def _strange_to(base: dict[str, tuple[int, ...]], lora: dict[str, tuple[int, ...]]) -> list[str]:
    """Keys of a LoRA that have no place in its base, or do not fit there."""
    strange = []
    for key, shape in lora.items():
        adapted, _, side = key.partition(_LORA)
        whole = base.get(sovits_name(adapted if side else key) + (".weight" if side else ""))
        fits = whole == shape if not side else whole is not None and whole[side[0] == "A"] == shape[side[0] == "A"]
        strange += [] if fits else [key]
    return strange


def differing_keys(model: str, folder: Path) -> list[str]:
    """Keys that only one of our net and the published list has, or that differ in shape; KeyError for unknown lists."""
    build = KEY_LISTS[model]
    with torch.device("meta"):
        ours = {key: tuple(value.shape) for key, value in build().state_dict().items()}
    theirs = published_shapes(model, folder)
    if any(_LORA in key for key in theirs):
        return _strange_to(ours, theirs)
    return sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
