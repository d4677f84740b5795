"""The parts of the text-to-semantic net: embeddings, sinusoidal positions, post-norm layers, attention mask.

Attribute names are the published key names. Shapes: B sentences, T columns, W = width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from myna.core.versions import GptSizes
from myna.models.dropout import dropout


def sine_table(num_positions: int, width: int, device: torch.device | None = None) -> Tensor:
    """Sinusoidal positions (num_positions, width), float32: sine on even channels, cosine on odd ones."""
    position = torch.arange(num_positions, dtype=torch.float32, device=device)[:, None]
    channel = torch.arange(0, width, 2, dtype=torch.float32, device=device)
    angle = position * torch.exp(channel * -(math.log(10000.0) / width))
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)


class Embedding(nn.Module):
    """A lookup table, under the published name ``word_embeddings``."""

    def __init__(self, num_entries: int, width: int) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(num_entries, width)

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) int64 -> (B, T, W)."""
        return self.word_embeddings(ids)


class SinePosition(nn.Module):
    """Adds sinusoidal positions, scaled by one learned number."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1))
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W); the first column is position 0."""
        table = sine_table(x.shape[1], x.shape[2], x.device)
        return dropout(x + (self.alpha * table).to(x.dtype), self.dropout, self.training)


class SelfAttention(nn.Module):
    """Multi-head self-attention with one packed projection, its rows in the order query, key, value."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, W) and an additive mask (B or 1, 1, T, T) -> (B, T, W)."""
        batch, length, width = x.shape
        packed = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = packed.view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        attended = self._attend(query, key, value, mask)
        return self.out_proj(attended.transpose(1, 2).reshape(batch, length, width))

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Heads (B, H, T, W / H) and the mask -> (B, H, T, W / H)."""
        is_dropping = self.training and self.dropout > 0.0
        if not is_dropping or query.device.type != "cpu":
            share = self.dropout if is_dropping else 0.0
            return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=share)
        # On a CPU torch has no fused kernel with dropout, and its plain way is slower than this one.
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2) + mask
        return dropout(scores.softmax(dim=-1), self.dropout, True) @ value


class Layer(nn.Module):
    """One post-norm transformer layer with a ReLU feed-forward net."""

    def __init__(self, sizes: GptSizes, dropout: float) -> None:
        super().__init__()
        self.self_attn = SelfAttention(sizes.width, sizes.heads, dropout)
        self.linear1 = nn.Linear(sizes.width, sizes.feed_forward)
        self.linear2 = nn.Linear(sizes.feed_forward, sizes.width)
        self.norm1 = nn.LayerNorm(sizes.width)
        self.norm2 = nn.LayerNorm(sizes.width)
        self.dropout = dropout

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, W) and an additive mask (B or 1, 1, T, T) -> (B, T, W)."""
        x = self.norm1(x + self._drop(self.self_attn(x, mask)))
        hidden = self._drop(F.relu(self.linear1(x)))
        return self.norm2(x + self._drop(self.linear2(hidden)))

    def _drop(self, x: Tensor) -> Tensor:
        return dropout(x, self.dropout, self.training)


class LayerStack(nn.Module):
    """The layers, under the published name ``h.layers``."""

    def __init__(self, sizes: GptSizes, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(sizes, dropout) for _ in range(sizes.layers))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, W) and an additive mask (B or 1, 1, T, T) -> (B, T, W)."""
        for layer in self.layers:
            x = layer(x, mask)
        return x


def attention_mask(text_visible: Tensor, audio_visible: Tensor, dtype: torch.dtype) -> Tensor:
    """Additive mask (B, 1, Tx+Ty, Tx+Ty): text sees text, audio sees text and earlier or equal audio.

    ``text_visible`` (B, Tx) and ``audio_visible`` (B, Ty) are True where a column may be seen as a key.
    """
    visible = torch.cat((text_visible, audio_visible), dim=1)
    column = torch.arange(visible.shape[1], device=visible.device)
    pattern = (column < text_visible.shape[1]) | (column <= column[:, None])
    seen = visible[:, None, None, :] & pattern
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, -math.inf)
