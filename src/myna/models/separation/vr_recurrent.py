"""The newer VR net, of VR-DeEchoNormal, VR-DeEchoAggressive and VR-DeEchoDeReverb: magnitudes in, a mask out.

Like `vr_cascade`, with two nets for each half of the spectrum and, in every net, an LSTM over time. Attributes carry
the names of the published files.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from myna.models.separation.vr_layers import ConvNorm, Pooled, doubled, full_height, halves

_DILATIONS = ((4, 2), (8, 4), (12, 6))


class Encoder(nn.Module):
    """Half the size: (B, in, F, T) to (B, out, F / 2, T / 2)."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(num_in, num_out, stride=2, activation=nn.LeakyReLU)
        self.conv2 = ConvNorm(num_out, num_out, activation=nn.LeakyReLU)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x))


class Decoder(nn.Module):
    """Twice the size, joined with what the encoder of that size gave."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(num_in, num_out)

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        return self.conv1(torch.cat([doubled(x), kept], dim=1))


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: the same sound seen from five distances."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = Pooled(width, width)
        self.conv2 = ConvNorm(width, width, 1)
        self.conv3, self.conv4, self.conv5 = (_dilated(width, dilation) for dilation in _DILATIONS)
        self.bottleneck = ConvNorm(5 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        seen = [net(x) for net in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5)]
        return self.bottleneck(torch.cat(seen, dim=1))


def _dilated(width: int, dilation: tuple[int, int]) -> ConvNorm:
    """A `ConvNorm` that reaches further over frequency than over time."""
    net = ConvNorm(width, width)
    net.conv[0] = nn.Conv2d(width, width, 3, 1, dilation, dilation, bias=False)
    return net


class OverTime(nn.Module):
    """One channel for the decoder that knows what was before and what comes: (B, C, F, T) to (B, 1, F, T)."""

    def __init__(self, num_in: int, num_bins: int, width: int) -> None:
        super().__init__()
        self.conv = ConvNorm(num_in, 1, 1)
        self.lstm = nn.LSTM(num_bins, width // 2, bidirectional=True)
        self.dense = nn.Sequential(nn.Linear(width, num_bins), nn.BatchNorm1d(num_bins), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        B, _, num_bins, T = x.shape
        heard, _ = self.lstm(self.conv(x)[:, 0].permute(2, 0, 1))
        dense = self.dense(heard.reshape(T * B, -1))
        return dense.reshape(T, B, 1, num_bins).permute(1, 2, 3, 0)


class Hourglass(nn.Module):
    """Encoders, the pyramid, decoders: (B, in, F, T) to (B, width, F, T); F and T are multiples of 16.

    ``num_bins`` is F / 2, where the LSTM looks.
    """

    def __init__(self, num_in: int, width: int, num_bins: int, lstm_width: int) -> None:
        super().__init__()
        self.enc1 = ConvNorm(num_in, width)
        self.enc2 = Encoder(width, 2 * width)
        self.enc3 = Encoder(2 * width, 4 * width)
        self.enc4 = Encoder(4 * width, 6 * width)
        self.enc5 = Encoder(6 * width, 8 * width)
        self.aspp = Pyramid(8 * width)
        self.dec4 = Decoder((6 + 8) * width, 6 * width)
        self.dec3 = Decoder((4 + 6) * width, 4 * width)
        self.dec2 = Decoder((2 + 4) * width, 2 * width)
        self.lstm_dec2 = OverTime(2 * width, num_bins, lstm_width)
        self.dec1 = Decoder((1 + 2) * width + 1, width)

    def forward(self, x: Tensor) -> Tensor:
        kept1 = self.enc1(x)
        kept2 = self.enc2(kept1)
        kept3 = self.enc3(kept2)
        kept4 = self.enc4(kept3)
        x = self.dec4(self.aspp(self.enc5(kept4)), kept4)
        x = self.dec3(x, kept3)
        x = self.dec2(x, kept2)
        return self.dec1(torch.cat([x, self.lstm_dec2(x)], dim=1), kept1)


class VrRecurrent(nn.Module):
    """Magnitudes (B, 2, bins + 1, T) of two channels, loudest 1, to a mask of that shape, 0 to 1.

    ``width`` is 64 in VR-DeEchoDeReverb and 48 in the other two, ``lstm_width`` 128. T is a multiple of 16; the outer
    ``CONTEXT`` frames are guesses.
    """

    CONTEXT = 64

    def __init__(self, bins: int, width: int = 48, lstm_width: int = 128) -> None:
        super().__init__()
        self.bins = bins
        half, quarter = bins // 2, bins // 4
        self.stg1_low_band_net = nn.Sequential(
            Hourglass(2, width // 2, quarter, lstm_width), ConvNorm(width // 2, width // 4, 1)
        )
        self.stg1_high_band_net = Hourglass(2, width // 4, quarter, lstm_width // 2)
        self.stg2_low_band_net = nn.Sequential(
            Hourglass(width // 4 + 2, width, quarter, lstm_width), ConvNorm(width, width // 2, 1)
        )
        self.stg2_high_band_net = Hourglass(width // 4 + 2, width // 2, quarter, lstm_width // 2)
        self.stg3_full_band_net = Hourglass(3 * width // 4 + 2, width, half, lstm_width)
        self.out = nn.Conv2d(width, 2, 1, bias=False)
        # For training; the files hold it.
        self.aux_out = nn.Conv2d(3 * width // 4, 2, 1, bias=False)

    @classmethod
    def sized_as(cls, tensors: dict[str, Tensor], bins: int) -> VrRecurrent:
        """The net that ``tensors`` belong to; raises `KeyError` where they are another's."""
        lstm = tensors["stg3_full_band_net.lstm_dec2.lstm.weight_hh_l0"]
        return cls(bins, tensors["out.weight"].shape[1], 2 * lstm.shape[1])

    def forward(self, magnitudes: Tensor) -> Tensor:
        x = magnitudes[:, :, : self.bins]
        low, high = halves(x)
        low1, high1 = self.stg1_low_band_net(low), self.stg1_high_band_net(high)
        low2 = self.stg2_low_band_net(torch.cat([low, low1], dim=1))
        high2 = self.stg2_high_band_net(torch.cat([high, high1], dim=1))
        first, second = torch.cat([low1, high1], dim=2), torch.cat([low2, high2], dim=2)
        third = self.stg3_full_band_net(torch.cat([x, first, second], dim=1))
        return full_height(torch.sigmoid(self.out(third)), self.bins + 1)
