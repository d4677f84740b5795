"""The GPT's training step as the official program makes it, written plainly: the peer of `training.py`.

From its behaviour, not its code: float32; batches in the order of its sampler, padded with NumPy; prosody always there;
a dense additive mask for every head; torch's attention with dropout; a loss fetched from the device in every batch.
Only the optimiser is ours, which flatters the peer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from myna.engine.training.gpt_data import GptRow
from myna.models.gpt import Gpt
from myna.models.gpt_layers import Layer, sine_table

DROPOUT = 0.1


def collate(rows: Sequence[GptRow], end_token: int, bert_width: int) -> tuple[Tensor, ...]:
    """Phones, their lengths, tokens, their lengths, prosody; padded on the right."""
    phones, tokens = [row.phones.numpy() for row in rows], [row.tokens.numpy() for row in rows]
    longest_phones, longest_tokens = max(map(len, phones)), max(map(len, tokens))
    bert = torch.zeros(len(rows), bert_width, longest_phones)
    for index, row in enumerate(rows):
        if row.bert is not None:
            bert[index, :, : row.bert.shape[1]] = row.bert
    return (
        torch.tensor(np.stack([np.pad(one, (0, longest_phones - len(one))) for one in phones])),
        torch.tensor([len(one) for one in phones]),
        torch.tensor(
            np.stack([np.pad(one, (0, longest_tokens - len(one)), constant_values=end_token) for one in tokens])
        ),
        torch.tensor([len(one) for one in tokens]),
        bert,
    )


def loss(net: Gpt, batch: Sequence[Tensor], dropout: float = DROPOUT) -> Tensor:
    """Summed cross-entropy over padded targets of what `collate` gave."""
    phones, phone_lens, tokens, token_lens, bert = batch
    end, num_phones = net.sizes.end_token, phones.shape[1]
    embedded = net.ar_text_embedding(phones) + net.bert_proj(bert.transpose(1, 2))
    text = _with_position(embedded, net.ar_text_position.alpha, dropout)
    column = torch.arange(tokens.shape[1], device=tokens.device)
    is_padding = column >= token_lens[:, None]
    padded = tokens.masked_fill(is_padding, end)
    targets = F.pad(padded, (0, 1), value=end)
    audio = _with_position(net.ar_audio_embedding(padded), net.ar_audio_position.alpha, dropout)
    x, mask = torch.cat((text, audio), dim=1), _mask(phones, phone_lens, is_padding, net.sizes.heads)
    for layer in net.h.layers:
        x = _layer(layer, x, mask, dropout)
    logits = net.ar_predict_layer(x[:, num_phones - 1 :])
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum")


def _with_position(x: Tensor, alpha: Tensor, dropout: float) -> Tensor:
    return F.dropout(x + alpha * sine_table(x.shape[1], x.shape[2], x.device), dropout)


def _mask(phones: Tensor, phone_lens: Tensor, is_padding: Tensor, heads: int) -> Tensor:
    """Additive mask (B * heads, T, T), its text padding on the wrong side."""
    num_phones, num_tokens = phones.shape[1], is_padding.shape[1]
    text_padding = torch.arange(num_phones, device=phones.device) < num_phones - phone_lens[:, None]
    hidden_text = F.pad(torch.zeros(num_phones, num_phones, dtype=torch.bool), (0, num_tokens), value=True)
    later = torch.ones(num_tokens, num_tokens, dtype=torch.bool).triu(1)
    pattern = torch.cat((hidden_text, F.pad(later, (num_phones, 0)))).to(phones.device)
    padding = torch.cat((text_padding, is_padding), dim=1)[:, None, None, :]
    padding = padding.expand(-1, heads, -1, -1).reshape(len(phones) * heads, 1, -1)
    unseen = pattern | padding
    return torch.zeros(unseen.shape, device=phones.device).masked_fill_(unseen, float("-inf"))


def _layer(layer: Layer, x: Tensor, mask: Tensor, dropout: float) -> Tensor:
    batch, length, width = x.shape
    attention, heads = layer.self_attn, layer.self_attn.heads
    packed = F.linear(x, attention.in_proj_weight, attention.in_proj_bias)
    query, key, value = (one.reshape(batch, length, heads, -1).transpose(1, 2) for one in packed.chunk(3, dim=-1))
    shaped = mask.view(batch, heads, length, length)
    attended = F.scaled_dot_product_attention(query, key, value, attn_mask=shaped, dropout_p=dropout)
    x = layer.norm1(x + F.dropout(attention.out_proj(attended.transpose(1, 2).reshape(batch, length, width)), dropout))
    hidden = F.dropout(F.relu(layer.linear1(x)), dropout)
    return layer.norm2(x + F.dropout(layer.linear2(hidden), dropout))
