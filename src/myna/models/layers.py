"""Small parts that several nets share: length masks, channel norm, weight-normed convolutions, WaveNet stacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F


def length_mask(lengths: torch.Tensor, size: int) -> torch.Tensor:
    """(B,) lengths to a boolean (B, 1, size) mask, true on valid frames."""
    return (torch.arange(size, device=lengths.device) < lengths[:, None]).unsqueeze(1)


def masked(x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """``x`` (B, C, T) with invalid frames set to zero; a boolean mask keeps the type of ``x`` under autocast."""
    return x if mask is None else x * mask


class ChannelNorm(nn.Module):
    """Layer norm over the channels of (B, C, T)."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        return F.layer_norm(x.transpose(1, 2), self.gamma.shape, self.gamma, self.beta, self.eps).transpose(1, 2)


class _WeightNorm(nn.Module):
    """Splits ``weight`` of the convolution it is mixed into into ``weight_g`` and ``weight_v`` (norm per first axis).

    The published files spell weight norm this way; torch's own module of that spelling is deprecated.
    """

    weight_g: nn.Parameter
    weight_v: nn.Parameter

    def _split_weight(self) -> None:
        weight = self._parameters.pop("weight")
        if weight is None:
            raise ValueError("a convolution without weight cannot be normed")
        self.weight_g = nn.Parameter(_norm_per_row(weight.detach()))
        self.weight_v = nn.Parameter(weight.detach().clone())

    def _joined_weight(self) -> torch.Tensor:
        return join_weight_norm(self.weight_g, self.weight_v)


class NormedConv1d(_WeightNorm, nn.Conv1d):
    """`nn.Conv1d` with weight norm; takes the same arguments."""

    def __init__(self, *arguments: int, **options: int | bool) -> None:
        nn.Conv1d.__init__(self, *arguments, **options)  # type: ignore[arg-type]
        self._split_weight()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C_in, T) to (B, C_out, T')."""
        return self._conv_forward(x, self._joined_weight(), self.bias)


class NormedConv2d(_WeightNorm, nn.Conv2d):
    """`nn.Conv2d` with weight norm; takes the same arguments."""

    def __init__(self, *arguments: int | tuple[int, int], **options: int | bool | tuple[int, int]) -> None:
        nn.Conv2d.__init__(self, *arguments, **options)  # type: ignore[arg-type]
        self._split_weight()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C_in, H, W) to (B, C_out, H', W')."""
        return self._conv_forward(x, self._joined_weight(), self.bias)

    def across(self, x: torch.Tensor) -> torch.Tensor:
        """The same with both axes exchanged: (B, C_in, W, H) to (B, C_out, W', H')."""
        weight = self._joined_weight().transpose(2, 3)
        down, right = self.stride
        above, aside = cast(tuple[int, int], self.padding)
        return F.conv2d(x, weight, self.bias, (right, down), (aside, above))


class NormedConvTranspose1d(_WeightNorm, nn.ConvTranspose1d):
    """`nn.ConvTranspose1d` with weight norm; takes the same arguments."""

    def __init__(self, *arguments: int, **options: int | bool) -> None:
        nn.ConvTranspose1d.__init__(self, *arguments, **options)  # type: ignore[arg-type]
        self._split_weight()

    def forward(self, x: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """(B, C_in, T) to (B, C_out, T'); ``output_size`` is not supported and must be None."""
        if output_size is not None:
            raise ValueError("output_size is not supported")
        weight, padding = self._joined_weight(), int(self.padding[0])
        return F.conv_transpose1d(x, weight, self.bias, self.stride, padding, self.output_padding, self.groups)


def join_weight_norm(gain: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """``gain * direction / |direction|``, the norm taken per first axis."""
    return torch._weight_norm(direction, gain, 0)  # the kernel of torch's own weight norm, a third of the time


def _norm_per_row(weight: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.dim())), keepdim=True)


def fold_weight_norm(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict whose ``*.weight_g`` / ``*.weight_v`` pairs became ``*.weight``; everything else is kept.

    A generator needs weight norm only in training. Raises KeyError when a pair is not complete.
    """
    folded: dict[str, torch.Tensor] = {}
    for key, value in state.items():
        if key.endswith("weight_g"):
            direction = state[f"{key[:-1]}v"]
            folded[key[:-2]] = join_weight_norm(value.float(), direction.float())
        elif key.endswith("weight_v"):
            state[f"{key[:-1]}g"]  # a lone half must not vanish silently
        else:
            folded[key] = value
    return folded


class WaveNet(nn.Module):
    """Gated convolutions with residual and skip paths, conditioned on a vector per utterance (undilated)."""

    def __init__(self, channels: int, kernel: int, layers: int, condition_width: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.channels = channels
        self.drop = nn.Dropout(dropout)
        if condition_width:
            self.cond_layer = NormedConv1d(condition_width, 2 * channels * layers, 1)
        self.in_layers = nn.ModuleList(
            NormedConv1d(channels, 2 * channels, kernel, padding=kernel // 2) for _ in range(layers)
        )
        self.res_skip_layers = nn.ModuleList(
            NormedConv1d(channels, channels if layer == layers - 1 else 2 * channels, 1) for layer in range(layers)
        )

    def forward(
        self, x: torch.Tensor, mask: torch.Tensor | None = None, condition: torch.Tensor | None = None
    ) -> torch.Tensor:
        """``x`` (B, C, T), ``mask`` (B, 1, T), ``condition`` (B, condition_width, 1) to (B, C, T)."""
        shifts = None if condition is None else self.cond_layer(condition).chunk(len(self.in_layers), dim=1)
        skipped = torch.zeros_like(x)
        for layer, (gate, mix) in enumerate(zip(self.in_layers, self.res_skip_layers, strict=True)):
            inner = gate(x) if shifts is None else gate(x) + shifts[layer]
            signal, opening = inner.chunk(2, dim=1)
            mixed = mix(self.drop(torch.tanh(signal) * torch.sigmoid(opening)))
            if mixed.shape[1] == self.channels:  # the last layer has no residual half
                skipped = skipped + mixed
            else:
                residual, skip = mixed.chunk(2, dim=1)
                x = masked(x + residual, mask)
                skipped = skipped + skip
        return masked(skipped, mask)
