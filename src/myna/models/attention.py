"""Attention over (B, C, T) as the VITS family uses it: windowed relative positions, cross attention, the stack."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from myna.models.layers import ChannelNorm, masked

_MASKED_SCORE = -1e4
_WINDOW = 4


class RelativeAttention(nn.Module):
    """Self attention with learned keys and values for the offsets -4..4, shared by the heads.

    Shaw et al. 2018, as in VITS. Only the diagonal band is touched for the relative terms, in place.
    """

    def __init__(self, channels: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.head_width = channels // heads
        self.conv_q = nn.Conv1d(channels, channels, 1)
        self.conv_k = nn.Conv1d(channels, channels, 1)
        self.conv_v = nn.Conv1d(channels, channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)
        self.emb_rel_k = nn.Parameter(torch.randn(1, 2 * _WINDOW + 1, self.head_width) * self.head_width**-0.5)
        self.emb_rel_v = nn.Parameter(torch.randn(1, 2 * _WINDOW + 1, self.head_width) * self.head_width**-0.5)
        self.drop = nn.Dropout(dropout)
        for conv in (self.conv_q, self.conv_k, self.conv_v):
            nn.init.xavier_uniform_(conv.weight)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """``x`` (B, C, T), boolean ``mask`` (B, 1, T), to (B, C, T); invalid frames come out arbitrary."""
        query = self._split(self.conv_q(x)) * self.head_width**-0.5
        key, value = self._split(self.conv_k(x)), self._split(self.conv_v(x))
        columns, inside = _band(x.shape[-1], x.device)
        columns = columns.expand(*query.shape[:2], -1, -1)
        scores = torch.matmul(query, key.transpose(-2, -1))
        near = torch.matmul(query, self.emb_rel_k.transpose(-2, -1)) * inside
        scores.scatter_add_(-1, columns, near.to(scores.dtype))
        if mask is not None:
            scores.masked_fill_(~mask.unsqueeze(1), _MASKED_SCORE)
        shares = self.drop(torch.softmax(scores, dim=-1))
        out = torch.matmul(shares, value)
        out = out + torch.matmul(shares.gather(-1, columns) * inside, self.emb_rel_v)
        return self.conv_o(out.transpose(-2, -1).reshape(x.shape))

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, heads, T, head_width)."""
        return x.view(x.shape[0], self.heads, self.head_width, x.shape[-1]).transpose(-2, -1)


def _band(size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """For each of ``size`` queries the keys at offsets -4..4, (size, 9), kept inside; and which really are inside."""
    offsets = torch.arange(-_WINDOW, _WINDOW + 1, device=device)
    columns = torch.arange(size, device=device)[:, None] + offsets
    return columns.clamp(0, size - 1), (columns >= 0) & (columns < size)


class CrossAttention(nn.Module):
    """Plain multi-head attention from one sequence to another."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.conv_q = nn.Conv1d(channels, channels, 1)
        self.conv_k = nn.Conv1d(channels, channels, 1)
        self.conv_v = nn.Conv1d(channels, channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)
        for conv in (self.conv_q, self.conv_k, self.conv_v):
            nn.init.xavier_uniform_(conv.weight)

    def forward(self, x: torch.Tensor, source: torch.Tensor, source_mask: torch.Tensor | None = None) -> torch.Tensor:
        """``x`` (B, C, Tq) looks at ``source`` (B, C, Tk) where the boolean ``source_mask`` (B, 1, Tk) allows."""
        query, key, value = (
            projected.view(x.shape[0], self.heads, -1, projected.shape[-1]).transpose(-2, -1)
            for projected in (self.conv_q(x), self.conv_k(source), self.conv_v(source))
        )
        mask = None if source_mask is None else source_mask.unsqueeze(1)
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.conv_o(out.transpose(-2, -1).reshape(x.shape))


class ConvFeedForward(nn.Module):
    """Two convolutions with ReLU between, length kept."""

    def __init__(self, channels: int, filter_channels: int, kernel: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.side = ((kernel - 1) // 2, kernel // 2)
        self.conv_1 = nn.Conv1d(channels, filter_channels, kernel)
        self.conv_2 = nn.Conv1d(filter_channels, channels, kernel)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        x = self.drop(torch.relu(self.conv_1(F.pad(masked(x, mask), self.side))))
        return masked(self.conv_2(F.pad(masked(x, mask), self.side)), mask)


class AttentionStack(nn.Module):
    """Post-norm transformer over (B, C, T): relative attention and convolutional feed-forward."""

    def __init__(
        self, channels: int, filter_channels: int, heads: int, layers: int, kernel: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.attn_layers = nn.ModuleList(RelativeAttention(channels, heads, dropout) for _ in range(layers))
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(channels) for _ in range(layers))
        self.ffn_layers = nn.ModuleList(
            ConvFeedForward(channels, filter_channels, kernel, dropout) for _ in range(layers)
        )
        self.norm_layers_2 = nn.ModuleList(ChannelNorm(channels) for _ in range(layers))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """``x`` (B, C, T), boolean ``mask`` (B, 1, T), to (B, C, T) with invalid frames zero."""
        x = masked(x, mask)
        layers = zip(self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2, strict=True)
        for attend, norm_1, feed, norm_2 in layers:
            x = norm_1(x + self.drop(attend(x, mask)))
            x = norm_2(x + self.drop(feed(x, mask)))
        return masked(x, mask)
