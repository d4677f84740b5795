"""The spectrum that the VR nets see: four bands, each at its own rate, put on top of each other; and back to sound.

The lower the band, the lower its rate and the longer its window. Where bands overlap in frequency the nets see both; on
the way back each fades into the next. Above the highest bin, 17.6 kHz, what is left of the mix is no louder than the
mirrored bins below it. ``vr_bands.json`` holds the numbers (``4band_v2`` and ``4band_v3`` of the official program,
which differ in nothing that is used here).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

_MARGIN_FRAMES = 8
"""Sound around a stretch that its spectrum depends on: half the longest window is four frames, filters are shorter."""
SYNTHESIS_FRAMES = 16
"""Frames around a stretch of sound that it depends on."""
_MIRROR_GAP = 10


@dataclass(frozen=True)
class Band:
    """``slower``: how many times lower its rate is; ``low``, ``high``: its bins; ``gains`` (n_fft // 2 + 1,): fades."""

    slower: int
    n_fft: int
    low: int
    high: int
    gains: np.ndarray


@dataclass(frozen=True)
class Layout:
    """All bands, lowest first; ``gains`` (bins + 1,) weaken the topmost bins for the net."""

    bins: int
    hop: int
    fade: tuple[int, int]
    bands: tuple[Band, ...]
    gains: np.ndarray

    @property
    def num_high_bins(self) -> int:
        """Bins of the highest band that the net does not see, and some that it sees weakened."""
        return self.bands[-1].n_fft // 2 - self.bands[-1].high + self.fade[1] - self.fade[0]


@lru_cache(maxsize=1)
def layout() -> Layout:
    """What ``vr_bands.json`` says."""
    told = json.loads((files("myna.engine.separation") / "vr_bands.json").read_text(encoding="utf-8"))
    first, last = told["fade"]
    gains, gain = np.ones(told["bins"] + 1), 1.0
    for bin_ in range(first + 1, last):
        gain = 10 ** (-(bin_ - first) * (3.5 - gain) / 20)
        gains[bin_] = gain
    return Layout(told["bins"], told["hop"], (first, last), tuple(map(_band, told["bands"])), gains)


def _band(told: dict[str, Any]) -> Band:
    gains = np.ones(told["n_fft"] // 2 + 1)
    if "high_pass" in told:
        start, stop = told["high_pass"]
        gains[stop + 1 : start + 1] *= np.arange(start - stop) / (start - stop)
        gains[: stop + 1] = 0
    if "low_pass" in told:
        start, stop = told["low_pass"]
        gains[start:stop] *= 1 - np.arange(1, stop - start + 1) / (stop - start)
        gains[stop:] = 0
    low, high = told["bins"]
    return Band(told["slower"], told["n_fft"], low, high, gains)


def analyse(mix: np.ndarray, first: int, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Frames ``first`` to ``first + count`` of ``mix`` (T, 2): (2, bins + 1, count) complex, and the bins above.

    Frame n is centred at sample n times the hop, 480; around the mix there is silence. The bins above are
    (2, `Layout.num_high_bins`, count).
    """
    plan = layout()
    margin = _MARGIN_FRAMES * plan.hop
    sound = _stretch(mix, first * plan.hop - margin, (first + count - 1) * plan.hop + margin, device)
    rows: list[Tensor] = []
    at_rate, slower = sound, 1
    for band in reversed(plan.bands):
        at_rate = lowered(at_rate, band.slower // slower)
        slower = band.slower
        hop, begin = plan.hop // slower, margin // slower - band.n_fft // 2
        window = torch.hann_window(band.n_fft, device=device)
        framed = at_rate[:, begin:]
        spectrum = torch.stft(framed, band.n_fft, hop, window=window, center=False, return_complex=True)[..., :count]
        if not rows:
            top = band.n_fft // 2
            above = spectrum[:, top - plan.num_high_bins : top]
        rows.insert(0, spectrum[:, band.low : band.high])
    rows.append(torch.zeros_like(rows[0][:, :1]))
    gains = torch.from_numpy(plan.gains).to(device, torch.float32)[:, None]
    return torch.cat(rows, dim=1) * gains, above


def synthesise(spectrum: Tensor, above: Tensor) -> Tensor:
    """Sound (2, (T - 1) * 480) from T frames of a stem (2, bins + 1, T) and the mix's bins above, as `analyse` gives.

    It begins at the centre of the first frame. The outer frames' sound is not yet that of the whole
    (`SYNTHESIS_FRAMES`).
    """
    plan = layout()
    sound: Tensor | None = None
    start, slower = 0, plan.bands[0].slower
    for band in plan.bands:
        height = band.high - band.low
        rows = spectrum.new_zeros(2, band.n_fft // 2 + 1, spectrum.shape[2])
        rows[:, band.low : band.high] = spectrum[:, start : start + height]
        start += height
        if band.slower == 1:
            top = band.n_fft // 2
            rows[:, top - plan.num_high_bins : top] = _quieter(above, spectrum)
        gains = torch.from_numpy(band.gains).to(rows.device, torch.float32)[:, None]
        window = torch.hann_window(band.n_fft, device=rows.device)
        wave = torch.istft(rows * gains, band.n_fft, plan.hop // band.slower, window=window)
        sound = wave if sound is None else raised(sound, slower // band.slower) + wave
        slower = band.slower
    return spectrum.new_zeros(2, 0).real if sound is None else sound


def _quieter(above: Tensor, spectrum: Tensor) -> Tensor:
    """The mix's highest bins, where they are louder than the stem's mirrored ones below as loud as these."""
    last = layout().fade[0] - _MIRROR_GAP
    mirror = spectrum[:, last - above.shape[1] : last].abs().flip(1)
    mirrored = torch.polar(mirror, above.angle())
    return torch.where(above.abs() <= mirror, above, mirrored)


def _stretch(mix: np.ndarray, first: int, last: int, device: torch.device) -> Tensor:
    """Samples ``first`` to ``last`` of ``mix`` (T, 2) as (2, last - first); silence where there are none."""
    inside = np.ascontiguousarray(mix[max(first, 0) : max(last, 0)].T, np.float32)
    before = min(max(-first, 0), last - first)
    padded = np.pad(inside, ((0, 0), (before, last - first - before - inside.shape[1])))
    return torch.from_numpy(padded).to(device)


def lowered(sound: Tensor, factor: int) -> Tensor:
    """``sound`` (C, T) at a rate ``factor`` times lower, as scipy's ``resample_poly`` does it: what the nets know."""
    if factor == 1:
        return sound
    taps = _taps(factor, 10, 5.0).to(sound)
    return F.conv1d(sound[:, None], taps[None, None], stride=factor, padding=len(taps) // 2)[:, 0]


def raised(sound: Tensor, factor: int) -> Tensor:
    """``sound`` (C, T) at a rate ``factor`` times higher, (C, T * factor); longer filters, for ears."""
    if factor == 1:
        return sound
    taps = _taps(factor, 48, 10.0).to(sound) * factor
    half = len(taps) // 2
    longer = F.conv_transpose1d(
        sound[:, None], taps[None, None], stride=factor, padding=half, output_padding=factor - 1
    )
    return longer[:, 0]


@lru_cache(maxsize=8)
def _taps(factor: int, zero_crossings: int, beta: float) -> Tensor:
    """A low-pass at 1 / ``factor`` of half the rate: windowed sinc with a Kaiser window, its sum 1."""
    half = zero_crossings * factor
    taps = np.sinc(np.arange(-half, half + 1) / factor) * np.kaiser(2 * half + 1, beta)
    return torch.from_numpy((taps / taps.sum()).astype(np.float32))
