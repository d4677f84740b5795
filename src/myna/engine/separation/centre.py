"""Separation without weights: what lies in the middle of a stereo mix and does not stand still.

Two masks over one short-time spectrum, multiplied:

- Singers and speakers are mixed to the centre, so the sum of the channels holds them and the difference does not.
  Where the difference is strong, something else sounds (after Barry et al. 2004, in its simplest form).
- Notes and chords stand still in a spectrum of long windows and voices move, so a running median over time holds the
  one, a running median over frequency the other (FitzGerald 2010, harmonic and percussive separation).

Of a mono recording only the second helps. Bass and drums that are mixed to the centre partly stay with the voice. How
good it is: ``benchmarks/separation.py``, and `docs/workshop.md`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from myna.engine.separation.separator import RATE_HZ

_N_FFT = 8192
_HOP = 2048
_SIDE_WEIGHT = 12.0
"""How much the difference of the channels speaks against the centre."""
_STILL_FRAMES = 61
"""Frames over which what stands still is told: 2.8 s."""
_STRIDE = 4
"""Every so manieth of them is looked at: nearly the same median in a quarter of the time."""
_WIDE_BINS = 7
"""Bins over which what moves is told: 38 Hz."""
_LOWEST_HZ = (50.0, 130.0)
"""A voice is faded in between these."""
_BLOCK = 480 * _HOP
_MARGIN = (_STILL_FRAMES // 2 + _N_FFT // _HOP) * _HOP
"""Sound on either side that the masks of a block depend on."""


class CentreMask:
    """The separator that needs no weights; see the module's text. The voice comes out alike in both channels."""

    stems = ("vocals", "other")

    def __init__(self, device: torch.device | None = None) -> None:
        self._device = device or torch.device("cpu")

    def separate(self, mix: np.ndarray) -> Iterator[np.ndarray]:
        """As `Separator.separate`. Blocks of 22 s are cut from wider stretches, so they join as if there were none."""
        for start in range(0, len(mix), _BLOCK):
            stop = min(start + _BLOCK, len(mix))
            first = max(0, start - _MARGIN)
            stretch = np.asarray(mix[first : stop + _MARGIN], np.float32)
            voice = self._voice(stretch)[start - first : stop - first]
            sound = stretch[start - first : stop - first]
            yield np.stack([voice, sound - voice])

    def _voice(self, sound: np.ndarray) -> np.ndarray:
        """The voice in ``sound`` (T, 2), as (T, 2)."""
        window = torch.hann_window(_N_FFT, device=self._device)
        channels = torch.from_numpy(np.ascontiguousarray(sound.T)).to(self._device)
        spectra = torch.stft(channels, _N_FFT, _HOP, window=window, pad_mode="constant", return_complex=True)
        middle, side = (spectra[0] + spectra[1]) / 2, (spectra[0] - spectra[1]) / 2
        centre = middle * _centre_mask(middle, side)
        voice = centre * _moving_mask(centre.abs()) * _audible(middle.device)
        wave: np.ndarray = torch.istft(voice, _N_FFT, _HOP, window=window, length=len(sound)).cpu().numpy()
        return np.stack([wave, wave], axis=1)


def _centre_mask(middle: Tensor, side: Tensor) -> Tensor:
    """How much of each point (F, T) lies in the centre, 0 to 1."""
    whole, beside = middle.abs().square(), side.abs().square()
    return ((whole - _SIDE_WEIGHT * beside) / (whole + _TINY)).clamp(0.0, 1.0)


def _moving_mask(magnitude: Tensor) -> Tensor:
    """How much of each point (F, T) belongs to something that moves, 0 to 1."""
    still = _running_median(magnitude, _STILL_FRAMES, _STRIDE).square()
    moving = _running_median(magnitude.T, _WIDE_BINS, 1).T.square()
    mask: Tensor = moving / (moving + still + _TINY)
    return mask


def _running_median(values: Tensor, length: int, stride: int) -> Tensor:
    """Median along the last dimension over ``length`` neighbours, of which every ``stride``-th counts."""
    half = length // 2
    padded = F.pad(values, (half, half))
    middle: Tensor = padded.unfold(-1, length, 1)[..., ::stride].median(dim=-1).values
    return middle


def _audible(device: torch.device) -> Tensor:
    """Weights (F, 1) that fade in what a voice can hold."""
    low, high = _LOWEST_HZ
    frequencies = torch.fft.rfftfreq(_N_FFT, 1 / RATE_HZ, device=device)
    weights: Tensor = ((frequencies - low) / (high - low)).clamp(0.0, 1.0)
    return weights[:, None]


_TINY = 1e-12
