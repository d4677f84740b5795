"""Layers that both generations of the VR nets ("vocal remover") share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm and activation: (B, in, F, T) to (B, out, F', T')."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        kernel: int = 3,
        stride: int = 1,
        dilation: int = 1,
        activation: type[nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Sequential(
            nn.Conv2d(num_in, num_out, kernel, stride, padding, dilation, bias=False),
            nn.BatchNorm2d(num_out),
            activation(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class SeparableConvNorm(nn.Module):
    """As `ConvNorm`, each channel by itself first (3 x 3) and then all together (1 x 1)."""

    def __init__(self, num_in: int, num_out: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(num_in, num_in, 3, 1, dilation, dilation, groups=num_in, bias=False),
            nn.Conv2d(num_in, num_out, 1, bias=False),
            nn.BatchNorm2d(num_out),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Pooled(nn.Module):
    """The mean over frequency, through a `ConvNorm`, spread over frequency again. Numbered as in a Sequential."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.add_module("1", ConvNorm(num_in, num_out, 1))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(dim=2, keepdim=True)
        return self.get_submodule("1")(mean).expand(-1, -1, x.shape[2], -1)


def doubled(x: Tensor) -> Tensor:
    """(B, C, F, T) to (B, C, 2F, 2T), bilinear between the corners."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


def full_height(mask: Tensor, height: int) -> Tensor:
    """(B, C, F, T) to (B, C, height, T): the last row repeated."""
    return F.pad(mask, (0, 0, 0, height - mask.shape[2]), mode="replicate")


def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """The lower and the upper half of the frequencies of (B, C, F, T)."""
    low, high = torch.tensor_split(x, [x.shape[2] // 2], dim=2)
    return low, high
