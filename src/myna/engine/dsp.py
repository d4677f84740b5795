"""Signal front ends in torch: magnitude spectrograms, log-mels, their normalisation, resampling, overlap joins.

The numbers follow the front ends that the published weights were trained with: no centring (reflection by half the
overlap instead), a periodic Hann window, Slaney mel filters, a magnitude floor of sqrt(1e-8).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional as F

from myna.core.errors import BadAudio
from myna.core.versions import MelSpec

MEL_FLOOR = 1e-5
"""Mel energies are clamped here before the logarithm."""
MEL_MIN = -12.0
MEL_MAX = 2.0
"""Log-mel values that normalisation maps to -1 and 1."""

_MAGNITUDE_FLOOR = 1e-8
_SINC_WIDTH = 6
_SINC_ROLLOFF = 0.99


def spectrogram(wav: torch.Tensor, n_fft: int, hop: int, win: int | None = None) -> torch.Tensor:
    """Magnitudes ``sqrt(|X|^2 + 1e-8)`` of ``wav`` (B, T) as (B, n_fft // 2 + 1, T // hop), not centred.

    The signal is reflected by (n_fft - hop) / 2 at both ends. Raises `BadAudio` when it is too short for that.
    """
    side = (n_fft - hop) // 2
    if wav.shape[-1] <= side:
        raise BadAudio(f"audio of {wav.shape[-1]} samples is too short for a spectrogram; {side + 1} are needed")
    padded = F.pad(wav.float().unsqueeze(1), (side, side), mode="reflect").squeeze(1)
    return magnitudes(padded, n_fft, hop, win)


def magnitudes(wav: torch.Tensor, n_fft: int, hop: int, win: int | None = None) -> torch.Tensor:
    """As `spectrogram`, for ``wav`` (B, T) that has its reflected ends already: (B, bins, (T - n_fft) // hop + 1)."""
    win = n_fft if win is None else win
    window = torch.hann_window(win, device=wav.device)
    spectrum = torch.stft(
        wav.float(), n_fft, hop_length=hop, win_length=win, window=window, center=False, return_complex=True
    )
    return torch.sqrt(spectrum.real.square() + spectrum.imag.square() + _MAGNITUDE_FLOOR)


def mel_filters(sample_rate: int, n_fft: int, bands: int) -> np.ndarray:
    """Triangular filters (bands, n_fft // 2 + 1), float32, over 0 Hz to half the rate: Slaney's scale and area norm."""
    edges = _slaney_to_hz(np.linspace(0.0, _hz_to_slaney(sample_rate / 2), bands + 2))
    bins = np.linspace(0.0, sample_rate / 2, n_fft // 2 + 1)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filters: np.ndarray = triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return filters.astype(np.float32)


def log_mel(spec: torch.Tensor, sample_rate: int, bands: int) -> torch.Tensor:
    """Natural log of the mel bands of a magnitude spectrogram: (B, F, T) to (B, bands, T), clamped at 1e-5."""
    filters = _filters_on(sample_rate, 2 * (spec.shape[-2] - 1), bands, spec.device)
    return torch.matmul(filters, spec).clamp(min=MEL_FLOOR).log()


def mel(wav: torch.Tensor, spec: MelSpec) -> torch.Tensor:
    """Log-mel of ``wav`` (B, T) at ``spec.sample_rate``, as (B, bands, T // hop)."""
    return log_mel(spectrogram(wav, spec.n_fft, spec.hop), spec.sample_rate, spec.bands)


def normalise_mel(log_mels: torch.Tensor) -> torch.Tensor:
    """Map log-mel -12..2 to -1..1 (values outside go outside)."""
    return (log_mels - MEL_MIN) / (MEL_MAX - MEL_MIN) * 2 - 1


def denormalise_mel(normalised: torch.Tensor) -> torch.Tensor:
    """Undo `normalise_mel`."""
    return (normalised + 1) / 2 * (MEL_MAX - MEL_MIN) + MEL_MIN


def resample(wav: torch.Tensor, from_hz: int, to_hz: int) -> torch.Tensor:
    """Band-limited resampling of ``wav`` (..., T) to (..., ceil(T * to / from)), float32.

    Hann-windowed sinc, six zero crossings, rolloff 0.99 (the published models' references were made with it; for files
    the decoder's resampler is better).
    """
    if from_hz == to_hz or not wav.numel():
        return wav
    divisor = math.gcd(from_hz, to_hz)
    old, new = from_hz // divisor, to_hz // divisor
    kernels, width = _sinc_kernels(old, new)
    flat = wav.float().reshape(-1, 1, wav.shape[-1])
    phases = F.conv1d(F.pad(flat, (width, width + old)), kernels.to(wav.device), stride=old)
    length = math.ceil(new * wav.shape[-1] / old)
    return phases.transpose(1, 2).reshape(*wav.shape[:-1], -1)[..., :length]


def join_overlapping(pieces: list[torch.Tensor], overlap: int, search: int = 320) -> torch.Tensor:
    """Join waveforms (T,) whose neighbours share about ``overlap`` samples, by SOLA.

    Each piece is shifted by up to ``search`` samples to where it correlates best with the tail before it, then
    cross-faded with a Hann window; the last piece's overlap is not cut. Raises `BadAudio` for pieces shorter than
    ``overlap + search``.
    """
    return join_shifted(pieces, overlap, search)[0]


def join_shifted(pieces: list[torch.Tensor], overlap: int, search: int = 320) -> tuple[torch.Tensor, list[int]]:
    """As `join_overlapping`; also how many samples each piece was shifted by, which are missing from the whole."""
    short = min(piece.shape[-1] for piece in pieces)
    if len(pieces) > 1 and short < overlap + search:
        raise BadAudio(f"a piece of {short} samples cannot be joined; {overlap + search} are needed")
    window = torch.hann_window(2 * overlap, device=pieces[0].device)
    joined, shifts = [pieces[0]], [0]
    for piece in pieces[1:]:
        tail = joined[-1][-overlap:]
        shifts.append(_best_offset(tail, piece[: overlap + search]))
        piece = piece[shifts[-1] :]
        blend = tail * window[overlap:] + piece[:overlap] * window[:overlap]
        joined[-1] = joined[-1][:-overlap]
        joined.append(torch.cat([blend, piece[overlap:]]))
    return torch.cat(joined), shifts


def _best_offset(tail: torch.Tensor, head: torch.Tensor) -> int:
    """Where ``tail`` (overlap,) fits best into ``head`` (overlap + search,): normalised correlation."""
    signal, pattern = head.view(1, 1, -1), tail.view(1, 1, -1)
    correlation = F.conv1d(signal, pattern)
    energy = F.conv1d(signal.square(), torch.ones_like(pattern)) + 1e-8
    return int((correlation / energy.sqrt()).argmax())


def _hz_to_slaney(hz: float) -> float:
    """Slaney's auditory scale: linear below 1000 Hz (3 mels per 200 Hz), logarithmic above."""
    if hz < 1000.0:
        return 3.0 * hz / 200.0
    return 15.0 + 27.0 * math.log(hz / 1000.0) / math.log(6.4)


def _slaney_to_hz(mels: np.ndarray) -> np.ndarray:
    hz = 1000.0 * np.exp((mels - 15.0) * math.log(6.4) / 27.0)
    hz[mels < 15.0] = 200.0 * mels[mels < 15.0] / 3.0
    return hz


@lru_cache(maxsize=16)
def _filters_on(sample_rate: int, n_fft: int, bands: int, device: torch.device) -> torch.Tensor:
    with torch.inference_mode(False):  # a cached inference tensor could not be trained through later
        return torch.from_numpy(mel_filters(sample_rate, n_fft, bands)).to(device)


@lru_cache(maxsize=16)
def _sinc_kernels(old: int, new: int) -> tuple[torch.Tensor, int]:
    """One kernel per output phase, (new, 1, taps), for coprime rates; and how many samples they reach back."""
    cutoff = min(old, new) * _SINC_ROLLOFF
    width = math.ceil(_SINC_WIDTH * old / cutoff)
    positions = np.arange(-width, width + old) / old - np.arange(new)[:, None] / new
    time = np.clip(positions * cutoff, -_SINC_WIDTH, _SINC_WIDTH)
    kernels = np.sinc(time) * np.cos(time * math.pi / _SINC_WIDTH / 2) ** 2 * (cutoff / old)
    with torch.inference_mode(False):
        return torch.from_numpy(kernels.astype(np.float32)).unsqueeze(1), width
