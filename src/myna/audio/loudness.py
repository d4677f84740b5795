"""How loud sound is, how loud the official data set wants it, and whether a recording can be used at all."""

from __future__ import annotations

import math

import numpy as np

from myna.audio.io import Audio, too_long
from myna.core.errors import BadAudio, BadInput

SILENT_DBFS = -60.0
"""A recording whose loudest sample stays below this holds no voice that anything could be learnt from."""

MIN_SECONDS = 3.0


def peak(samples: np.ndarray) -> float:
    """Largest magnitude; 0.0 where there are no samples."""
    return max(float(np.max(samples)), -float(np.min(samples))) if samples.size else 0.0


def peak_dbfs(samples: np.ndarray) -> float:
    """Largest magnitude of ``(T,)`` samples in dB, full scale 1.0; minus infinity for silence."""
    return _decibels(peak(samples))


def rms_dbfs(samples: np.ndarray) -> float:
    """Root mean square of ``(T,)`` samples in dB, full scale 1.0 (a full-scale sine has -3.01); -inf for silence."""
    if not samples.size:
        return -math.inf
    return _decibels(math.sqrt(float(np.mean(np.square(samples, dtype=np.float64)))))


def check_recording(audio: Audio, *, min_seconds: float = MIN_SECONDS, max_seconds: float = 7200.0) -> None:
    """Refuse a recording that no voice can be made from.

    Raises:
        BadAudio: empty, shorter than ``min_seconds``, or silent (a constant offset counts as silence).
        LimitExceeded: longer than ``max_seconds``.
    """
    extent = Extent()
    extent.feed(audio.samples)
    extent.check(audio.sample_rate, min_seconds=min_seconds, max_seconds=max_seconds)


class Extent:
    """How long a recording is and between which samples it moves, while it goes by in blocks."""

    def __init__(self) -> None:
        self.num_samples = 0
        self._low, self._high = math.inf, -math.inf

    def feed(self, block: np.ndarray) -> None:
        """Take in a further ``block`` ``(t,)``."""
        if block.size:
            self.num_samples += len(block)
            self._low, self._high = min(self._low, float(block.min())), max(self._high, float(block.max()))

    def check(self, sample_rate: int, *, min_seconds: float = MIN_SECONDS, max_seconds: float = 7200.0) -> None:
        """Refuse what `check_recording` refuses."""
        seconds = self.num_samples / sample_rate
        if not self.num_samples:
            raise BadAudio(f"the recording is empty; record at least {min_seconds:g} s of speech")
        if seconds < min_seconds:
            raise BadAudio(f"the recording is only {seconds:.2f} s long; at least {min_seconds:g} s are needed")
        if seconds > max_seconds:
            raise too_long(max_seconds, seconds)
        loudest = _decibels((self._high - self._low) / 2)
        if not loudest >= SILENT_DBFS:
            raise BadAudio(
                f"the recording is silent (it stays below {max(loudest, -120.0):.0f} dB of full scale); "
                f"speech must pass {SILENT_DBFS:.0f} dB, so check the microphone and its level"
            )


def level_mix(samples: np.ndarray, top: float = 0.95, share: float = 0.5, loudest: float | None = None) -> np.ndarray:
    """Half-way normalisation: ``share`` of the sound scaled to peak ``top``, the rest as it is; float32 ``(T,)``.

    ``x / peak * (top * share) + (1 - share) * x``, as GPT-SoVITS levels clips. Silence stays silence. Where the sum
    would pass full scale, it is scaled down to it. Where ``samples`` are a part of the sound, ``loudest`` is its peak.

    Raises:
        BadInput: ``top`` is outside 0..1 (above it would clip) or ``share`` is outside 0..1.
    """
    check_level(top, share)
    sound = np.asarray(samples, np.float32)
    highest = np.float32(peak(sound) if loudest is None else loudest)
    if highest == 0.0:
        return sound
    scale, rest = np.float32(top * share), np.float32(1 - share)
    excess = highest / highest * scale + rest * highest  # what the peak becomes: louder never becomes softer
    mixed: np.ndarray = sound / highest  # in place from here on: new memory costs more than the arithmetic
    mixed *= scale
    mixed += rest * sound
    if excess > 1.0:
        mixed /= excess
    return mixed


def check_level(top: float, share: float) -> None:
    """Raise `BadInput` where `level_mix` would."""
    if not 0.0 < top <= 1.0:
        raise BadInput(f"the peak level is {top:g}; it must be above 0 and at most 1 (full scale)")
    if not 0.0 <= share <= 1.0:
        raise BadInput(f"the normalised share is {share:g}; it must be between 0 and 1")


def truncated_int16(samples: np.ndarray, full_scale: int) -> np.ndarray:
    """``samples * full_scale`` cut towards zero, as GPT-SoVITS stores clips; what passes int16 is clipped, not wrapped.

    The slicer's full scale is 32767, that of the data set's ``5-wav32k`` 32768.
    """
    scaled = samples * np.float32(full_scale)
    return np.clip(scaled, -32768, 32767, out=scaled).astype(np.int16)


def _decibels(amplitude: float) -> float:
    return 20.0 * math.log10(amplitude) if amplitude > 0.0 else -math.inf
