"""The VR net of HP2, HP3 and HP5 ("cascaded ASPP net", 61,968 kB): magnitudes in, a mask out.

Two nets look at the halves of the spectrum, a third at all of it with their opinion, a fourth at everything with both.
Weights by Anjok07 and aufr33 (Ultimate Vocal Remover), after tsurumeso's vocal-remover. Attributes carry the names of
the published files.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from myna.models.separation.vr_layers import (
    ConvNorm,
    Pooled,
    SeparableConvNorm,
    doubled,
    full_height,
    halves,
)

_DILATIONS = (4, 8, 16)


class Encoder(nn.Module):
    """Half the size, (B, out, F / 2, T / 2), and what is kept for the decoder, (B, out, F, T)."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(num_in, num_out, activation=nn.LeakyReLU)
        self.conv2 = ConvNorm(num_out, num_out, stride=2, activation=nn.LeakyReLU)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        kept = self.conv1(x)
        return self.conv2(kept), kept


class Decoder(nn.Module):
    """Twice the size, joined with what the encoder kept."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.conv = ConvNorm(num_in, num_out)

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        return self.conv(torch.cat([doubled(x), kept], dim=1))


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: the same sound seen from five distances."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.conv1 = Pooled(num_in, num_in)
        self.conv2 = ConvNorm(num_in, num_in, 1)
        self.conv3, self.conv4, self.conv5 = (SeparableConvNorm(num_in, num_in, dilation) for dilation in _DILATIONS)
        self.bottleneck = nn.Sequential(ConvNorm(5 * num_in, num_out, 1))

    def forward(self, x: Tensor) -> Tensor:
        seen = [net(x) for net in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5)]
        return self.bottleneck(torch.cat(seen, dim=1))


class Hourglass(nn.Module):
    """Four encoders, the pyramid, four decoders: (B, in, F, T) to (B, width, F, T); F and T are multiples of 16."""

    def __init__(self, num_in: int, width: int) -> None:
        super().__init__()
        self.enc1 = Encoder(num_in, width)
        self.enc2 = Encoder(width, 2 * width)
        self.enc3 = Encoder(2 * width, 4 * width)
        self.enc4 = Encoder(4 * width, 8 * width)
        self.aspp = Pyramid(8 * width, 16 * width)
        self.dec4 = Decoder((8 + 16) * width, 8 * width)
        self.dec3 = Decoder((4 + 8) * width, 4 * width)
        self.dec2 = Decoder((2 + 4) * width, 2 * width)
        self.dec1 = Decoder((1 + 2) * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x, kept1 = self.enc1(x)
        x, kept2 = self.enc2(x)
        x, kept3 = self.enc3(x)
        x, kept4 = self.enc4(x)
        x = self.dec4(self.aspp(x), kept4)
        x = self.dec3(x, kept3)
        x = self.dec2(x, kept2)
        return self.dec1(x, kept1)


class VrCascade(nn.Module):
    """Magnitudes (B, 2, bins + 1, T) of two channels, loudest 1, to a mask of that shape, 0 to 1.

    ``width`` is 32 in the published files. T is a multiple of 16; the outer ``CONTEXT`` frames are guesses.
    """

    CONTEXT = 128

    def __init__(self, bins: int, width: int = 32) -> None:
        super().__init__()
        self.bins = bins
        self.stg1_low_band_net = Hourglass(2, width)
        self.stg1_high_band_net = Hourglass(2, width)
        self.stg2_bridge = ConvNorm(2 + width, width // 2, 1)
        self.stg2_full_band_net = Hourglass(width // 2, width)
        self.stg3_bridge = ConvNorm(2 + 2 * width, width, 1)
        self.stg3_full_band_net = Hourglass(width, 2 * width)
        self.out = nn.Conv2d(2 * width, 2, 1, bias=False)
        # These two are for training; the files hold them.
        self.aux1_out = nn.Conv2d(width, 2, 1, bias=False)
        self.aux2_out = nn.Conv2d(width, 2, 1, bias=False)

    @classmethod
    def sized_as(cls, tensors: dict[str, Tensor], bins: int) -> VrCascade:
        """The net that ``tensors`` belong to; raises `KeyError` where they are another's."""
        return cls(bins, tensors["stg1_low_band_net.enc1.conv1.conv.0.weight"].shape[0])

    def forward(self, magnitudes: Tensor) -> Tensor:
        x = magnitudes[:, :, : self.bins]
        low, high = halves(x)
        first = torch.cat([self.stg1_low_band_net(low), self.stg1_high_band_net(high)], dim=2)
        second = self.stg2_full_band_net(self.stg2_bridge(torch.cat([x, first], dim=1)))
        third = self.stg3_full_band_net(self.stg3_bridge(torch.cat([x, first, second], dim=1)))
        return full_height(torch.sigmoid(self.out(third)), self.bins + 1)
