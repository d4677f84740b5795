"""The latent space of the VITS kind (Kim et al. 2021, arXiv:2106.06103): what training encodes, and the flow to it."""

from __future__ import annotations

import torch
from torch import nn

from myna.models.layers import WaveNet, masked

_KERNEL = 5


class PosteriorEncoder(nn.Module):
    """Spectrogram to a distribution over the latent frames ("enc_q"); only training needs it."""

    def __init__(self, bins: int, hidden: int, layers: int, speaker_width: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(bins, hidden, 1)
        self.enc = WaveNet(hidden, _KERNEL, layers, speaker_width)
        self.proj = nn.Conv1d(hidden, 2 * hidden, 1)

    def forward(
        self, spec: torch.Tensor, mask: torch.Tensor | None, speaker: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """``spec`` (B, bins, T), boolean ``mask`` (B, 1, T), ``speaker`` (B, G, 1) to mean and log deviation."""
        inner = self.enc(masked(self.pre(spec), mask), mask, speaker)
        mean, log_deviation = masked(self.proj(inner), mask).chunk(2, dim=1)
        return mean, log_deviation


class MeanCoupling(nn.Module):
    """Shifts the second half of the channels by what a WaveNet makes of the first; at first by nothing."""

    def __init__(self, channels: int, layers: int, speaker_width: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels // 2, channels, 1)
        self.enc = WaveNet(channels, _KERNEL, layers, speaker_width)
        self.post = nn.Conv1d(channels, channels // 2, 1)
        nn.init.zeros_(self.post.weight)
        if self.post.bias is not None:
            nn.init.zeros_(self.post.bias)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None, speaker: torch.Tensor, sign: int = 1) -> torch.Tensor:
        """(B, C, T) to (B, C, T); ``sign`` -1 undoes it."""
        kept, moved = x.chunk(2, dim=1)
        shift = masked(self.post(self.enc(masked(self.pre(kept), mask), mask, speaker)), mask)
        return torch.cat((kept, masked(moved + sign * shift, mask)), dim=1)


class _Flip(nn.Module):
    """Reverses the channels, so that the next coupling moves the other half; has no weights."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, T) to (B, C, T)."""
        return x.flip(1)


class CouplingFlow(nn.Module):
    """From latent frames to the space of the prior, and back without loss ("flow")."""

    def __init__(self, channels: int, couplings: int, layers: int, speaker_width: int) -> None:
        super().__init__()
        pairs = ((MeanCoupling(channels, layers, speaker_width), _Flip()) for _ in range(couplings))
        self.flows = nn.ModuleList(part for pair in pairs for part in pair)

    def forward(self, latent: torch.Tensor, mask: torch.Tensor | None, speaker: torch.Tensor) -> torch.Tensor:
        """``latent`` (B, C, T), boolean ``mask`` (B, 1, T), ``speaker`` (B, G, 1), to (B, C, T)."""
        for couple, flip in zip(self.flows[::2], self.flows[1::2], strict=True):
            latent = flip(couple(latent, mask, speaker))
        return latent

    def inverse(self, prior: torch.Tensor, mask: torch.Tensor | None, speaker: torch.Tensor) -> torch.Tensor:
        """Undo `forward`."""
        for couple, flip in zip(reversed(self.flows[::2]), reversed(self.flows[1::2]), strict=True):
            prior = couple(flip(prior), mask, speaker, -1)
        return prior
