"""The filter bank of Kaldi, as speaker recognition uses it: log energies of 80 bands, 100 frames a second."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch.nn import functional as F

from myna.core.errors import BadAudio

SAMPLE_RATE_HZ = 16_000
BANDS = 80

_FRAME, _HOP, _N_FFT = 400, 160, 512
_EMPHASIS = 0.97
_LOWEST_HZ = 20.0
_POVEY_POWER = 0.85
_FLOOR = torch.finfo(torch.float32).eps
"""Energies are raised to this before the logarithm."""


def filter_bank(sound: torch.Tensor) -> torch.Tensor:
    """Samples (B, T) at 16 kHz in [-1, 1] to log energies (B, 1 + (T - 400) // 160, 80).

    Whole frames only; each frame without its mean, pre-emphasised, in Povey's window; no dither. Raises `BadAudio` for
    less than one frame of 25 ms.
    """
    if sound.shape[-1] < _FRAME:
        raise BadAudio(f"audio of {sound.shape[-1]} samples is too short for a filter bank; {_FRAME} are needed")
    frames = sound.float().unfold(-1, _FRAME, _HOP)
    frames = frames - frames.mean(dim=-1, keepdim=True)
    before = torch.cat((frames[..., :1], frames[..., :-1]), dim=-1)  # the first sample stands before itself
    window, filters = _tables(sound.device)
    shaped = F.pad((frames - _EMPHASIS * before) * window, (0, _N_FFT - _FRAME))
    power = torch.fft.rfft(shaped).abs().square()
    return torch.matmul(power, filters).clamp(min=_FLOOR).log()


@lru_cache(maxsize=4)
def _tables(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Povey's window (400,) and the triangles (257, 80), equally wide on Kaldi's mel scale and one high."""
    with torch.inference_mode(False):  # a cached inference tensor could not be trained through later
        window = torch.hann_window(_FRAME, periodic=False, dtype=torch.float64) ** _POVEY_POWER
        bins = _mel(torch.arange(_N_FFT // 2 + 1, dtype=torch.float64) * SAMPLE_RATE_HZ / _N_FFT)
        low, high = _mel(torch.tensor([_LOWEST_HZ, SAMPLE_RATE_HZ / 2], dtype=torch.float64)).tolist()
        edges = torch.linspace(low, high, BANDS + 2, dtype=torch.float64)
        width = (high - low) / (BANDS + 1)
        rising, falling = (bins[:, None] - edges[:-2]) / width, (edges[2:] - bins[:, None]) / width
        filters = torch.minimum(rising, falling).clamp(min=0.0)
        filters[-1] = 0.0  # the bin at half the rate belongs to no band
        return window.float().to(device), filters.float().to(device)


def _mel(hz: torch.Tensor) -> torch.Tensor:
    return 1127.0 * torch.log1p(hz / 700.0)
