"""Vector quantiser with a codebook that follows its inputs by exponential moving averages (VQ-VAE, EnCodec)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

_DECAY = 0.99
_SMOOTHING = 1e-5
_DEAD_BELOW = 2.0
_START_ROUNDS = 20


@dataclass(frozen=True)
class Quantized:
    """``values`` (B, C, T) pass the gradient straight through; ``codes`` (B, T) int64; ``commitment`` a scalar loss."""

    values: torch.Tensor
    codes: torch.Tensor
    commitment: torch.Tensor


class Codebook(nn.Module):
    """The code vectors and their running statistics; nothing in it is trained by gradient."""

    inited: torch.Tensor
    cluster_size: torch.Tensor
    embed: torch.Tensor
    embed_avg: torch.Tensor

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        self.register_buffer("inited", torch.zeros(1))
        self.register_buffer("cluster_size", torch.zeros(codes))
        self.register_buffer("embed", torch.randn(codes, width) * width**-0.5)
        self.register_buffer("embed_avg", self.embed.clone())

    def nearest(self, vectors: torch.Tensor) -> torch.Tensor:
        """Index (N,) of the nearest code of each of ``vectors`` (N, C), always decided in float32."""
        with torch.autocast(vectors.device.type, enabled=False):
            vectors, embed = vectors.float(), self.embed.float()
            # same order of operations as the published models, so that near ties fall the same way
            distances = vectors.square().sum(1, keepdim=True) - 2 * vectors @ embed.t() + embed.square().sum(1)
        return distances.neg().argmax(dim=-1)

    @torch.no_grad()
    def start(self, vectors: torch.Tensor) -> None:
        """Set the codes by k-means over ``vectors`` (N, C), the first batch that training sees."""
        self.embed.copy_(self.pick(vectors, self.embed.shape[0]))
        for _ in range(_START_ROUNDS):
            counts, sums = self._totals(vectors, self.nearest(vectors))
            used = counts > 0
            self.embed[used] = sums[used] / counts[used, None]
        self.cluster_size.copy_(counts)
        self.embed_avg.copy_(self.embed * counts[:, None])
        self.inited.fill_(1.0)

    @torch.no_grad()
    def update(self, vectors: torch.Tensor, codes: torch.Tensor) -> None:
        """Move the averages towards ``vectors`` (N, C) by their ``codes`` (N,); revive codes that nothing uses."""
        counts, sums = self._totals(vectors, codes)
        self.cluster_size.lerp_(counts, 1 - _DECAY)
        self.embed_avg.lerp_(sums, 1 - _DECAY)
        total = self.cluster_size.sum()
        smoothed = (self.cluster_size + _SMOOTHING) / (total + len(counts) * _SMOOTHING) * total
        self.embed.copy_(self.embed_avg / smoothed[:, None])
        dead = self.cluster_size < _DEAD_BELOW
        if dead.any():
            self.embed[dead] = self.pick(vectors, int(dead.sum())).to(self.embed.dtype)

    def pick(self, vectors: torch.Tensor, count: int) -> torch.Tensor:
        """``count`` random rows of ``vectors`` (N, C), distinct as far as there are enough."""
        if len(vectors) >= count:
            rows = torch.randperm(len(vectors), device=vectors.device)[:count]
        else:
            rows = torch.randint(len(vectors), (count,), device=vectors.device)
        return vectors[rows]

    def _totals(self, vectors: torch.Tensor, codes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """How many vectors each code has, (codes,), and their sum, (codes, C)."""
        counts = torch.bincount(codes, minlength=self.embed.shape[0]).to(vectors.dtype)
        return counts, torch.zeros_like(self.embed).index_add_(0, codes, vectors)


class Quantizer(nn.Module):
    """One codebook under the published key ``vq.layers.0._codebook``."""

    def __init__(self, codes: int, width: int) -> None:
        super().__init__()
        layer = nn.ModuleDict({"_codebook": Codebook(codes, width)})
        self.vq = nn.ModuleDict({"layers": nn.ModuleList([layer])})

    @property
    def codebook(self) -> Codebook:
        """The codebook."""
        return self.get_submodule("vq.layers.0._codebook")  # type: ignore[return-value]

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to codes (B, T) int64."""
        return self.codebook.nearest(x.transpose(1, 2).flatten(0, 1)).view(x.shape[0], x.shape[-1])

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        """Codes (B, T) to code vectors (B, C, T)."""
        return F.embedding(codes, self.codebook.embed).transpose(1, 2)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> Quantized:
        """Quantise ``x`` (B, C, T); in training mode the codebook learns from the frames that ``mask`` (B, 1, T) keeps.

        In evaluation mode no gradient passes and the commitment loss is zero.
        """
        x = x.float()
        vectors = x.detach().transpose(1, 2).flatten(0, 1)
        if mask is not None:
            vectors = vectors[mask.flatten()]
        if self.training and not self.codebook.inited:
            self.codebook.start(vectors)
        codes = self.encode(x)
        values = self.decode(codes)
        if not self.training:
            return Quantized(values, codes, x.new_zeros(()))
        self.codebook.update(vectors, codes.flatten() if mask is None else codes.flatten()[mask.flatten()])
        error = (values.detach() - x).square()
        commitment = error.mean() if mask is None else (error * mask).sum() / (mask.sum() * x.shape[1])
        return Quantized(x + (values - x).detach(), codes, commitment)
