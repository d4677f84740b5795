"""The small content encoder of the bundled base: speech to speaker-independent phonetic features.

It stands where the official versions have HuBERT and answers in the same form: 50 feature frames per second. Inside, it
is a Conformer (Gulati et al. 2020, arXiv:2005.08100) at 25 frames per second, trained with a CTC loss over phones
(Graves et al. 2006); the features are taken below its last layers, where they are phonetic but not yet spiky. The CTC
head stays with it: it aligns transcripts to recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

# fmt: off
CTC_PHONES = (
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY", "JH", "K",
    "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
)
# fmt: on
"""The phones of the CTC head, ARPAbet without stress; class 0 is the blank, class i+1 is ``CTC_PHONES[i]``."""


@dataclass(frozen=True)
class ContentSizes:
    """Widths of `LiteContent`."""

    bands: int = 80
    width: int = 256
    heads: int = 4
    layers: int = 6
    tap: int = 4
    """The features are the output of this many layers."""
    kernel: int = 15
    feed_forward: int = 512
    classes: int = len(CTC_PHONES) + 1
    frame_classes: int = len(CTC_PHONES) + 1
    """Classes of the frame head: 0 is silence, then the phones."""
    dropout: float = 0.0


class FrontEnd(nn.Module):
    """16 kHz samples to log-mel frames, 100 per second, mean-normalised per utterance."""

    filters: Tensor
    window: Tensor

    def __init__(self, bands: int, n_fft: int = 512, win: int = 400, hop: int = 160) -> None:
        super().__init__()
        self.n_fft, self.win, self.hop = n_fft, win, hop
        self.register_buffer("filters", torch.zeros(bands, n_fft // 2 + 1))
        self.register_buffer("window", torch.hann_window(win), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """(B, T) at 16 kHz to (B, T // 160, bands)."""
        padded = F.pad(samples, (self.n_fft // 2, self.n_fft // 2))
        spectrum = torch.stft(
            padded, self.n_fft, self.hop, self.win, self.window.to(samples), center=False, return_complex=True
        )
        mel = self.filters @ spectrum.abs().square()
        frames = mel.clamp(min=1e-8).log().transpose(1, 2)
        return frames[:, : samples.shape[1] // self.hop]


def centre(frames: Tensor, mask: Tensor) -> Tensor:
    """Subtract each clip's mean over its valid frames, divide by a fixed 4; (B, T, bands), (B, T) -> (B, T, bands)."""
    weights = mask[:, :, None].to(frames.dtype)
    mean = (frames * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True).clamp(min=1.0)
    return (frames - mean) * weights / 4.0


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)


class SelfAttention(nn.Module):
    """Multi-head attention with rotary positions (Su et al. 2021, arXiv:2104.09864)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, width), key mask (B, 1, 1, T) true where valid, to (B, T, width)."""
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        half = q.shape[-1] // 2
        frequency = 10000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
        angle = torch.arange(length, device=x.device, dtype=torch.float32)[:, None] * frequency
        cos, sin = angle.cos().to(q.dtype), angle.sin().to(q.dtype)
        mixed = F.scaled_dot_product_attention(_rotate(q, cos, sin), _rotate(k, cos, sin), v, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class ConvModule(nn.Module):
    """Gated point-wise, depth-wise and point-wise convolution; (B, T, width) to the same."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.enter = nn.Linear(width, 2 * width)
        self.depth = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, width)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """(B, T, width) and (B, T, 1) -> (B, T, width); padded frames are zeroed so that they reach no neighbour."""
        x = F.glu(self.enter(x), dim=-1) * valid
        x = self.depth(x.transpose(1, 2)).transpose(1, 2)
        return self.leave(F.silu(self.norm(x)))


class Block(nn.Module):
    """One Conformer layer (pre-norm): attention, convolution, feed-forward."""

    def __init__(self, sizes: ContentSizes) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(sizes.width)
        self.attention = SelfAttention(sizes.width, sizes.heads)
        self.norm_conv = nn.LayerNorm(sizes.width)
        self.conv = ConvModule(sizes.width, sizes.kernel)
        self.norm_ff = nn.LayerNorm(sizes.width)
        self.ff = nn.Sequential(
            nn.Linear(sizes.width, sizes.feed_forward), nn.SiLU(), nn.Linear(sizes.feed_forward, sizes.width)
        )
        self.drop = nn.Dropout(sizes.dropout)

    def forward(self, x: Tensor, mask: Tensor, valid: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        x = x + self.drop(self.attention(self.norm_attention(x), mask))
        x = x + self.drop(self.conv(self.norm_conv(x), valid))
        return x + self.drop(self.ff(self.norm_ff(x)))


@dataclass
class ContentOutput:
    """What one pass gives: features (B, T25, width), frame logits and CTC logits (B, T25, classes), lengths (B,)."""

    features: Tensor
    frame_logits: Tensor
    ctc_logits: Tensor
    lengths: Tensor


class LiteContent(nn.Module):
    """Content encoder, 25 frames per second inside."""

    sample_rate = 16000

    def __init__(self, sizes: ContentSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes = sizes or ContentSizes()
        self.front = FrontEnd(sizes.bands)
        self.stem = nn.ModuleList(
            (
                nn.Conv1d(sizes.bands, sizes.width, 5, stride=2, padding=2),
                nn.Conv1d(sizes.width, sizes.width, 5, stride=2, padding=2),
            )
        )
        self.blocks = nn.ModuleList(Block(sizes) for _ in range(sizes.layers))
        self.norm_tap = nn.LayerNorm(sizes.width)
        self.norm_out = nn.LayerNorm(sizes.width)
        self.frame_head = nn.Linear(sizes.width, sizes.frame_classes)
        self.ctc_head = nn.Linear(sizes.width, sizes.classes)

    def encode(self, frames: Tensor, lengths: Tensor) -> ContentOutput:
        """Log-mel frames (B, T100, bands) with valid ``lengths`` (B,) to every output of the net."""
        at100 = torch.arange(frames.shape[1], device=frames.device)[None] < lengths[:, None]
        x = centre(frames, at100).transpose(1, 2)
        left = lengths
        for conv in self.stem:
            left = (left + 1) // 2
            x = F.gelu(conv(x))
            # The bias would make padding sound, and the next convolution would hear it.
            x = x * (torch.arange(x.shape[2], device=x.device) < left[:, None, None])
        x = x.transpose(1, 2)
        lengths25 = left
        valid = torch.arange(x.shape[1], device=x.device)[None] < lengths25[:, None]
        mask, column = valid[:, None, None, :], valid[:, :, None].to(x.dtype)
        features = x
        for index, block in enumerate(self.blocks, start=1):
            x = block(x, mask, column)
            if index == self.sizes.tap:
                features = self.norm_tap(x)
        return ContentOutput(features, self.frame_head(features), self.ctc_head(self.norm_out(x)), lengths25)

    def forward(self, samples: Tensor) -> Tensor:
        """Samples (B, T) at 16 kHz, unpadded, to content (B, width, T50): each 25 Hz frame stands twice."""
        frames = self.front(samples)
        lengths = torch.full((samples.shape[0],), frames.shape[1], device=samples.device)
        return self.encode(frames, lengths).features.transpose(1, 2).repeat_interleave(2, dim=2)

    def contents(self, sounds: Sequence[Tensor]) -> list[Tensor]:
        """`forward` of each of ``sounds`` (T,), computed together: (1, width, T50) each.

        The spectrum is always float32's: energies are too small for half precision.
        """
        with torch.autocast(sounds[0].device.type, enabled=False):
            frames = [self.front(sound[None])[0] for sound in sounds]
        lengths = torch.tensor([len(one) for one in frames], device=sounds[0].device)
        found = self.encode(pad_sequence(frames, batch_first=True), lengths)
        sizes = [((len(one) + 1) // 2 + 1) // 2 for one in frames]
        return [
            row[None, :size].transpose(1, 2).repeat_interleave(2, dim=2)
            for row, size in zip(found.features, sizes, strict=True)
        ]
