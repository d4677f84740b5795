"""Text to semantic tokens: a decoder over [phones, tokens], the official GPT-SoVITS shape (post-norm, ReLU).

Text sees all text, audio sees all text and earlier audio. Attribute names are the published key names (a published key
minus its ``model.`` prefix), so a published state dict loads with ``strict=True``. Shapes: B sentences, Tx phones,
Ty semantic tokens, W = ``sizes.width``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from myna.core.versions import GptSizes


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
        embedded: Tensor = self.word_embeddings(ids)
        return embedded


class SinePosition(nn.Module):
    """Adds sinusoidal positions, scaled by one learned number."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1))
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, W) -> (B, T, W); the first column is position 0."""
        table = sine_table(x.shape[1], x.shape[2], x.device)
        return F.dropout(x + self.alpha * table, self.dropout, self.training)


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

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, W) and an additive mask (B or 1, 1, T, T) -> attended (B, T, W), keys and values (B, heads, T, D)."""
        batch, length, width = x.shape
        packed = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        query, key, value = packed.view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        return self.out_proj(attended.transpose(1, 2).reshape(batch, length, width)), key, value


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

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, W) and an additive mask -> (B, T, W) and this layer's keys and values (B, heads, T, D)."""
        attended, key, value = self.self_attn(x, mask)
        x = self.norm1(x + self._drop(attended))
        hidden = self._drop(F.relu(self.linear1(x)))
        return self.norm2(x + self._drop(self.linear2(hidden))), key, value

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


class LayerStack(nn.Module):
    """The layers, under the published name ``h.layers``."""

    def __init__(self, sizes: GptSizes, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(sizes, dropout) for _ in range(sizes.layers))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, W) and an additive mask -> (B, T, W)."""
        for layer in self.layers:
            x, _, _ = layer(x, mask)
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


def _attention_dtype(x: Tensor) -> torch.dtype:
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


class Gpt(nn.Module):
    """Phones (and BERT features, where the version has them) to semantic tokens."""

    def __init__(self, sizes: GptSizes, dropout: float = 0.0) -> None:
        super().__init__()
        self.sizes = sizes
        if sizes.bert_width:
            self.bert_proj = nn.Linear(sizes.bert_width, sizes.width)
        self.ar_text_embedding = Embedding(sizes.phone_vocab, sizes.width)
        self.ar_text_position = SinePosition(dropout)
        self.ar_audio_embedding = Embedding(sizes.semantic_vocab, sizes.width)
        self.ar_audio_position = SinePosition(dropout)
        self.ar_predict_layer = nn.Linear(sizes.width, sizes.semantic_vocab, bias=False)
        self.h = LayerStack(sizes, dropout)

    def embed_text(self, phones: Tensor, bert: Tensor | None) -> Tensor:
        """Phones (B, Tx) and BERT features (B, bert_width, Tx) or None (zeros) -> (B, Tx, W) with positions."""
        text = self.ar_text_embedding(phones)
        if self.sizes.bert_width:
            # Languages without BERT features feed zeros, which leaves the projection's bias.
            text = text + (self.bert_proj.bias if bert is None else self.bert_proj(bert.transpose(1, 2)))
        positioned: Tensor = self.ar_text_position(text)
        return positioned

    def embed_audio(self, tokens: Tensor) -> Tensor:
        """Semantic tokens (B, Ty) -> (B, Ty, W) with positions that start at 0."""
        positioned: Tensor = self.ar_audio_position(self.ar_audio_embedding(tokens))
        return positioned

    def forward(
        self,
        phones: Tensor,
        phone_lens: Tensor,
        bert: Tensor | None,
        tokens: Tensor,
        token_lens: Tensor,
        *,
        official_text_mask: bool = False,
    ) -> Tensor:
        """Training logits (B, Ty+1, semantic_vocab); position j predicts token j, position ``token_lens`` the end.

        ``phones`` (B, Tx) and ``tokens`` (B, Ty) are int64 and padded on the right (padding values do not matter);
        ``phone_lens`` and ``token_lens`` (B,) count valid columns, at least one phone each; ``bert`` is
        (B, bert_width, Tx) or None. Position 0 is read at the last phone, as in generation. The official trainer
        masks text as if it were padded on the left and always reads column Tx-1: ``official_text_mask`` does so.
        """
        num_phones, num_tokens = phones.shape[1], tokens.shape[1]
        column = torch.arange(max(num_phones, num_tokens), device=phones.device)
        if official_text_mask:
            text_visible = column[:num_phones] >= num_phones - phone_lens[:, None]
        else:
            text_visible = column[:num_phones] < phone_lens[:, None]
        audio_visible = column[:num_tokens] < token_lens[:, None]
        text = self.embed_text(phones, bert)
        audio = self.embed_audio(tokens.masked_fill(~audio_visible, self.sizes.end_token))
        mask = attention_mask(text_visible, audio_visible, _attention_dtype(text))
        hidden = self.h(torch.cat((text, audio), dim=1), mask)
        if official_text_mask:
            return self._predict(hidden[:, num_phones - 1 :])
        last = (phone_lens - 1)[:, None, None].expand(-1, 1, hidden.shape[2])
        return self._predict(torch.cat((hidden.gather(1, last), hidden[:, num_phones:]), dim=1))

    def _predict(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.ar_predict_layer(hidden)
        return logits
