"""Golden cases of the vocoders, waveforms with weight norm and after folding it, and of the net that widens sound."""

from __future__ import annotations

import re
from dataclasses import replace

import torch

from myna.engine.synthesis.super_sampling import sound_of, spectra_of
from myna.models.ap_bwe import BandwidthNet
from myna.models.bigvgan import BIGVGAN_24KHZ, BigVgan, kaiser_sinc
from myna.models.hifigan import V4_VOCODER, HifiGan
from myna.models.layers import fold_weight_norm
from tests.parity.models.golden import Case, fill_module


@torch.no_grad()
def widening(case: Case) -> None:
    """Spectra to wider spectra to sound; and the spectra of a sound (its phases without the bins that are real).

    These records were made with the code that the net's authors published.
    """
    net = BandwidthNet().eval()
    fill_module(net)
    amplitudes, phases = net(case.inputs["log_amplitude"], case.inputs["phase"])
    case.check("log_amplitude_every", amplitudes[:, ::9, ::5])
    case.check("cos_phase_every", phases[:, ::9, ::5].cos())
    case.check("sin_phase_every", phases[:, ::9, ::5].sin())
    case.check("wav", sound_of(amplitudes, phases, net.sizes))
    amplitudes, phases = spectra_of(case.inputs["wav48k"], net.sizes)
    case.check("stft_log_amplitude_every", amplitudes[:, ::9, ::5])
    case.check("stft_cos_phase_every", phases[:, 1:-1][:, ::9, ::5].cos())
    case.check("stft_sin_phase_every", phases[:, 1:-1][:, ::9, ::5].sin())


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
