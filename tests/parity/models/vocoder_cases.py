"""Golden cases of the vocoders: waveforms, with weight norm and after folding it, and resampling filters."""

from __future__ import annotations

import re
from dataclasses import replace

import torch

from myna.models.bigvgan import BIGVGAN_24KHZ, BigVgan, kaiser_sinc
from myna.models.hifigan import V4_VOCODER, HifiGan
from myna.models.layers import fold_weight_norm
from tests.parity.models.golden import Case, fill_module


@torch.no_grad()
def bigvgan(case: Case) -> None:
    """BigVGAN; a case may name another width."""
    width = re.search(r"upsample_initial_channel=(\d+)", case.meta["model"])
    sizes = replace(BIGVGAN_24KHZ, width=int(width[1])) if width else BIGVGAN_24KHZ
    normed, plain = BigVgan(sizes, is_normed=True).eval(), BigVgan(sizes).eval()
    fill_module(normed)
    wave = normed(case.inputs["mel"])
    case.check("wav", wave)
    case.check("fraction_clipped", (wave.abs() >= 1).float().mean())
    plain.load_state_dict(fold_weight_norm(normed.state_dict()), strict=True)
    case.check("wav_after_remove_weight_norm", plain(case.inputs["mel"]))
    for output in case.outputs:
        if output.startswith("const:"):
            case.check(output, kaiser_sinc())


@torch.no_grad()
def hifigan(case: Case) -> None:
    """The vocoder of v4."""
    vocoder = HifiGan(V4_VOCODER).eval()
    fill_module(vocoder)
    wave = vocoder(case.inputs["mel"])
    case.check("wav", wave)
    case.check("fraction_clipped", (wave.abs() >= 1).float().mean())
