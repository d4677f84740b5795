"""HiFi-GAN generator (Kong et al. 2020, arXiv:2010.05646): frames to waveform.

It is the vocoder of the v4 models and, conditioned on a speaker vector, the decoder of the VITS kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import nn
from torch.nn import functional as F

from myna.models.layers import NormedConv1d, NormedConvTranspose1d

_SLOPE = 0.1
_LAST_SLOPE = 0.01


@dataclass(frozen=True)
class HifiGanSizes:
    """Widths and rates; one input frame becomes ``prod(rates)`` samples."""

    channels: int
    rates: tuple[int, ...]
    rate_kernels: tuple[int, ...]
    width: int = 512
    block_kernels: tuple[int, ...] = (3, 7, 11)
    dilations: tuple[int, ...] = (1, 3, 5)
    condition_width: int = 0
    has_last_bias: bool = True

    @property
    def hop(self) -> int:
        """Samples per input frame."""
        return prod(self.rates)


V4_VOCODER = HifiGanSizes(channels=100, rates=(10, 6, 2, 2, 2), rate_kernels=(20, 12, 4, 4, 4))
"""100 mel bands at 100 frames per second to 48 kHz."""


class _ResidualBlock(nn.Module):
    """Pairs of a dilated and an undilated convolution, each pair with a residual path."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int], is_normed: bool) -> None:
        super().__init__()
        conv = NormedConv1d if is_normed else nn.Conv1d
        self.convs1 = nn.ModuleList(
            conv(channels, channels, kernel, dilation=dilation, padding=(kernel - 1) * dilation // 2)
            for dilation in dilations
        )
        self.convs2 = nn.ModuleList(conv(channels, channels, kernel, padding=kernel // 2) for _ in dilations)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(F.leaky_relu(dilated(F.leaky_relu(x, _SLOPE)), _SLOPE))
        return x


class HifiGan(nn.Module):
    """Transposed convolutions, each followed by the mean of several residual blocks.

    ``is_normed`` gives the weights the published weight-norm form for training; without it the net is smaller and
    faster (`myna.models.layers.fold_weight_norm` converts a state dict).
    """

    def __init__(self, sizes: HifiGanSizes, is_normed: bool = False) -> None:
        super().__init__()
        self.sizes = sizes
        rise = NormedConvTranspose1d if is_normed else nn.ConvTranspose1d
        widths = [sizes.width // 2**stage for stage in range(len(sizes.rates) + 1)]
        self.conv_pre = nn.Conv1d(sizes.channels, widths[0], 7, padding=3)
        if sizes.condition_width:
            self.cond = nn.Conv1d(sizes.condition_width, widths[0], 1)
        self.ups = nn.ModuleList(
            rise(before, after, kernel, stride=rate, padding=(kernel - rate) // 2)
            for before, after, rate, kernel in zip(
                widths[:-1], widths[1:], sizes.rates, sizes.rate_kernels, strict=True
            )
        )
        self.resblocks = nn.ModuleList(
            _ResidualBlock(width, kernel, sizes.dilations, is_normed)
            for width in widths[1:]
            for kernel in sizes.block_kernels
        )
        self.conv_post = nn.Conv1d(widths[-1], 1, 7, padding=3, bias=sizes.has_last_bias)

    def forward(self, frames: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        """``frames`` (B, channels, T), ``condition`` (B, condition_width, 1), to waveform (B, 1, T * hop) in -1..1."""
        x = self.conv_pre(frames)
        if condition is not None:
            x = x + self.cond(condition)
        per_stage = len(self.sizes.block_kernels)
        for stage, rise in enumerate(self.ups):
            x = rise(F.leaky_relu(x, _SLOPE))
            blocks = self.resblocks[stage * per_stage : (stage + 1) * per_stage]
            x = torch.stack([block(x) for block in blocks]).mean(dim=0)
        return torch.tanh(self.conv_post(F.leaky_relu(x, _LAST_SLOPE)))
