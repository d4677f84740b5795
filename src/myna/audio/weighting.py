"""Loudness as ears judge it: K-weighting and gating of ITU-R BS.1770-4 (2015), and the filtering that both need."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Response = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.complex128]]
"""A filter: frequencies in Hz to factors."""

_BLOCK = 1 << 19
_TAIL_S = 0.5
"""How much of their neighbours blocks are filtered with: these filters have forgotten everything by then."""

_K_RATE_HZ = 48_000
# Tables 1 and 2 of the recommendation, for 48 kHz: the head as a sphere, then the ear's deafness to low sounds.
_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_LOW_CUT = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))

_OFFSET_LU = -0.691
_GATE_S, _GATE_STEP_S = 0.4, 0.1
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0


def integrated_lufs(samples: npt.NDArray[np.floating], sample_rate: int) -> float | None:
    """Integrated loudness of mono ``samples`` (T,) in LUFS, as BS.1770-4 gates it; None where all of it is silence.

    A full-scale sine of 997 Hz has -3.01. Sounds shorter than the gate's 400 ms are one block.
    """
    weighted = filtered(samples, sample_rate, k_weighting)
    power = np.square(weighted, dtype=np.float64)
    gate, step = round(_GATE_S * sample_rate), round(_GATE_STEP_S * sample_rate)
    if len(power) == 0:
        return None
    if len(power) <= gate:
        blocks = power.mean(keepdims=True)
    else:
        sums = np.concatenate(([0.0], np.cumsum(power)))
        starts = np.arange(0, len(power) - gate + 1, step)
        blocks = (sums[starts + gate] - sums[starts]) / gate
    blocks = blocks[blocks > _power(_ABSOLUTE_GATE_LUFS)]
    if not len(blocks):
        return None
    loud = blocks[blocks > blocks.mean() * 10 ** (_RELATIVE_GATE_LU / 10)]
    return _OFFSET_LU + 10 * math.log10(float(loud.mean()))


def k_weighting(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.complex128]:
    """The factors of BS.1770's two filters, as they are at 48 kHz, whatever rate the sound has; 0 above 24 kHz."""
    turn = np.exp(-2j * np.pi * hz / _K_RATE_HZ)
    factors = np.where(hz <= _K_RATE_HZ / 2, 1.0 + 0j, 0j)
    for above, below in (_SHELF, _LOW_CUT):
        factors = factors * np.polyval(above[::-1], turn) / np.polyval(below[::-1], turn)
    return factors


def filtered(samples: npt.NDArray[np.floating], sample_rate: int, response: Response) -> npt.NDArray[np.float32]:
    """``samples`` (T,) through a filter that forgets within half a second: float32, same length and place in time.

    Multiplied as spectra, block by block, so that a recording of hours needs the memory of one block beside itself.
    """
    tail = round(_TAIL_S * sample_rate)
    out = np.empty(len(samples), np.float32)
    for start in range(0, len(samples), _BLOCK):
        stop = min(start + _BLOCK, len(samples))
        first = max(start - tail, 0)
        piece = samples[first : stop + tail]
        size = _fast_size(len(piece) + tail)  # room for what rings on, or it would come round to the beginning
        factors = response(np.fft.rfftfreq(size, 1 / sample_rate).astype(np.float64))
        sound = np.fft.irfft(np.fft.rfft(piece, size) * factors, size)
        out[start:stop] = sound[start - first : stop - first]
    return out


def _fast_size(least: int) -> int:
    """The next length of 2^n or 3 * 2^n: others may be slow to transform."""
    power = 1 << (least - 1).bit_length()
    return 3 * power // 4 if 3 * power // 4 >= least else power


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LU) / 10))
