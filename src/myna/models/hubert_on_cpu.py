"""HuBERT laid out for a CPU: the same features, a sixth to a quarter sooner in bfloat16.

Its convolutions want the channels of a frame beside each other in memory, which torch gives two-dimensional ones only;
and attention over clips of some seconds is sooner done as two products and a softmax than piece by piece, as torch's
own on a CPU does it, which spares memory that nobody lacks here.
"""

from __future__ import annotations

from typing import Any

import torch
import transformers
from torch import Tensor, nn

from myna.models.pretrained import HubertContent

_NAME = "myna_products"
_MOST_SCORES = 2**24
"""Scores that are computed at once: clips of minutes need no more memory for it than those of seconds."""


class FlatConv(nn.Module):
    """What ``conv`` computes, by a two-dimensional convolution whose maps are one row high."""

    def __init__(self, conv: nn.Conv1d) -> None:
        super().__init__()
        assert isinstance(conv.padding, tuple)  # HuBERT names its padding by numbers
        self.conv = nn.Conv2d(
            conv.in_channels,
            conv.out_channels,
            (1, conv.kernel_size[0]),
            (1, conv.stride[0]),
            (0, conv.padding[0]),
            groups=conv.groups,
            bias=conv.bias is not None,
            device="meta",  # its weights are those of the given one
        )
        flat = conv.weight.detach()[:, :, None].contiguous(memory_format=torch.channels_last)
        self.conv.weight = nn.Parameter(flat, requires_grad=False)
        self.conv.bias = conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to (B, C', T'), whose memory is that of (B, T', C')."""
        out: Tensor = self.conv(x[:, :, None].contiguous(memory_format=torch.channels_last))
        return out[:, :, 0]


def lay_out_for_cpu(net: HubertContent) -> None:
    """Change ``net``, which is only asked from now on and trained no more, in place."""
    hubert = net.hubert
    for layer in hubert.feature_extractor.conv_layers[1:]:  # the first has one channel: nothing lies beside it
        layer.conv = FlatConv(layer.conv)
    positions = hubert.encoder.pos_conv_embed
    positions.conv = FlatConv(positions.conv)
    transformers.AttentionInterface.register(_NAME, _attention)
    transformers.AttentionMaskInterface.register(_NAME, transformers.AttentionMaskInterface()["eager"])
    hubert.set_attn_implementation(_NAME)


def _attention(
    _module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **given: Any
) -> tuple[Tensor, None]:
    """Heads (B, H, T, W) and a mask (B, 1, T, T), which is added, to (B, T, H, W): softmax of products."""
    rows = max(1, _MOST_SCORES // key.shape[:3].numel())
    found = []
    for start in range(0, query.shape[2], rows):
        scores = query[:, :, start : start + rows] * given["scaling"] @ key.transpose(2, 3)
        if attention_mask is not None:
            scores = scores + attention_mask[:, :, start : start + rows]
        found.append(scores.softmax(-1) @ value)
    return torch.cat(found, dim=2).transpose(1, 2).contiguous(), None
