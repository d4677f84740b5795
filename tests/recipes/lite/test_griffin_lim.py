from __future__ import annotations

import numpy as np
import torch
from griffin_lim import GriffinLim

from myna.core.versions import version
from myna.engine.dsp import mel, mel_filters

SPEC = version("lite").mel
assert SPEC is not None


def vocoder(steps: int = 32) -> GriffinLim:
    return GriffinLim(SPEC, torch.from_numpy(mel_filters(SPEC.sample_rate, SPEC.n_fft, SPEC.bands)), steps)


def harmonic(seconds: float = 1.0) -> torch.Tensor:
    """A vowel-like sound: ten harmonics of 150 Hz under a slow swell."""
    t = torch.arange(round(seconds * SPEC.sample_rate)) / SPEC.sample_rate
    tones = sum(torch.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 11))
    return (0.2 * tones * (0.6 + 0.4 * torch.sin(2 * np.pi * 3 * t)))[None]


def test_sound_made_from_a_mel_has_that_mel() -> None:
    wanted = mel(harmonic(), SPEC)
    sound = vocoder()(wanted)
    assert sound.shape == (1, 1, wanted.shape[-1] * SPEC.hop)
    heard = mel(sound[0], SPEC)
    loud = wanted > wanted.max() - 4
    assert (heard - wanted)[loud].abs().mean() < 0.2


def test_more_rounds_come_nearer() -> None:
    wanted = mel(harmonic(), SPEC)

    def error(steps: int) -> float:
        heard = mel(vocoder(steps)(wanted)[0], SPEC)
        return float((heard.exp() - wanted.exp()).norm() / wanted.exp().norm())

    assert error(32) < 0.7 * error(1)


def test_the_same_mel_gives_the_same_sound_and_one_frame_is_enough() -> None:
    wanted = mel(harmonic(0.2), SPEC)
    assert torch.equal(vocoder(2)(wanted), vocoder(2)(wanted))
    assert vocoder(2)(wanted[..., :1]).shape == (1, 1, SPEC.hop)
