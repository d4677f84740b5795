"""BS-Roformer and Mel-Band Roformer: transformers over time and over bands of the complex spectrum.

The spectrum of both channels is cut into bands; each band of each frame becomes a vector. Layers of attention look
along time and along the bands in turn. From every vector a small net tells the complex mask of its band. The two nets
differ in their bands (side by side, or triangles of the mel scale that overlap, whose masks are averaged), in where
norms stand, and in the depth of the last nets. Sources: Lu et al. 2023 (arXiv 2309.02612), Wang et al. 2023 (arXiv
2310.01809).
Attributes carry the names of the published files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

USUAL_BANDS = (*[2] * 24, *[4] * 12, *[12] * 8, *[24] * 8, *[48] * 8, 128, 129)
"""Bins per band of the published BS-Roformers, 1025 together."""


@dataclass(frozen=True)
class RoformerSizes:
    """What the config of a published file says of its net; the values here are those of the ``ep_317`` file.

    ``freqs_per_bands`` are the bins of each band; where it is empty the net is a Mel-Band Roformer of ``num_bands``.
    """

    dim: int = 512
    depth: int = 12
    stereo: bool = True
    num_stems: int = 1
    time_transformer_depth: int = 1
    freq_transformer_depth: int = 1
    freqs_per_bands: tuple[int, ...] = USUAL_BANDS
    num_bands: int = 0
    dim_head: int = 64
    heads: int = 8
    mlp_expansion_factor: int = 4
    mask_estimator_depth: int = 2
    skip_connection: bool = False
    sample_rate: int = 44100
    stft_n_fft: int = 2048
    stft_hop_length: int = 441
    stft_win_length: int = 2048
    stft_normalized: bool = False

    @property
    def channels(self) -> int:
        """Channels of the sound."""
        return 2 if self.stereo else 1


class RootMeanSquareNorm(nn.Module):
    """(..., width) to the same, each vector of length sqrt(width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = math.sqrt(width)
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=-1) * self.scale * self.gamma


class Rotary(nn.Module):
    """Positions by rotation of neighbouring pairs: (..., T, width) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.freqs = nn.Parameter(1.0 / 10000 ** (torch.arange(0, width, 2).float() / width))

    def forward(self, x: Tensor) -> Tensor:
        angles = torch.arange(x.shape[-2], device=x.device)[:, None] * self.freqs.float()
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        even, odd = x[..., 0::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1).flatten(-2)


class Attention(nn.Module):
    """Gated attention with rotary positions: (B, T, width) to the same."""

    def __init__(self, width: int, heads: int, head_width: int, rotary: Rotary) -> None:
        super().__init__()
        self.heads = heads
        self.norm = RootMeanSquareNorm(width)
        self.rotary_embed = rotary
        self.to_qkv = nn.Linear(width, 3 * heads * head_width, bias=False)
        self.to_gates = nn.Linear(width, heads)
        self.to_out = nn.Sequential(nn.Linear(heads * head_width, width, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        B, T, _ = x.shape
        query, key, value = self.to_qkv(x).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        heard = F.scaled_dot_product_attention(self.rotary_embed(query), self.rotary_embed(key), value)
        gated = heard.transpose(1, 2) * self.to_gates(x)[..., None].sigmoid()
        return self.to_out(gated.reshape(B, T, -1))


class FeedForward(nn.Module):
    """(B, T, width) to the same, through four times the width. Numbered with the dropouts of training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            RootMeanSquareNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Identity(),
            nn.Linear(4 * width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Transformer(nn.Module):
    """``depth`` layers of attention and feed-forward: (B, T, width) to the same."""

    def __init__(self, sizes: RoformerSizes, depth: int, rotary: Rotary, *, has_norm: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([Attention(sizes.dim, sizes.heads, sizes.dim_head, rotary), FeedForward(sizes.dim)])
            for _ in range(depth)
        )
        self.norm = RootMeanSquareNorm(sizes.dim) if has_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleList)
            x = layer[0](x) + x
            x = layer[1](x) + x
        return self.norm(x)


class BandSplit(nn.Module):
    """Bands side by side, (B, T, sum of widths), each to a vector: (B, T, bands, width)."""

    def __init__(self, width: int, band_widths: list[int]) -> None:
        super().__init__()
        self.band_widths = band_widths
        self.to_features = nn.ModuleList(
            nn.Sequential(RootMeanSquareNorm(band), nn.Linear(band, width)) for band in band_widths
        )

    def forward(self, x: Tensor) -> Tensor:
        bands = x.split(self.band_widths, dim=-1)
        return torch.stack([net(band) for net, band in zip(self.to_features, bands, strict=True)], dim=-2)


class MaskEstimator(nn.Module):
    """The complex mask of one stem, bands side by side: (B, T, bands, width) to (B, T, sum of widths)."""

    def __init__(self, width: int, band_widths: list[int], num_hidden: int, hidden_width: int) -> None:
        super().__init__()
        widths = [width, *[hidden_width] * num_hidden]
        self.to_freqs = nn.ModuleList(
            nn.Sequential(_dense([*widths, 2 * band]), nn.GLU(dim=-1)) for band in band_widths
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([net(band) for net, band in zip(self.to_freqs, x.unbind(dim=-2), strict=True)], dim=-1)


def _dense(widths: list[int]) -> nn.Sequential:
    """Linear layers with tanh between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


class Roformer(nn.Module):
    """Sound (B, channels, T) to stems (B, stems, channels, T'), T' the last whole hop.

    ``bins`` of each band, as indices, may overlap. Subclasses say which bands there are and where norms stand.
    """

    def __init__(self, sizes: RoformerSizes, bins: list[Tensor], *, num_hidden: int, norms_inside: bool) -> None:
        super().__init__()
        self.sizes = sizes
        num_bins = sizes.stft_n_fft // 2 + 1
        channels = torch.arange(sizes.channels, device=bins[0].device)
        indices = torch.cat(bins)
        # Frequency first, then channel: the two channels of a bin stand beside each other.
        self.register_buffer("rows", (indices[:, None] * sizes.channels + channels).flatten(), persistent=False)
        shares = torch.bincount(indices, minlength=num_bins).clamp(min=1).repeat_interleave(sizes.channels)
        self.register_buffer("shares", shares, persistent=False)
        widths = [2 * sizes.channels * len(band) for band in bins]
        time_rotary, band_rotary = Rotary(sizes.dim_head), Rotary(sizes.dim_head)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    Transformer(sizes, sizes.time_transformer_depth, time_rotary, has_norm=norms_inside),
                    Transformer(sizes, sizes.freq_transformer_depth, band_rotary, has_norm=norms_inside),
                ]
            )
            for _ in range(sizes.depth)
        )
        self.final_norm = nn.Identity() if norms_inside else RootMeanSquareNorm(sizes.dim)
        self.band_split = BandSplit(sizes.dim, widths)
        hidden_width = sizes.dim * sizes.mlp_expansion_factor
        self.mask_estimators = nn.ModuleList(
            MaskEstimator(sizes.dim, widths, num_hidden, hidden_width) for _ in range(sizes.num_stems)
        )

    def forward(self, sound: Tensor) -> Tensor:
        B, channels, _ = sound.shape
        spectrum = self._spectrum(sound)
        rows = self.get_buffer("rows")
        banded = torch.view_as_real(spectrum[:, rows])  # (B, rows, T, 2)
        x = self.band_split(banded.permute(0, 2, 1, 3).flatten(2))
        x = self._attended(x)
        masks = torch.stack([net(x).float() for net in self.mask_estimators], dim=1)
        masks = torch.view_as_complex(masks.unflatten(-1, (-1, 2)).contiguous()).transpose(2, 3)
        summed = torch.zeros(B, self.sizes.num_stems, *spectrum.shape[1:], dtype=masks.dtype, device=masks.device)
        summed.index_add_(2, rows, masks)
        stems = spectrum[:, None] * summed / self.get_buffer("shares")[:, None]
        by_channel = stems.unflatten(2, (-1, channels)).transpose(2, 3)
        return self._sound(by_channel)

    def _attended(self, x: Tensor) -> Tensor:
        """(B, T, bands, width) to the same."""
        B, T, bands, _ = x.shape
        before = torch.zeros_like(x)
        for layer in self.layers:
            assert isinstance(layer, nn.ModuleList)
            over_time, over_bands = layer[0], layer[1]
            if self.sizes.skip_connection:
                x = x + before
            x = over_time(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (B, bands)).transpose(1, 2)
            x = over_bands(x.flatten(0, 1)).unflatten(0, (B, T))
            before = before + x if self.sizes.skip_connection else before
        return self.final_norm(x)

    def _stft(self, device: torch.device) -> dict[str, Any]:
        sizes = self.sizes
        window = torch.hann_window(sizes.stft_win_length, device=device)
        lengths = {"n_fft": sizes.stft_n_fft, "hop_length": sizes.stft_hop_length, "win_length": sizes.stft_win_length}
        return {**lengths, "normalized": sizes.stft_normalized, "window": window}

    def _spectrum(self, sound: Tensor) -> Tensor:
        """(B, channels, T) to (B, bins * channels, frames), complex."""
        spectrum = torch.stft(sound.float().flatten(0, 1), **self._stft(sound.device), return_complex=True)
        return spectrum.unflatten(0, sound.shape[:2]).transpose(1, 2).flatten(1, 2)

    def _sound(self, spectrum: Tensor) -> Tensor:
        """(B, stems, channels, bins, frames) to (B, stems, channels, T)."""
        wave = torch.istft(spectrum.flatten(0, 2), **self._stft(spectrum.device))
        return wave.unflatten(0, spectrum.shape[:3])


class BsRoformer(Roformer):
    """Bands side by side; one norm behind all layers."""

    def __init__(self, sizes: RoformerSizes) -> None:
        num_bins = sizes.stft_n_fft // 2 + 1
        if sum(sizes.freqs_per_bands) != num_bins:
            raise ValueError(f"freqs_per_bands add up to {sum(sizes.freqs_per_bands)} and not to {num_bins}")
        bins = list(torch.arange(num_bins, device="cpu").split(list(sizes.freqs_per_bands)))
        super().__init__(sizes, bins, num_hidden=sizes.mask_estimator_depth - 1, norms_inside=False)


class MelBandRoformer(Roformer):
    """Bands of the mel scale, which overlap; a norm behind every transformer.

    ``filters`` (bands, bins) are the mel filters: a bin belongs to each band whose filter lets it through.
    """

    def __init__(self, sizes: RoformerSizes, filters: Tensor) -> None:
        inside = filters.cpu() > 0
        inside[0, 0] = inside[-1, -1] = True
        if not bool(inside.any(dim=0).all()):
            raise ValueError(f"{sizes.num_bands} mel bands do not cover all {inside.shape[1]} bins")
        bins = [band.nonzero().flatten() for band in inside]
        super().__init__(sizes, bins, num_hidden=sizes.mask_estimator_depth, norms_inside=True)
