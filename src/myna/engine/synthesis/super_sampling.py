"""Speech at twice the rate: what a version says at 24 kHz, widened to 48 kHz by a net of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from myna.core.errors import BadInput
from myna.core.versions import VERSIONS, ModelVersion
from myna.engine.dsp import resample
from myna.engine.library import Library
from myna.engine.synthesis.decoders import Decoder, Sentence
from myna.models.ap_bwe import BandwidthNet, BandwidthSizes

_AMPLITUDE_FLOOR = 1e-4
"""Added to amplitudes before the logarithm."""


def require_super_sampling(version: ModelVersion) -> None:
    """Raise `BadInput` naming the versions that can be widened, where ``version`` cannot."""
    if not version.has_super_sampling:
        able = ", ".join(record.name for record in VERSIONS.values() if record.has_super_sampling)
        raise BadInput(
            f"version {version.name!r} speaks at {version.output_rate_hz} Hz without super sampling; "
            f"versions that have it: {able}"
        )


def spectra_of(sound: Tensor, sizes: BandwidthSizes) -> tuple[Tensor, Tensor]:
    """Samples (B, T), more than half a transform of them, to log amplitudes and phases (B, bins, 1 + T // hop)."""
    window = torch.hann_window(sizes.window, device=sound.device)
    spectra = torch.stft(sound, sizes.n_fft, sizes.hop, sizes.window, window, return_complex=True)
    return torch.log(spectra.abs() + _AMPLITUDE_FLOOR), spectra.angle()


def sound_of(amplitudes: Tensor, phases: Tensor, sizes: BandwidthSizes) -> Tensor:
    """Undo `spectra_of`: (B, bins, T) twice to samples (B, (T - 1) * hop)."""
    window = torch.hann_window(sizes.window, device=amplitudes.device)
    return torch.istft(torch.polar(amplitudes.exp(), phases), sizes.n_fft, sizes.hop, sizes.window, window)


@torch.inference_mode()
def widen(net: BandwidthNet, sound: Tensor, sample_rate: int) -> Tensor:
    """Samples (B, T) at ``sample_rate`` to samples at the net's rate, as many whole hops of 80 as there are.

    What is too short to be mirrored at its ends (10 ms) is resampled only.
    """
    plain = resample(sound, sample_rate, net.sizes.sample_rate)
    if plain.shape[-1] <= net.sizes.n_fft // 2:
        return plain
    amplitudes, phases = net(*spectra_of(plain, net.sizes))
    return sound_of(amplitudes, phases, net.sizes)


class WideDecoder:
    """A decoder whose speech is widened: a `Decoder` at the rate of ``net``, on its ``device``."""

    def __init__(self, decoder: Decoder, net: BandwidthNet, device: torch.device) -> None:
        self.decoder = decoder
        self.net = net
        self.device = device
        self.sample_rate = net.sizes.sample_rate

    def speak(self, codes: Tensor, phones: Tensor, *, speed: float, steps: int, seed: int) -> np.ndarray:
        """As `Decoder.speak`."""
        return self._widened(self.decoder.speak(codes, phones, speed=speed, steps=steps, seed=seed))

    def speak_together(
        self, sentences: Sequence[Sentence], *, speed: float, steps: int, seeds: Sequence[int]
    ) -> list[np.ndarray]:
        """As `Decoder.speak_together`."""
        spoken = self.decoder.speak_together(sentences, speed=speed, steps=steps, seeds=seeds)
        return [self._widened(samples) for samples in spoken]

    def _widened(self, samples: np.ndarray) -> np.ndarray:
        sound = torch.from_numpy(samples).to(self.device)[None]
        wide: np.ndarray = widen(self.net, sound, self.decoder.sample_rate)[0].float().cpu().numpy()
        return wide


def widened(decoder: Decoder, version: ModelVersion, library: Library) -> WideDecoder:
    """``decoder`` at the higher rate; raises `BadInput` where the version has none, `MissingAsset`, `BadCheckpoint`."""
    require_super_sampling(version)
    return WideDecoder(decoder, library.super_resolution(version), library.device)
