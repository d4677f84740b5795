"""Diffusion transformer that predicts a flow's velocity (the DiT of F5-TTS, with a second embedding for step size)."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from myna.core.versions import FlowSizes
from myna.models.layers import masked

_TIME_WIDTH = 256
_TIME_SCALE = 1000.0
_MAX_POSITION = 4095
_POSITION_KERNEL = 31
_POSITION_GROUPS = 16


class TimeEmbedding(nn.Module):
    """A number in 0..1 (time or step size) to a vector."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.time_mlp = nn.Sequential(nn.Linear(_TIME_WIDTH, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, time: torch.Tensor) -> torch.Tensor:
        """(B,) to (B, width)."""
        half = _TIME_WIDTH // 2
        steps = torch.arange(half, device=time.device, dtype=torch.float32)
        angles = _TIME_SCALE * time.float()[:, None] * torch.exp(steps * (-math.log(10000.0) / (half - 1)))
        return self.time_mlp(torch.cat([angles.sin(), angles.cos()], dim=-1))


class _ResponseNorm(nn.Module):
    """Global response normalisation over time (ConvNeXt V2): without a mask, padding counts as signal."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, width))
        self.beta = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """``x`` (B, T, C), ``mask`` (B, T, 1), to (B, T, C)."""
        energy = torch.linalg.vector_norm(masked(x, mask), dim=1, keepdim=True, dtype=torch.float32)
        share = energy / (energy.mean(dim=-1, keepdim=True) + 1e-6)
        return self.gamma * (x * share.to(x.dtype)) + self.beta + x


class _TextBlock(nn.Module):
    """One ConvNeXt V2 block over time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pwconv1 = nn.Linear(width, 2 * width)
        self.grn = _ResponseNorm(2 * width)
        self.pwconv2 = nn.Linear(2 * width, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """``x`` (B, T, C), ``mask`` (B, T, 1), to (B, T, C)."""
        hidden = self.norm(self.dwconv(x.transpose(1, 2)).transpose(1, 2))
        hidden = self.grn(F.gelu(self.pwconv1(hidden)), mask)
        return masked(x + self.pwconv2(hidden), mask)


class TextEmbedding(nn.Module):
    """Features with an absolute position code, through ConvNeXt blocks."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.text_blocks = nn.ModuleList(_TextBlock(width) for _ in range(layers))

    def forward(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """``features`` (B, T, C), boolean ``mask`` (B, T, 1) or None to let padding in, to (B, T, C)."""
        x = masked(features + _position_code(features), mask)
        for block in self.text_blocks:
            x = block(x, mask)
        return x


def _position_code(like: torch.Tensor) -> torch.Tensor:
    """cos then sin of position times 10000^(-2i/C), (T, C); positions from 4095 on share one code."""
    length, width = like.shape[1:]
    positions = torch.arange(length, device=like.device, dtype=torch.float32).clamp(max=_MAX_POSITION)
    rates = 10000.0 ** (-torch.arange(0, width, 2, device=like.device, dtype=torch.float32) / width)
    angles = positions[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class _PositionConv(nn.Module):
    """Two wide grouped convolutions over time: a learned relative position code."""

    def __init__(self, width: int) -> None:
        super().__init__()
        side = _POSITION_KERNEL // 2
        self.conv1d = nn.Sequential(
            nn.Conv1d(width, width, _POSITION_KERNEL, groups=_POSITION_GROUPS, padding=side),
            nn.Mish(),
            nn.Conv1d(width, width, _POSITION_KERNEL, groups=_POSITION_GROUPS, padding=side),
            nn.Mish(),
        )

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """``x`` (B, T, C), ``mask`` (B, T, 1), to (B, T, C)."""
        columns, hidden = None if mask is None else mask.transpose(1, 2), x.transpose(1, 2)
        for layer in self.conv1d:
            hidden = masked(layer(hidden), columns)
        return hidden.transpose(1, 2)


class InputEmbedding(nn.Module):
    """Noisy mel, prompt mel and text embedding side by side, projected to the transformer's width."""

    def __init__(self, mel_bands: int, text_width: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(2 * mel_bands + text_width, width)
        self.conv_pos_embed = _PositionConv(width)

    def forward(
        self, x: torch.Tensor, prompt: torch.Tensor, text: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """``x`` and ``prompt`` (B, T, bands), ``text`` (B, T, text_width), ``mask`` (B, T, 1), to (B, T, width)."""
        x = masked(self.proj(torch.cat([x, prompt, text.to(x.dtype)], dim=-1)), mask)
        return x + self.conv_pos_embed(x, mask)


class _Rotary(nn.Module):
    """Rotation of neighbouring channel pairs by their position (RoPE)."""

    inv_freq: torch.Tensor

    def __init__(self, head_width: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", 10000.0 ** (-torch.arange(0, head_width, 2).float() / head_width))

    def forward(self, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """cos and sin, each (length, head_width / 2)."""
        positions = torch.arange(length, device=self.inv_freq.device, dtype=torch.float32)
        angles = positions[:, None] * self.inv_freq.float()
        return angles.cos(), angles.sin()


Turn = tuple[torch.Tensor, torch.Tensor]


def _rotate(x: torch.Tensor, turn: Turn) -> torch.Tensor:
    """Turn the pairs (2i, 2i + 1) of ``x`` (..., T, head_width), in float32."""
    cos, sin = turn
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1).flatten(-2).type_as(x)


class _Attention(nn.Module):
    """Self attention; the published weights want only the first head rotated."""

    def __init__(self, width: int, heads: int, dropout: float, rotary_all_heads: bool) -> None:
        super().__init__()
        self.heads = heads
        self.rotary_all_heads = rotary_all_heads
        self.to_q = nn.Linear(width, width)
        self.to_k = nn.Linear(width, width)
        self.to_v = nn.Linear(width, width)
        self.to_out = nn.ModuleList([nn.Linear(width, width), nn.Dropout(dropout)])

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None, turn: Turn) -> torch.Tensor:
        """``x`` (B, T, C), boolean ``mask`` (B, T, 1), to (B, T, C) with invalid frames zero."""
        query, key, value = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for project in (self.to_q, self.to_k, self.to_v)
        )
        query, key = self._turned(query, turn), self._turned(key, turn)
        keys = None if mask is None else mask.transpose(1, 2).unsqueeze(1)
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=keys)
        out = out.transpose(1, 2).flatten(2)
        for layer in self.to_out:
            out = layer(out)
        return masked(out, mask)

    def _turned(self, x: torch.Tensor, turn: Turn) -> torch.Tensor:
        if self.rotary_all_heads:
            return _rotate(x, turn)
        return torch.cat([_rotate(x[:, :1], turn), x[:, 1:]], dim=1)


class _FeedForward(nn.Module):
    """Linear, GELU (tanh), linear."""

    def __init__(self, width: int, mult: int, dropout: float) -> None:
        super().__init__()
        rise = nn.Sequential(nn.Linear(width, width * mult), nn.GELU(approximate="tanh"))
        self.ff = nn.Sequential(rise, nn.Dropout(dropout), nn.Linear(width * mult, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, C) to (B, T, C)."""
        return self.ff(x)


class _Modulation(nn.Module):
    """The time vector's ``parts`` shifts, scales and gates; zero at the start of training (AdaLN-Zero)."""

    def __init__(self, width: int, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.linear = nn.Linear(width, width * parts)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, time: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, C) to ``parts`` tensors (B, 1, C)."""
        return self.linear(F.silu(time)).unsqueeze(1).chunk(self.parts, dim=-1)


def _modulated(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


class _Block(nn.Module):
    """One transformer block."""

    def __init__(self, width: int, heads: int, mult: int, dropout: float, rotary_all_heads: bool) -> None:
        super().__init__()
        self.attn_norm = _Modulation(width, 6)
        self.attn = _Attention(width, heads, dropout, rotary_all_heads)
        self.ff = _FeedForward(width, mult, dropout)

    def forward(self, x: torch.Tensor, time: torch.Tensor, mask: torch.Tensor | None, turn: Turn) -> torch.Tensor:
        """``x`` (B, T, C), ``time`` (B, C), ``mask`` (B, T, 1), to (B, T, C)."""
        attn_shift, attn_scale, attn_gate, ff_shift, ff_scale, ff_gate = self.attn_norm(time)
        x = x + attn_gate * self.attn(_modulated(x, attn_shift, attn_scale), mask, turn)
        return x + ff_gate * self.ff(_modulated(x, ff_shift, ff_scale))


class DiT(nn.Module):
    """Velocity of the flow at a noisy mel, given prompt, text, time and step size.

    ``recomputes_blocks``: training keeps only what enters each block and computes the rest again on the way back: less
    memory for a third more time.
    """

    def __init__(self, sizes: FlowSizes, dropout: float = 0.0) -> None:
        super().__init__()
        width = sizes.dit_width
        self.masks_padding = sizes.masks_padding
        self.recomputes_blocks = False
        self.time_embed = TimeEmbedding(width)
        self.d_embed = TimeEmbedding(width)
        self.text_embed = TextEmbedding(sizes.feature_width, sizes.dit_conv_layers)
        self.input_embed = InputEmbedding(sizes.mel_bands, sizes.feature_width, width)
        self.rotary_embed = _Rotary(width // sizes.dit_heads)
        self.transformer_blocks = nn.ModuleList(
            _Block(width, sizes.dit_heads, sizes.dit_feed_forward_mult, dropout, sizes.rotary_all_heads)
            for _ in range(sizes.dit_depth)
        )
        self.norm_out = _Modulation(width, 2)
        self.proj_out = nn.Linear(width, sizes.mel_bands)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def embed_text(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Features (B, T, feature_width) to the text embedding (B, T, feature_width): the same for every step."""
        return self.text_embed(features, mask if self.masks_padding else None)

    def forward(
        self,
        x: torch.Tensor,
        prompt: torch.Tensor,
        text: torch.Tensor,
        time: torch.Tensor,
        step: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Noisy ``x`` and ``prompt`` (B, T, bands), ``text`` of `embed_text`, ``time`` and ``step`` size (B,) in 0..1.

        ``mask`` (B, T, 1) marks valid frames. Returns the velocity (B, T, bands).
        """
        moment = self.time_embed(time) + self.d_embed(step)
        hidden = self.input_embed(x, prompt, text, mask if self.masks_padding else None)
        turn = self.rotary_embed(x.shape[1])
        is_recomputed = self.recomputes_blocks and torch.is_grad_enabled()
        for block in self.transformer_blocks:
            if is_recomputed:
                hidden = checkpoint(block, hidden, moment, mask, turn, use_reentrant=False)
            else:
                hidden = block(hidden, moment, mask, turn)
        scale, shift = self.norm_out(moment)
        return self.proj_out(_modulated(hidden, shift, scale))
