"""BigVGAN v2 generator (Lee et al. 2023, arXiv:2206.04658): mel to waveform, the vocoder of the v3 models.

Like HiFi-GAN, but with periodic activations that are applied at twice the rate between low-pass filters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from myna.models.layers import NormedConv1d, NormedConvTranspose1d

_TAPS = 12
_CUTOFF = 0.25
_HALF_WIDTH = 0.3


@dataclass(frozen=True)
class BigVganSizes:
    """Widths and rates; one mel frame becomes ``prod(rates)`` samples."""

    bands: int = 100
    rates: tuple[int, ...] = (4, 4, 2, 2, 2, 2)
    rate_kernels: tuple[int, ...] = (8, 8, 4, 4, 4, 4)
    width: int = 1536
    block_kernels: tuple[int, ...] = (3, 7, 11)
    dilations: tuple[int, ...] = (1, 3, 5)

    @property
    def hop(self) -> int:
        """Samples per mel frame."""
        return prod(self.rates)


BIGVGAN_24KHZ = BigVganSizes()
"""bigvgan_v2_24khz_100band_256x: 100 mel bands at 93.75 frames per second to 24 kHz."""


def kaiser_sinc(cutoff: float = _CUTOFF, half_width: float = _HALF_WIDTH, taps: int = _TAPS) -> torch.Tensor:
    """Low-pass kernel (1, 1, taps) of unit gain; ``cutoff`` and transition ``half_width`` in cycles per sample."""
    attenuation = 2.285 * (taps // 2 - 1) * math.pi * 4 * half_width + 7.95
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    elif attenuation >= 21:
        beta = 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    else:
        beta = 0.0
    time = np.arange(taps) - (taps - 1) / 2
    kernel = np.kaiser(taps, beta) * np.sinc(2 * cutoff * time)
    return torch.from_numpy((kernel / kernel.sum()).astype(np.float32)).view(1, 1, taps)


class _Snake(nn.Module):
    """``x + sin(alpha x)^2 / beta`` with one alpha and beta per channel, kept as logarithms."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        alpha, beta = self.alpha.exp()[:, None], self.beta.exp()[:, None]
        return x + (x * alpha).sin().square() / (beta + 1e-9)


class _Doubler(nn.Module):
    """Doubles the rate."""

    filter: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", kaiser_sinc())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, 2T)."""
        side, cut = _TAPS // 2 - 1, _TAPS + 3
        kernel = (2 * self.filter).expand(x.shape[1], -1, -1)
        padded = F.pad(x, (side, side), mode="replicate")
        return F.conv_transpose1d(padded, kernel, stride=2, groups=x.shape[1])[..., cut:-cut]


class _LowPass(nn.Module):
    """Low-pass filter that keeps every second sample."""

    filter: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", kaiser_sinc())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, 2T) to (B, C, T)."""
        padded = F.pad(x, (_TAPS // 2 - 1, _TAPS // 2), mode="replicate")
        return F.conv1d(padded, self.filter.expand(x.shape[1], -1, -1), stride=2, groups=x.shape[1])


class _Halver(nn.Module):
    """Halves the rate."""

    def __init__(self) -> None:
        super().__init__()
        self.lowpass = _LowPass()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, 2T) to (B, C, T)."""
        return self.lowpass(x)


class _Activation(nn.Module):
    """The periodic activation at twice the rate, so that its overtones do not alias."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.act = _Snake(channels)
        self.upsample = _Doubler()
        self.downsample = _Halver()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        return self.downsample(self.act(self.upsample(x)))


class _ResidualBlock(nn.Module):
    """Pairs of a dilated and an undilated convolution with activations before each and a residual path."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int], is_normed: bool) -> None:
        super().__init__()
        conv = NormedConv1d if is_normed else nn.Conv1d
        self.convs1 = nn.ModuleList(
            conv(channels, channels, kernel, dilation=dilation, padding=(kernel - 1) * dilation // 2)
            for dilation in dilations
        )
        self.convs2 = nn.ModuleList(conv(channels, channels, kernel, padding=kernel // 2) for _ in dilations)
        self.activations = nn.ModuleList(_Activation(channels) for _ in range(2 * len(dilations)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        pairs = zip(self.convs1, self.convs2, self.activations[::2], self.activations[1::2], strict=True)
        for dilated, plain, first, second in pairs:
            x = x + plain(second(dilated(first(x))))
        return x


class BigVgan(nn.Module):
    """The generator. ``is_normed`` gives the weights the published weight-norm form (see `HifiGan`)."""

    def __init__(self, sizes: BigVganSizes = BIGVGAN_24KHZ, is_normed: bool = False) -> None:
        super().__init__()
        self.sizes = sizes
        conv = NormedConv1d if is_normed else nn.Conv1d
        rise = NormedConvTranspose1d if is_normed else nn.ConvTranspose1d
        widths = [sizes.width // 2**stage for stage in range(len(sizes.rates) + 1)]
        self.conv_pre = conv(sizes.bands, widths[0], 7, padding=3)
        self.ups = nn.ModuleList(
            nn.Sequential(rise(before, after, kernel, stride=rate, padding=(kernel - rate) // 2))
            for before, after, rate, kernel in zip(
                widths[:-1], widths[1:], sizes.rates, sizes.rate_kernels, strict=True
            )
        )
        self.resblocks = nn.ModuleList(
            _ResidualBlock(width, kernel, sizes.dilations, is_normed)
            for width in widths[1:]
            for kernel in sizes.block_kernels
        )
        self.activation_post = _Activation(widths[-1])
        self.conv_post = conv(widths[-1], 1, 7, padding=3, bias=False)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """``mel`` (B, bands, T), natural log, to waveform (B, 1, T * hop) in -1..1."""
        x = self.conv_pre(mel)
        per_stage = len(self.sizes.block_kernels)
        for stage, rise in enumerate(self.ups):
            x = rise(x)
            blocks = self.resblocks[stage * per_stage : (stage + 1) * per_stage]
            x = torch.stack([block(x) for block in blocks]).mean(dim=0)
        return self.conv_post(self.activation_post(x)).clamp(-1.0, 1.0)
