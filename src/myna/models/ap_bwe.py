"""The net that widens the band of speech: AP-BWE (Lu et al. 2024), which continues spectra above the old half rate.

Two stacks of ConvNeXt blocks, one for log amplitudes and one for phases, look at each other before every block.
Attribute names are the published keys.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

_KERNEL = 7
_EXPANSION = 3
_NORM_EPS = 1e-6


@dataclass(frozen=True)
class BandwidthSizes:
    """Sizes of the net and of its spectra; the defaults are those published for 24 to 48 kHz."""

    sample_rate: int = 48_000
    n_fft: int = 1024
    hop: int = 80
    window: int = 320
    width: int = 512
    layers: int = 8

    @property
    def bins(self) -> int:
        """Frequencies of a spectrum."""
        return self.n_fft // 2 + 1


class ConvNextBlock(nn.Module):
    """A depthwise convolution over time, then a net per frame, scaled and added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(width, width, _KERNEL, padding=_KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width, eps=_NORM_EPS)
        self.pwconv1 = nn.Linear(width, _EXPANSION * width)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(_EXPANSION * width, width)
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        inner = self.norm(self.dwconv(x).transpose(1, 2))
        return x + (self.gamma * self.pwconv2(self.act(self.pwconv1(inner)))).transpose(1, 2)


class BandwidthNet(nn.Module):
    """Spectra of narrow speech to spectra of wide speech at the same rate."""

    def __init__(self, sizes: BandwidthSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes = sizes or BandwidthSizes()
        bins, width = sizes.bins, sizes.width
        self.conv_pre_mag = nn.Conv1d(bins, width, _KERNEL, padding=_KERNEL // 2)
        self.norm_pre_mag = nn.LayerNorm(width, eps=_NORM_EPS)
        self.conv_pre_pha = nn.Conv1d(bins, width, _KERNEL, padding=_KERNEL // 2)
        self.norm_pre_pha = nn.LayerNorm(width, eps=_NORM_EPS)
        self.convnext_mag = nn.ModuleList(ConvNextBlock(width) for _ in range(sizes.layers))
        self.convnext_pha = nn.ModuleList(ConvNextBlock(width) for _ in range(sizes.layers))
        self.norm_post_mag = nn.LayerNorm(width, eps=_NORM_EPS)
        self.norm_post_pha = nn.LayerNorm(width, eps=_NORM_EPS)
        self.linear_post_mag = nn.Linear(width, bins)
        self.linear_post_pha_r = nn.Linear(width, bins)
        self.linear_post_pha_i = nn.Linear(width, bins)

    def forward(self, amplitudes: torch.Tensor, phases: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log amplitudes and phases (B, bins, T) of the narrow sound to those of the wide one."""
        loud = _over_channels(self.norm_pre_mag, self.conv_pre_mag(amplitudes))
        turn = _over_channels(self.norm_pre_pha, self.conv_pre_pha(phases))
        for amplitude_block, phase_block in zip(self.convnext_mag, self.convnext_pha, strict=True):
            loud = loud + turn
            turn = turn + loud
            loud, turn = amplitude_block(loud), phase_block(turn)
        gain = self.linear_post_mag(self.norm_post_mag(loud.transpose(1, 2)))
        turn = self.norm_post_pha(turn.transpose(1, 2))
        angle = torch.atan2(self.linear_post_pha_i(turn), self.linear_post_pha_r(turn))
        return amplitudes + gain.transpose(1, 2), angle.transpose(1, 2)


def _over_channels(norm: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return norm(x.transpose(1, 2)).transpose(1, 2)
