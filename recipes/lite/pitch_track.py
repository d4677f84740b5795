"""The pitch of recorded speech, as the vocoder's pitch reader is taught it.

Normalised autocorrelation of 50 ms at 12 kHz, read on a grid of pitches, and the likeliest path through the grid
(after Talkin 1995, RAPT): a jump costs as much as it is wide, beginning and ending a voice costs a little.
"""

from __future__ import annotations

import numpy as np
import soxr

RATE_HZ = 12000
HOP = 120
_WINDOW = 600
_FFT = 2048
LOWEST_HZ, HIGHEST_HZ, NUM_BINS = 55.0, 550.0, 160
GRID = np.geomspace(LOWEST_HZ, HIGHEST_HZ, NUM_BINS)
_JUMP = 0.035
"""Cost of moving by one bin (a quarter of a semitone) in 10 ms."""
_FARTHEST = 6
_TURN = 0.25
"""Cost of beginning or ending a voice."""
_UNVOICED = 0.5
"""How alike neighbouring periods must be to count as voice."""
_LOW_BIAS = 0.02
"""What the lowest pitch gains less than the highest: a period is as good as two of them."""


def likeness(samples: np.ndarray) -> np.ndarray:
    """How alike neighbouring periods are, (F, NUM_BINS) from about -1 to 1, for (T,) samples at 12 kHz."""
    frames = len(samples) // HOP
    reach = int(RATE_HZ / LOWEST_HZ) + 2
    ahead = (_WINDOW + reach) // 2 - HOP // 2
    padded = np.pad(samples - samples.mean(), (ahead, _WINDOW + reach))
    rows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW + reach)[::HOP][:frames].astype(np.float32)
    spectrum = np.fft.rfft(rows, _FFT)
    head = np.fft.rfft(rows[:, :_WINDOW], _FFT)
    cross = np.fft.irfft(np.conj(head) * spectrum, _FFT)[:, : reach + 1]
    energy = np.cumsum(np.pad(np.square(rows, dtype=np.float64), ((0, 0), (1, 0))), axis=1)
    lagged = energy[:, _WINDOW : _WINDOW + reach + 1] - energy[:, : reach + 1]
    quiet = 1e-4 * _WINDOW
    alike = cross[:, : lagged.shape[1]] / np.sqrt((lagged[:, :1] + quiet) * (lagged + quiet))
    lags = RATE_HZ / GRID
    whole = np.floor(lags).astype(int)
    part = lags - whole
    read = alike[:, whole] * (1 - part) + alike[:, whole + 1] * part
    return read - _LOW_BIAS * (1 - np.linspace(0, 1, NUM_BINS))


def path(alike: np.ndarray) -> np.ndarray:
    """The likeliest bin of every frame, -1 where there is no voice, for `likeness` (F, NUM_BINS)."""
    frames = len(alike)
    moves = np.zeros((frames, NUM_BINS + 1), np.int16)
    score = np.append(alike[0], _UNVOICED) if frames else np.zeros(0)
    for frame in range(1, frames):
        edged = np.pad(score[:NUM_BINS], _FARTHEST, constant_values=-np.inf)
        options = np.lib.stride_tricks.sliding_window_view(edged, 2 * _FARTHEST + 1) - _COST
        step = options.argmax(axis=1)
        best = options[np.arange(NUM_BINS), step]
        origin = np.arange(NUM_BINS) + step - _FARTHEST
        begun = score[NUM_BINS] - _TURN > best
        origin, best = np.where(begun, NUM_BINS, origin), np.where(begun, score[NUM_BINS] - _TURN, best)
        ended = int(score[:NUM_BINS].argmax())
        stays = score[NUM_BINS] >= score[ended] - _TURN
        moves[frame] = np.append(origin, NUM_BINS if stays else ended)
        score = np.append(best + alike[frame], max(score[NUM_BINS], score[ended] - _TURN) + _UNVOICED)
    found = np.zeros(frames, int)
    state = int(score.argmax()) if frames else 0
    for frame in range(frames - 1, -1, -1):
        found[frame] = state
        state = int(moves[frame, state])
    return np.where(found == NUM_BINS, -1, found)


_COST = _JUMP * np.abs(np.arange(-_FARTHEST, _FARTHEST + 1))


def pitch(samples: np.ndarray, rate: int) -> np.ndarray:
    """Hz of every 10 ms, float32 (ceil(T / rate * 100),), 0 where there is no voice; the middle of each 10 ms."""
    frames = -(-len(samples) * 100 // rate)
    slow = soxr.resample(np.pad(samples, (0, rate // 50)), rate, RATE_HZ)
    slow = slow / max(float(np.abs(slow).max()), 1e-4)
    alike = likeness(slow.astype(np.float32))[:frames]
    bins = path(alike)
    inner = np.clip(bins, 1, NUM_BINS - 2)
    rows = np.arange(len(bins))
    below, here, above = (alike[rows, inner + step] for step in (-1, 0, 1))
    bend = below - 2 * here + above
    shift = np.where(bend < -1e-6, 0.5 * (below - above) / np.minimum(bend, -1e-6), 0.0).clip(-1, 1)
    ratio = GRID[1] / GRID[0]
    return np.where(bins < 0, 0.0, GRID[inner] * ratio**shift).astype(np.float32)
