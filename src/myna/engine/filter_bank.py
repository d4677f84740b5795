"""The filter bank of Kaldi: log energies of mel bands, as speaker recognition and some denoisers use them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn import functional as F

from myna.core.errors import BadAudio


@dataclass(frozen=True)
class Bank:
    """Sizes of a filter bank; the defaults are those of speaker recognition, 100 frames a second."""

    sample_rate: int = 16_000
    frame: int = 400
    hop: int = 160
    n_fft: int = 512
    bands: int = 80
    is_hamming: bool = False
    """Whether the window is Hamming's; else it is Povey's."""


SPEAKER_BANK = Bank()
SAMPLE_RATE_HZ = SPEAKER_BANK.sample_rate
BANDS = SPEAKER_BANK.bands

_EMPHASIS = 0.97
_LOWEST_HZ = 20.0
_POVEY_POWER = 0.85
_FLOOR = torch.finfo(torch.float32).eps
"""Energies are raised to this before the logarithm."""


def filter_bank(sound: torch.Tensor, bank: Bank = SPEAKER_BANK) -> torch.Tensor:
    """Samples (B, T) at the bank's rate to log energies (B, 1 + (T - frame) // hop, bands).

    Whole frames only; each frame without its mean, pre-emphasised, in the window; no dither. Raises `BadAudio` for less
    than one frame.
    """
    if sound.shape[-1] < bank.frame:
        raise BadAudio(f"audio of {sound.shape[-1]} samples is too short for a filter bank; {bank.frame} are needed")
    frames = sound.float().unfold(-1, bank.frame, bank.hop)
    frames = frames - frames.mean(dim=-1, keepdim=True)
    before = torch.cat((frames[..., :1], frames[..., :-1]), dim=-1)  # the first sample stands before itself
    window, filters = _tables(sound.device, bank)
    shaped = F.pad((frames - _EMPHASIS * before) * window, (0, bank.n_fft - bank.frame))
    power = torch.fft.rfft(shaped).abs().square()
    return torch.matmul(power, filters).clamp(min=_FLOOR).log()


@lru_cache(maxsize=4)
def _tables(device: torch.device, bank: Bank) -> tuple[torch.Tensor, torch.Tensor]:
    """The window (frame,) and the triangles (bins, bands), equally wide on Kaldi's mel scale and one high."""
    with torch.inference_mode(False):  # a cached inference tensor could not be trained through later
        if bank.is_hamming:
            window = torch.hamming_window(bank.frame, periodic=False, dtype=torch.float64)
        else:
            window = torch.hann_window(bank.frame, periodic=False, dtype=torch.float64) ** _POVEY_POWER
        bins = _mel(torch.arange(bank.n_fft // 2 + 1, dtype=torch.float64) * bank.sample_rate / bank.n_fft)
        low, high = _mel(torch.tensor([_LOWEST_HZ, bank.sample_rate / 2], dtype=torch.float64)).tolist()
        edges = torch.linspace(low, high, bank.bands + 2, dtype=torch.float64)
        width = (high - low) / (bank.bands + 1)
        rising, falling = (bins[:, None] - edges[:-2]) / width, (edges[2:] - bins[:, None]) / width
        filters = torch.minimum(rising, falling).clamp(min=0.0)
        filters[-1] = 0.0  # the bin at half the rate belongs to no band
        return window.float().to(device), filters.float().to(device)


def _mel(hz: torch.Tensor) -> torch.Tensor:
    return 1127.0 * torch.log1p(hz / 700.0)
