"""The judges of HiFi-GAN training: is this sound recorded or made? One looks at it whole, others at every n-th sample.

Multi-period discriminators: Kong et al. 2020, arXiv:2010.05646; the one at full scale: MelGAN, arXiv:1910.06711.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from myna.models.layers import NormedConv1d, NormedConv2d

_SLOPE = 0.1
_WIDTH = 1024
_PERIOD_SHARES = (32, 8, 2, 1, 1)
"""By what each convolution over every n-th sample is narrower than the widest."""
_SCALE_LAYERS = (
    (64, 15, 1, 1),
    (16, 41, 4, 4),
    (4, 41, 4, 16),
    (1, 41, 4, 64),
    (1, 41, 4, 256),
    (1, 5, 1, 1),
)
"""The same share, kernel, stride and groups (at most) of each convolution over the whole sound."""


@dataclass(frozen=True)
class Judgement:
    """One judge's opinion (B, N), 1 for recorded and 0 for made, and what it noticed on the way, layer by layer."""

    opinion: torch.Tensor
    features: list[torch.Tensor]

    def __getitem__(self, rows: slice) -> Judgement:
        """Of some of the sounds."""
        return Judgement(self.opinion[rows], [layer[rows] for layer in self.features])


class ScaleJudge(nn.Module):
    """Grouped convolutions over the sound as it is."""

    def __init__(self, width: int = _WIDTH) -> None:
        super().__init__()
        widths = (1, *(max(width // share, 1) for share, *_ in _SCALE_LAYERS))
        self.convs = nn.ModuleList(
            NormedConv1d(
                before, after, kernel, stride=stride, groups=math.gcd(groups, before, after), padding=kernel // 2
            )
            for before, after, (_, kernel, stride, groups) in zip(widths[:-1], widths[1:], _SCALE_LAYERS, strict=True)
        )
        self.conv_post = NormedConv1d(widths[-1], 1, 3, padding=1)

    def forward(self, sound: torch.Tensor) -> Judgement:
        """Judge waveforms (B, 1, T)."""
        features = []
        for conv in self.convs:
            sound = F.leaky_relu(conv(sound), _SLOPE)
            features.append(sound)
        features.append(self.conv_post(sound))
        return Judgement(features[-1].flatten(1), features)


class PeriodJudge(nn.Module):
    """Convolutions over every ``period``-th sample."""

    def __init__(self, period: int, width: int = _WIDTH) -> None:
        super().__init__()
        self.period = period
        widths = (1, *(max(width // share, 1) for share in _PERIOD_SHARES))
        strides = [3] * (len(_PERIOD_SHARES) - 1) + [1]
        self.convs = nn.ModuleList(
            NormedConv2d(before, width, (5, 1), stride=(stride, 1), padding=(2, 0))
            for before, width, stride in zip(widths[:-1], widths[1:], strides, strict=True)
        )
        self.conv_post = NormedConv2d(widths[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, sound: torch.Tensor) -> Judgement:
        """Judge waveforms (B, 1, T); what is missing for a whole period is mirrored at the end."""
        missing = -sound.shape[-1] % self.period
        whole = F.pad(sound, (0, missing), mode="reflect") if missing else sound
        # Time lies in the last axis meanwhile, and channels inmost in memory: processors read it faster so.
        x = whole.unflatten(-1, (-1, self.period)).transpose(2, 3)
        features = []
        for conv in cast(Iterable[NormedConv2d], self.convs):
            x = F.leaky_relu(conv.across(x), _SLOPE).contiguous(memory_format=torch.channels_last)
            features.append(x.transpose(2, 3))
        features.append(self.conv_post.across(x).transpose(2, 3))
        return Judgement(features[-1].flatten(1), features)


class ResolutionJudge(nn.Module):
    """Convolutions over the magnitudes of short-time spectra of ``n_fft`` samples (Jang et al. 2021, UnivNet)."""

    def __init__(self, n_fft: int, width: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.window: torch.Tensor
        self.convs = nn.ModuleList(
            NormedConv2d(before, width, (3, span), stride=(1, stride), padding=(1, span // 2))
            for before, span, stride in ((1, 9, 1), (width, 9, 2), (width, 9, 2), (width, 3, 2))
        )
        self.conv_post = NormedConv2d(width, 1, (3, 3), padding=(1, 1))

    def forward(self, sound: torch.Tensor) -> Judgement:
        """Judge waveforms (B, 1, T)."""
        with torch.autocast(sound.device.type, enabled=False):
            spectra = torch.stft(
                sound[:, 0].float(), self.n_fft, self.n_fft // 4, window=self.window, return_complex=True
            )
            x = torch.log1p(100 * spectra.abs() / self.n_fft**0.5).transpose(1, 2)[:, None]
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), _SLOPE)
            features.append(x)
        features.append(self.conv_post(x))
        return Judgement(features[-1].flatten(1), features)


class VocoderJudges(nn.Module):
    """Small judges of a vocoder's sound: over every n-th sample, and over spectra of several resolutions."""

    def __init__(self, periods: Sequence[int], resolutions: Sequence[int], width: int) -> None:
        super().__init__()
        by_period = (PeriodJudge(period, 4 * width) for period in periods)
        self.discriminators = nn.ModuleList([*by_period, *(ResolutionJudge(n_fft, width) for n_fft in resolutions)])

    def forward(self, sound: torch.Tensor) -> list[Judgement]:
        """Every judge's judgement of waveforms (B, 1, T)."""
        return [judge(sound) for judge in self.discriminators]


class Discriminators(nn.Module):
    """All judges, of at most ``width`` channels; attribute names are the published keys."""

    def __init__(self, periods: Sequence[int], width: int = _WIDTH) -> None:
        super().__init__()
        judges = (PeriodJudge(period, width) for period in periods)
        self.discriminators = nn.ModuleList([ScaleJudge(width), *judges])

    def forward(self, sound: torch.Tensor) -> list[Judgement]:
        """Every judge's judgement of waveforms (B, 1, T)."""
        return [judge(sound) for judge in self.discriminators]

    def compare(self, recorded: torch.Tensor, made: torch.Tensor) -> tuple[list[Judgement], list[Judgement]]:
        """The judgements of two batches (B, 1, T) of one length, each judge listening once."""
        both = self(torch.cat((recorded, made)))
        return [one[: len(recorded)] for one in both], [one[len(recorded) :] for one in both]
