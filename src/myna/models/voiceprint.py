"""The net that hears who speaks: GE2E's speaker encoder (Wan et al. 2018), in the sizes that Resemblyzer published."""

from __future__ import annotations

import torch
from torch import nn


class SpeakerEncoder(nn.Module):
    """Three LSTMs over mel frames; the last state, projected, rectified and normalised, is the voiceprint."""

    def __init__(self, bands: int = 40, width: int = 256, layers: int = 3) -> None:
        super().__init__()
        self.lstm = nn.LSTM(bands, width, layers, batch_first=True)
        self.linear = nn.Linear(width, width)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Mel energies (B, bands, T), 100 frames per second, not logarithmic, to unit vectors (B, width)."""
        _, (state, _) = self.lstm(mel.transpose(1, 2))
        return nn.functional.normalize(torch.relu(self.linear(state[-1])), dim=1)
