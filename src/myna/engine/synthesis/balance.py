"""Brings made mels to the colour and the liveliness of a reference.

A decoder that has learnt little speaks in a voice too near to the mean of all: its mels are duller and flatter than
those of the person, and the formants lie elsewhere. How much is measured on the reference itself, whose tokens are
spoken once in its own voice: what is said is the same, so what differs is the decoder. Each band is then drawn from
others by ridge regression towards itself, and moves as much as the recorded one does (as a filter behind
statistical synthesis "global variance": Toda and Tokuda 2007).

Of a decoder that never heard the voice all bands tell of each. With one that was trained on it this made voices less
alike, in the one voice where it could be measured (docs/gpu.md): there only the bands around a band are heard.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_QUIET = 0.3
"""Share of the frames, the softest, that are taken for pauses."""
AROUND = 20
"""Bands to either side that a band is drawn from where the decoder was trained on the voice."""
_RIDGE = 0.5
"""How much a band is held to be itself, beside how much the bands that it is drawn from move."""
_FLATTEST, _LIVELIEST = 0.6, 1.8
_LEAST = 1e-3


@dataclass(frozen=True)
class Balance:
    """The means of made and recorded mels (bands, 1), and how what is beside the one becomes what is beside the other,
    (bands, bands)."""

    made: Tensor
    recorded: Tensor
    weights: Tensor

    def __call__(self, mel: Tensor) -> Tensor:
        """Mels (B, bands, T), normalised as those it was measured on, as the reference would sound."""
        return self.weights @ (mel - self.made) + self.recorded


def measured(made: Tensor, recorded: Tensor, around: int | None = None) -> Balance:
    """The balance between two mels (1, bands, T) of the same words, frame by frame; pauses are left out.

    Each band is drawn from those at most ``around`` to either side, without it from all.
    """
    length = min(made.shape[-1], recorded.shape[-1])
    made, recorded = made[0, :, :length].float(), recorded[0, :, :length].float()
    loudness = recorded.mean(dim=0)
    speaks = loudness >= loudness.quantile(_QUIET)
    made, recorded = made[:, speaks], recorded[:, speaks]
    means = made.mean(dim=1, keepdim=True), recorded.mean(dim=1, keepdim=True)
    ours, theirs = made - means[0], recorded - means[1]
    first = _liveliness(ours, theirs)
    drawn = _drawn(first * ours, theirs, len(ours) if around is None else around)
    second = _liveliness(drawn @ (first * ours), theirs)
    return Balance(*means, weights=second * drawn * first.T)


def _liveliness(ours: Tensor, theirs: Tensor) -> Tensor:
    """How much more bands (bands, T) without their means move in ``theirs``, (bands, 1)."""
    ratio: Tensor = theirs.norm(dim=1, keepdim=True) / ours.norm(dim=1, keepdim=True).clamp(min=_LEAST)
    return ratio.clamp(_FLATTEST, _LIVELIEST)


def _drawn(ours: Tensor, theirs: Tensor, around: int) -> Tensor:
    """The weights (bands, bands) by which each band of ``theirs`` (bands, T) is best drawn from those around it in
    ``ours``."""
    bands = ours.shape[0]
    both, products = ours @ ours.T, ours @ theirs.T
    weights = torch.zeros_like(both)
    for band in range(bands):
        near = slice(max(band - around, 0), band + around + 1)
        square = both[near, near]
        ridge = (_RIDGE * square.diagonal().mean()).clamp(min=_LEAST)
        itself = torch.zeros_like(square[0])
        itself[band - near.start] = ridge
        held = square + ridge * torch.eye(len(square), device=square.device)
        weights[band, near] = torch.linalg.solve(held, products[near, band] + itself)
    return weights


def unchanged(bands: int, device: torch.device) -> Balance:
    """The one that changes nothing."""
    zeros = torch.zeros(bands, 1, device=device)
    return Balance(zeros, zeros, torch.eye(bands, device=device))
