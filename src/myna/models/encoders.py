"""Encoders of SoVITS: phones and semantic content to prosody features, reference spectrogram to a speaker vector."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from myna.models.attention import AttentionStack, CrossAttention
from myna.models.layers import WaveNet, length_mask, masked


class TimbreMixer(nn.Module):
    """Lets content look at the phones and adds the speaker vector ("MRTE")."""

    def __init__(self, hidden: int, width: int, heads: int) -> None:
        super().__init__()
        self.cross_attention = CrossAttention(width, heads)
        self.c_pre = nn.Conv1d(hidden, width, 1)
        self.text_pre = nn.Conv1d(hidden, width, 1)
        self.c_post = nn.Conv1d(width, hidden, 1)

    def forward(
        self,
        content: torch.Tensor,
        content_mask: torch.Tensor | None,
        text: torch.Tensor,
        text_mask: torch.Tensor | None,
        speaker: torch.Tensor,
    ) -> torch.Tensor:
        """``content`` (B, H, T), ``text`` (B, H, Tx), ``speaker`` (B, width, 1) to (B, H, T)."""
        content = masked(self.c_pre(masked(content, content_mask)), content_mask)
        text = self.text_pre(masked(text, text_mask))
        mixed = self.cross_attention(content, masked(text, text_mask), text_mask) + content + speaker
        return self.c_post(masked(mixed, content_mask))


class TextEncoder(nn.Module):
    """Semantic content and phones to features at 50 frames per second ("enc_p")."""

    def __init__(
        self,
        *,
        phone_vocab: int,
        content_width: int,
        hidden: int,
        filter_channels: int,
        heads: int,
        layers: int,
        kernel: int,
        mrte_width: int,
        mrte_heads: int,
        out_channels: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()

        def stack(depth: int) -> AttentionStack:
            return AttentionStack(hidden, filter_channels, heads, depth, kernel, dropout)

        self.ssl_proj = nn.Conv1d(content_width, hidden, 1)
        self.encoder_ssl = stack(layers // 2)
        self.encoder_text = stack(layers)
        self.text_embedding = nn.Embedding(phone_vocab, hidden)
        self.mrte = TimbreMixer(hidden, mrte_width, mrte_heads)
        self.encoder2 = stack(layers // 2)
        self.proj = nn.Conv1d(hidden, 2 * out_channels, 1)

    def forward(
        self,
        content: torch.Tensor,
        content_lens: torch.Tensor | None,
        phones: torch.Tensor,
        phone_lens: torch.Tensor | None,
        speaker: torch.Tensor,
        speed: float = 1.0,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """``content`` (B, content_width, T), ``phones`` (B, Tx), ``speaker`` (B, mrte_width, 1).

        Returns features (B, hidden, T') and their mask (B, 1, T'), None where no lengths were given; T' is T, or
        int(T / speed) + 1 when ``speed`` is not 1.
        """
        mask = None if content_lens is None else length_mask(content_lens, content.shape[-1])
        text_mask = None if phone_lens is None else length_mask(phone_lens, phones.shape[-1])
        features = masked(self.ssl_proj(masked(content, mask)), mask)
        features = self.encoder_ssl(features, mask)
        text = self.encoder_text(self.text_embedding(phones).transpose(1, 2), text_mask)
        features = self.encoder2(self.mrte(features, mask, text, text_mask, speaker), mask)
        if speed != 1.0:
            size = int(features.shape[-1] / speed) + 1
            features = F.interpolate(features, size=size, mode="linear")
            mask = None if mask is None else F.interpolate(mask.float(), size=size, mode="nearest").bool()
        return features, mask

    def statistics(self, features: torch.Tensor, mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log deviation (B, out_channels, T) of the prior, from the features of `forward`."""
        mean, log_deviation = masked(self.proj(features), mask).chunk(2, dim=1)
        return mean, log_deviation


class _Linear(nn.Module):
    """A linear layer under the key ``fc``."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., inputs) to (..., outputs)."""
        return self.fc(x)


class _Conv(nn.Module):
    """A length-keeping convolution under the key ``conv``."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, T) to (B, outputs, T)."""
        return self.conv(x)


class _GatedConv(nn.Module):
    """Convolution with a gated linear unit and a residual path."""

    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = _Conv(channels, 2 * channels, kernel)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        return x + self.drop(F.glu(self.conv1(x), dim=1))


class _StyleAttention(nn.Module):
    """Self attention whose scores are scaled by the square root of the whole width, not of a head's."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.w_qs = nn.Linear(width, width)
        self.w_ks = nn.Linear(width, width)
        self.w_vs = nn.Linear(width, width)
        self.fc = nn.Linear(width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """``x`` (B, T, C), boolean ``mask`` (B, 1, T), to (B, T, C)."""
        query, key, value = (
            projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection in (self.w_qs, self.w_ks, self.w_vs)
        )
        out = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=None if mask is None else mask.unsqueeze(1),
            dropout_p=self.dropout if self.training else 0.0,
            scale=x.shape[-1] ** -0.5,
        )
        return x + self.drop(self.fc(out.transpose(1, 2).flatten(2)))


class StyleEncoder(nn.Module):
    """Reference spectrogram to one speaker vector ("ref_enc"; the mel-style encoder of Meta-StyleSpeech)."""

    def __init__(self, bins: int, hidden: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.spectral = nn.Sequential(
            _Linear(bins, hidden),
            nn.Mish(),
            nn.Dropout(dropout),
            _Linear(hidden, hidden),
            nn.Mish(),
            nn.Dropout(dropout),
        )
        self.temporal = nn.Sequential(_GatedConv(hidden, 5, dropout), _GatedConv(hidden, 5, dropout))
        self.slf_attn = _StyleAttention(hidden, 2, dropout)
        self.fc = _Linear(hidden, width)

    def forward(self, spec: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """``spec`` (B, bins, T), boolean ``mask`` (B, 1, T) of valid frames, to (B, width, 1)."""
        hidden = self.spectral(masked(spec, mask).transpose(1, 2)).transpose(1, 2)
        hidden = masked(self.temporal(hidden), mask).transpose(1, 2)
        frames = self.fc(self.slf_attn(hidden, mask))
        if mask is None:
            return frames.mean(dim=1).unsqueeze(-1)
        valid = mask.transpose(1, 2)
        return ((frames * valid).sum(dim=1) / valid.sum(dim=1)).unsqueeze(-1)


class WaveNetEncoder(nn.Module):
    """Convolution, conditioned WaveNet, convolution ("wns1")."""

    def __init__(self, channels: int, kernel: int, layers: int, condition_width: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels, channels, 1)
        self.enc = WaveNet(channels, kernel, layers, condition_width)
        self.proj = nn.Conv1d(channels, channels, 1)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None, condition: torch.Tensor) -> torch.Tensor:
        """``x`` (B, C, T), boolean ``mask`` (B, 1, T), ``condition`` (B, condition_width, 1), to (B, C, T)."""
        x = self.enc(masked(self.pre(x), mask), mask, condition)
        return masked(self.proj(x), mask)
