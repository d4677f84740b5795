"""How good a clip sounds, in numbers: loudness, peak, clipping, noise, silence and, where its net is here, DNSMOS.

No torch. The noise is judged by the quietest tenth of the frames of 20 ms, which in speech are pauses. On mixes of real
speech in five languages with white noise, pink noise and hum, the standard deviation from the truth was at most 1 dB
from 0 to 20 dB, and 3 dB at 30 dB; that of WADA-SNR (Kim and Stern 2008) was 2 to 8 and 30 dB: it takes pauses in clean
sound, and hum, for something else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from myna.audio.io import Audio
from myna.audio.loudness import peak
from myna.audio.weighting import filtered, integrated_lufs
from myna.core.errors import BadAudio

_FRAME_S = 0.02
_FLOOR = 10**-9.6
"""Power of what 16 bits can hardly tell from nothing, -96 dB; where a pause is quieter, nobody hears its noise."""

_RUMBLE_HZ = 80.0
_PAUSES_PERCENT = 10.0
_MIN_SNR_FRAMES = 10

_LOUD_PERCENT = 95.0
_SILENT_BELOW_LOUD_DB = 35.0
_SILENT_DBFS = -60.0

_CLIPPED_FROM = 0.5
_CLIPPED_RUN = 3
_STEP = 0.5 / 32768


@dataclass(frozen=True)
class Opinion:
    """What listeners would say by ITU-T P.835, as DNSMOS guesses it: 1 (bad) to 5 (excellent)."""

    overall: float
    speech: float
    background: float


@dataclass(frozen=True)
class Measures:
    """The numbers of one clip; None where it has too little sound for a number, or the net is not here."""

    seconds: float
    loudness_lufs: float | None
    """Integrated, ITU-R BS.1770-4."""
    peak_dbfs: float | None
    clipped_share: float
    """Share of samples beyond full scale or on a flat top, 0 to 1."""
    silent_share: float
    """Share of frames that hold no sound, 0 to 1."""
    snr_db: float | None
    dnsmos: Opinion | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values, for a line of JSON: decibels to two places, shares to six."""
        return {key: _rounded(key, value) for key, value in asdict(self).items()}


class Judge(Protocol):
    """Guesses what listeners would say."""

    def opinions(self, sounds: Sequence[Audio]) -> list[Opinion | None]:
        """One for each sound, None where it is empty."""
        ...


def measure(samples: npt.NDArray[np.floating], sample_rate: int, judge: Judge | None = None) -> Measures:
    """The measures of mono ``samples`` (T,), full scale -1..1; raises `BadAudio` for numbers that are not finite."""
    return measure_all([Audio(np.asarray(samples), sample_rate)], judge)[0]


def measure_all(sounds: Sequence[Audio], judge: Judge | None = None) -> list[Measures]:
    """The measures of every sound; ``judge`` (`engine.dnsmos.judge_in`) hears them in batches."""
    opinions = judge.opinions(sounds) if judge is not None else [None] * len(sounds)
    return [_measure(sound, opinion) for sound, opinion in zip(sounds, opinions, strict=True)]


def _measure(sound: Audio, opinion: Opinion | None) -> Measures:
    samples = sound.samples
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise BadAudio("only one channel of finite numbers can be measured")
    loudest = peak(samples)
    return Measures(
        seconds=sound.seconds,
        loudness_lufs=integrated_lufs(samples, sound.sample_rate),
        peak_dbfs=20 * math.log10(loudest) if loudest > 0.0 else None,
        clipped_share=clipped_share(samples),
        silent_share=silent_share(samples, sound.sample_rate),
        snr_db=snr_db(samples, sound.sample_rate),
        dnsmos=opinion,
    )


def snr_db(samples: npt.NDArray[np.floating], sample_rate: int) -> float | None:
    """Speech over steady noise, from 80 Hz on, in dB: what is above the quietest tenth of the frames over that tenth.

    Digital silence at both ends does not count. None where less than 0.2 s is left. About 80 is the most there can be.
    """
    heard = np.flatnonzero(samples)
    sound = samples[heard[0] : heard[-1] + 1] if len(heard) else samples[:0]
    power = _frame_power(filtered(sound, sample_rate, _without_rumble), sample_rate)
    if len(power) < _MIN_SNR_FRAMES:
        return None
    noise = max(float(np.percentile(power, _PAUSES_PERCENT)), _FLOOR)
    # Speech that is not above the noise at all still gets a number: -20 dB.
    speech = max(float(power.mean()) - noise, noise / 100)
    return 10 * math.log10(speech / noise)


def silent_share(samples: npt.NDArray[np.floating], sample_rate: int) -> float:
    """Share of frames of 20 ms that are 35 dB quieter than the loud ones (their 95th percentile), or below -60 dBFS."""
    power = _frame_power(samples, sample_rate)
    if not len(power):
        return 0.0 if peak(samples) > 0.0 else 1.0
    relative = float(np.percentile(power, _LOUD_PERCENT)) * 10 ** (-_SILENT_BELOW_LOUD_DB / 10)
    return float(np.mean(power < max(relative, 10 ** (_SILENT_DBFS / 10))))


def clipped_share(samples: npt.NDArray[np.floating]) -> float:
    """Share of samples beyond full scale, or in runs of three and more at the very top or bottom of the sound.

    Tops count from half of full scale on: a clipped recording may have been made quieter afterwards, but the top of a
    quiet low note is flat by its nature.
    """
    if not samples.size:
        return 0.0
    flat = np.abs(samples) > 1.0
    for side in (samples, -samples):
        top = float(side.max())
        if top >= _CLIPPED_FROM:
            flat |= _in_runs(side >= top - _STEP)
    return float(flat.mean())


def _in_runs(marked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Those of the marked samples (T,) that are in a run of `_CLIPPED_RUN` or more."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False])).astype(np.int8)))
    long = np.zeros(len(marked), np.bool_)
    for start, stop in edges.reshape(-1, 2):
        long[start:stop] = stop - start >= _CLIPPED_RUN
    return long


def _frame_power(samples: npt.NDArray[np.floating], sample_rate: int) -> npt.NDArray[np.float64]:
    """Mean square of each whole frame."""
    size = max(round(_FRAME_S * sample_rate), 1)
    count = len(samples) // size
    power: npt.NDArray[np.float64] = (
        np.square(samples[: count * size], dtype=np.float64).reshape(count, size).mean(axis=1)
    )
    return power


def _without_rumble(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.complex128]:
    """A steep low cut that shifts nothing in time."""
    steep = (hz / _RUMBLE_HZ) ** 8
    return (steep / (1 + steep)).astype(np.complex128)


def _rounded(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(name, part) for name, part in value.items()}
    return round(value, 6 if key.endswith("share") else 3) if isinstance(value, float) else value
