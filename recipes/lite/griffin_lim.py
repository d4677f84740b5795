"""A vocoder that needs no training: mel to magnitude by least squares, magnitude to sound by fast Griffin-Lim.

Sources: Griffin and Lim 1984; Perraudin, Balazs and Søndergaard 2013 (the momentum that makes it fast).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from myna.core.versions import MelSpec


class GriffinLim:
    """Log-mel frames to samples. ``filters`` is the (bands, n_fft // 2 + 1) mel matrix that made the mels."""

    def __init__(self, spec: MelSpec, filters: Tensor, steps: int = 32, momentum: float = 0.99) -> None:
        self.spec, self.steps, self.momentum = spec, steps, momentum
        self.filters = filters.float()
        self.inverse = torch.linalg.pinv(self.filters)
        self.window = torch.hann_window(spec.n_fft)

    def magnitude(self, mel: Tensor) -> Tensor:
        """(B, bands, T) log-mel to (B, bins, T) magnitude, non-negative, by multiplicative updates (Lee and Seung)."""
        target = mel.float().cpu().exp()
        guess: Tensor = (self.inverse @ target).clamp(min=1e-5)
        for _ in range(12):
            ratio = (self.filters.T @ target) / (self.filters.T @ (self.filters @ guess)).clamp(min=1e-8)
            guess = guess * ratio.clamp(max=10.0)
        return guess

    def __call__(self, mel: Tensor) -> Tensor:
        """Log-mel (B, bands, T) to samples (B, 1, T * hop), float32 on the CPU."""
        n_fft, hop = self.spec.n_fft, self.spec.hop
        magnitude = self.magnitude(mel)
        batch, _, frames = magnitude.shape
        phase = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(0)) * (2 * torch.pi)
        current = torch.polar(magnitude, phase)
        previous = torch.zeros_like(current)
        for _ in range(self.steps):
            rebuilt = self._analyse(self._synthesise(current, frames))
            ahead = rebuilt + self.momentum * (rebuilt - previous)
            previous = rebuilt
            current = magnitude * ahead / ahead.abs().clamp(min=1e-9)
        samples = self._synthesise(current, frames)
        pad = (n_fft - hop) // 2
        return samples[:, pad : pad + frames * hop].reshape(batch, 1, frames * hop)

    def _synthesise(self, spectrum: Tensor, frames: int) -> Tensor:
        """(B, bins, T) complex to (B, (T - 1) * hop + n_fft): overlap-add, divided by the window's energy."""
        n_fft, hop = self.spec.n_fft, self.spec.hop
        pieces = torch.fft.irfft(spectrum, n_fft, dim=1) * self.window[None, :, None]
        length = (frames - 1) * hop + n_fft

        def overlap_add(columns: Tensor) -> Tensor:
            rows: Tensor = F.fold(columns, (1, length), (1, n_fft), stride=(1, hop))
            return rows[:, 0, 0]

        energy = overlap_add(self.window.square()[None, :, None].expand(1, n_fft, frames))
        samples: Tensor = overlap_add(pieces) / energy.clamp(min=1e-3)
        return samples

    def _analyse(self, samples: Tensor) -> Tensor:
        """The inverse of `_synthesise`: (B, length) to (B, bins, T)."""
        frames = samples.unfold(1, self.spec.n_fft, self.spec.hop) * self.window
        spectrum: Tensor = torch.fft.rfft(frames, dim=2)
        return spectrum.transpose(1, 2)
