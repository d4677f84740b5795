"""The net whose view of a speaker v2Pro and v2ProPlus take: ERes2NetV2 (Chen et al. 2024), as 3D-Speaker published it.

Two-dimensional residual convolutions over a filter bank. SoVITS takes what the net knows before its last layer, as a
mean over time: 20480 numbers. The last layer and its 192 numbers are only used to tell speakers apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_weights

_CEILING = 20.0
"""Activations within a block are cut off here."""
_VARIANCE_FLOOR = 1e-8


@dataclass(frozen=True)
class EresSizes:
    """Sizes of the net; the defaults are those of the published file."""

    bands: int = 80
    width: int = 64
    group_width: int = 24
    """Width of a group of channels where the stage is ``width`` wide; it grows with the stage."""
    groups: int = 4
    expansion: int = 4
    blocks: tuple[int, int, int, int] = (3, 4, 6, 3)
    embedding: int = 192

    @property
    def vector_width(self) -> int:
        """Width of the speaker vector: channels of the last stage times the bands that are left."""
        return self.width * 8 * self.expansion * (self.bands // 8)


class Fusion(nn.Module):
    """Two maps of the same shape weighed against each other, place by place."""

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        inner = channels // reduction
        self.local_att = nn.Sequential(
            nn.Conv2d(2 * channels, inner, 1),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            nn.Conv2d(inner, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """(B, C, F, T) twice to (B, C, F, T)."""
        tilt = torch.tanh(self.local_att(torch.cat((x, y), dim=1)))
        return x * (1 + tilt) + y * (1 - tilt)


class Block(nn.Module):
    """Groups of channels, each convolved together with the result of the one before it, beside a shortcut.

    Where ``is_fused``, a group and the result before it are weighed against each other; elsewhere they are added.
    """

    def __init__(self, channels: int, stage_width: int, sizes: EresSizes, *, stride: int, is_fused: bool) -> None:
        super().__init__()
        group, groups = stage_width * sizes.group_width // sizes.width, sizes.groups
        out = stage_width * sizes.expansion
        self.groups = groups
        self.conv1 = nn.Conv2d(channels, group * groups, 1, stride=stride, bias=False)
        self.bn1 = nn.BatchNorm2d(group * groups)
        self.convs = nn.ModuleList(nn.Conv2d(group, group, 3, padding=1, bias=False) for _ in range(groups))
        self.bns = nn.ModuleList(nn.BatchNorm2d(group) for _ in range(groups))
        self.fuse_models = nn.ModuleList(Fusion(group) for _ in range(groups - 1)) if is_fused else None
        self.conv3 = nn.Conv2d(group * groups, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != out:
            self.shortcut.extend([nn.Conv2d(channels, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out)])

    def forward(self, x: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """(B, C, F, T) to (B, C', F / stride, T / stride); ``valid`` (B, 1, 1, T / stride): see `EresNet.forward`."""
        parts = _cut_off(self.bn1(self.conv1(x))).chunk(self.groups, dim=1)
        done: list[torch.Tensor] = []
        for index, (part, conv, norm) in enumerate(zip(parts, self.convs, self.bns, strict=True)):
            if done:
                before = done[-1]
                if not part.is_contiguous():  # between channels of others: to copy and add is four times quicker
                    part = part.clone()
                part = before + part if self.fuse_models is None else self.fuse_models[index - 1](before, part)
            part = part if valid is None else part * valid
            done.append(_cut_off(norm(conv(part))))
        return _cut_off(self.bn3(self.conv3(torch.cat(done, dim=1))).add_(self.shortcut(x)))


class EresNet(nn.Module):
    """Filter bank frames to the vector of who speaks."""

    def __init__(self, sizes: EresSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes = sizes or EresSizes()
        last = sizes.width * 8 * sizes.expansion
        self.conv1 = nn.Conv2d(1, sizes.width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(sizes.width)
        self.layer1 = _stage(sizes, 0)
        self.layer2 = _stage(sizes, 1)
        self.layer3 = _stage(sizes, 2, is_fused=True)
        self.layer4 = _stage(sizes, 3, is_fused=True)
        self.layer3_ds = nn.Conv2d(last // 2, last, 3, padding=1, stride=2, bias=False)
        self.fuse34 = Fusion(last)
        self.seg_1 = nn.Linear(2 * sizes.vector_width, sizes.embedding)

    def forward(self, frames: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Filter bank (B, T, bands), log energies, 100 frames a second, to the speaker vector (B, 20480).

        Of clips of several ``lengths`` (B,), padded with zeros, each has the vector that it has alone: what the net
        makes of the padding is taken away wherever a neighbour would see it.
        """
        maps, valid = self._maps(frames, lengths)
        if valid is None:
            return maps.mean(dim=-1)
        return (maps * valid).sum(dim=-1) / valid.sum(dim=-1)

    def embedding(self, frames: torch.Tensor) -> torch.Tensor:
        """Filter bank (B, T, bands), T of 9 or more, to 192 numbers (B, 192) whose angles tell speakers apart."""
        maps, _ = self._maps(frames)
        spread = torch.sqrt(maps.var(dim=-1) + _VARIANCE_FLOOR)
        return self.seg_1(torch.cat((maps.mean(dim=-1), spread), dim=1))

    def _maps(
        self, frames: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, T, bands) to (B, vector width, T / 8): what the last two stages say together; and where there are
        ``lengths``, ones for the frames of each clip, (B, 1, T / 8)."""
        x = F.relu(self.bn1(self.conv1(frames.transpose(1, 2).unsqueeze(1))))
        earlier, valid_earlier, valid = x, None, None
        for number, stage in enumerate((self.layer1, self.layer2, self.layer3, self.layer4)):
            earlier, valid_earlier = x, valid
            if lengths is not None:
                valid = _valid(lengths, frames.shape[1], number).to(x.dtype)
            for block in stage:
                x = block(x, valid)
        if valid is None or valid_earlier is None:
            return self.fuse34(x, self.layer3_ds(earlier)).flatten(1, 2), None
        return self.fuse34(x, self.layer3_ds(earlier * valid_earlier)).flatten(1, 2), valid[:, 0]


def fold_norms(net: EresNet) -> None:
    """Put every norm of ``net``, which is trained no more, into the convolution before it: the same vectors, sooner.

    Of a norm that is not trained only fixed numbers are left.
    """
    for module in net.eval().modules():
        if isinstance(module, Fusion):
            _fold_pairs(module.local_att)
        elif isinstance(module, Block):
            module.conv1, module.bn1 = _fold(module.conv1, module.bn1)
            module.conv3, module.bn3 = _fold(module.conv3, module.bn3)
            _fold_pairs(module.shortcut)
            for index, (conv, norm) in enumerate(zip(module.convs, module.bns, strict=True)):
                module.convs[index], module.bns[index] = _fold(conv, norm)
    net.conv1, net.bn1 = _fold(net.conv1, net.bn1)


def _fold_pairs(layers: nn.Sequential) -> None:
    """Fold every norm into the convolution before it."""
    for index in range(len(layers) - 1):
        if isinstance(layers[index + 1], nn.BatchNorm2d):
            layers[index], layers[index + 1] = _fold(layers[index], layers[index + 1])


def _fold(conv: Any, norm: Any) -> tuple[Any, Any]:
    conv.weight, conv.bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    )
    return conv, nn.Identity()


def _valid(lengths: torch.Tensor, longest: int, halvings: int) -> torch.Tensor:
    """Which frames are a clip's, (B, 1, 1, T / 2**halvings)."""
    left = ((lengths - 1) >> halvings) + 1
    return (torch.arange(((longest - 1) >> halvings) + 1, device=lengths.device) < left[:, None])[:, None, None]


def _stage(sizes: EresSizes, stage: int, *, is_fused: bool = False) -> nn.Sequential:
    """Blocks of one width; all stages but the first halve bands and frames."""
    width = sizes.width * 2**stage
    out, before = width * sizes.expansion, width // 2 * sizes.expansion if stage else sizes.width
    first = Block(before, width, sizes, stride=2 if stage else 1, is_fused=is_fused)
    rest = [Block(out, width, sizes, stride=1, is_fused=is_fused) for _ in range(sizes.blocks[stage] - 1)]
    return nn.Sequential(first, *rest)


def _cut_off(x: torch.Tensor) -> torch.Tensor:
    """In place, as in the published net: fresh memory for maps as large as these costs more than the arithmetic."""
    return x.clamp_(0.0, _CEILING)
