"""A mark in sound that nobody hears and `myna watermark` finds: this speech was made by a machine.

Spread spectrum over loudness: a pattern of signs, one for every 30 ms and every 120 Hz, says whether that spot is made
a little louder or a little softer. The pattern repeats every few seconds. The detector folds a sound by the pattern's
period and asks at every offset how well the pattern fits (patchwork: Bender et al. 1996, doi 10.1147/sj.353.0313;
spread spectrum: Cox et al. 1997, doi 10.1109/83.650120). Since only loudness beside that of the neighbours counts,
gain, resampling and codecs leave it; since the pattern repeats, so do cuts.

Anybody with this program can find the mark, and anybody who wants to can destroy it: it helps the honest and proves
nothing. A change of speed or pitch, strong noise, reverberation and another vocoder destroy it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from myna.audio.io import resample

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

RATE_HZ = 16_000
"""The detector listens at this rate."""
SLOT_S = 0.03
SLOTS = 128
"""Slots of the pattern's period, which is 3.84 s."""
STRENGTH_DB = 1.0
"""How much louder or softer a spot becomes at most."""
NUM_BANDS = 48
LOWEST_HZ, HIGHEST_HZ = 250.0, 6000.0
"""What every codec keeps of speech."""
LIKELY, UNLIKELY = 0.99, 0.1
"""From the first probability on a sound counts as marked, up to the second as not."""

_SEED = 20_240_607
_TAPS_S = 0.02
_STARTS = 4  # analyses in a slot, and so offsets that are tried in it
_FRAME_S = 0.032
_QUIETEST_DB = -55.0  # below the loudest spot: not looked at
_MOST = 1.0  # deviations: what stands out more counts no more
_WEIGHT = 0.175  # by how many deviations the root of one spot's evidence stands out where the mark is whole; measured
_LEAST_SHARE, _MOST_SHARE = 0.25, 1.25  # of the evidence that is left of a mark, for the probability


@lru_cache(maxsize=1)
def pattern() -> Floats:
    """(SLOTS, NUM_BANDS) of 1 and -1, in squares of four that cancel out: no band and no moment becomes louder."""
    drawn = np.random.default_rng(_SEED).choice((-1.0, 1.0), size=(SLOTS // 2, NUM_BANDS // 2))
    return np.kron(drawn, np.array([[1.0, -1.0], [-1.0, 1.0]]))


class Marker:
    """Marks one stream of sound, handed over piece by piece; it remembers the last 20 ms."""

    def __init__(self, rate: int, strength_db: float = STRENGTH_DB) -> None:
        self.rate = rate
        self._filters = _filters(rate, strength_db)
        self._past = np.zeros(self._filters.shape[1] - 1)
        self._at = 0

    def marked(self, samples: Samples) -> Samples:
        """The next samples (T,) of the stream, float32 in -1 to 1: as many as went in, and none of them later."""
        sound = np.concatenate((self._past, samples.astype(np.float64)))
        out = np.zeros(len(samples))
        slot, reach = SLOT_S * self.rate, len(self._past)
        for number in range(math.floor(self._at / slot) - 1, math.floor((self._at + len(samples)) / slot) + 2):
            # A slot's filter fades in and out over half a slot.
            low = max(math.ceil((number - 0.25) * slot) - self._at, 0)
            high = min(math.ceil((number + 1.25) * slot) - self._at, len(samples))
            if low < high:
                edge = np.abs((np.arange(low, high) + self._at) / slot - (number + 0.5)) - 0.25
                fade = np.cos(edge.clip(0, 0.5) * np.pi) ** 2
                out[low:high] += fade * _convolved(sound[low : high + reach], self._filters[number % SLOTS])
        self._past = sound[len(sound) - reach :]
        self._at += len(samples)
        return out.clip(-1.0, 1.0).astype(np.float32)


@dataclass(frozen=True)
class Finding:
    """What the detector says of a sound of ``seconds``."""

    probability: float
    """That it is marked, if it were a coin's toss beforehand; about 0.5 where nothing can be said."""
    score: float
    """By how many deviations the best offset stands out."""
    chance: float
    """How often a sound without the mark has such a score."""
    seconds: float

    @property
    def is_marked(self) -> bool:
        """Whether the sound counts as marked."""
        return self.probability >= LIKELY


def find(samples: Samples, rate: int) -> Finding:
    """Look for the mark in a sound (T,): in all of it, and in its halves, quarters and so on, which may be spliced."""
    levels = _levels(np.asarray(resample(samples, rate, RATE_HZ), np.float64))
    spans = _halved(levels)
    tries = SLOTS * _STARTS * len(spans)
    best = (0.5, 0.0)
    for number, span in enumerate(spans):
        fits, num_spots = _fits(span)
        spread = float(np.median(np.abs(fits))) * 1.4826
        if spread > 0:
            score = float(fits.max()) / spread
            found = _probability(score, _WEIGHT * math.sqrt(num_spots), tries), score
        else:
            found = 0.5, 0.0
        best = found if number == 0 else max(best, found)
    chance = -math.expm1(tries * math.log1p(-min(_tail(best[1]), 1 - 1e-12)))
    return Finding(*best, chance, len(samples) / rate)


def _halved(levels: Floats) -> list[Floats]:
    """The levels of all, of both halves, of their halves and so on, as long as these last a period or more."""
    spans, latest = [levels], [levels]
    while latest and len(latest[0]) >= 2 * SLOTS * _STARTS:
        latest = [half for whole in latest for half in np.array_split(whole, 2)]
        spans += latest
    return spans


@lru_cache(maxsize=8)
def _filters(rate: int, strength_db: float) -> Floats:
    """One filter of the quickest kind (minimum phase) per slot, (SLOTS, taps)."""
    size = 1 << math.ceil(math.log2(rate * 0.2))
    hz = np.arange(size // 2 + 1) * rate / size
    band = (hz - LOWEST_HZ) / (HIGHEST_HZ - LOWEST_HZ) * NUM_BANDS
    is_inside = (band >= 0) & (band < NUM_BANDS)
    # Each band's gain is full in its middle and none at its edges.
    shape = np.sqrt(np.sin(np.pi * (band % 1.0)).clip(0)) * is_inside
    logs = pattern()[:, band.astype(int).clip(0, NUM_BANDS - 1)] * shape * (strength_db * math.log(10) / 20)
    cepstra = np.fft.irfft(logs, size)
    cepstra[:, 1 : size // 2] *= 2
    cepstra[:, size // 2 + 1 :] = 0
    responses = np.fft.irfft(np.exp(np.fft.rfft(cepstra)), size)
    return np.asarray(responses[:, : round(_TAPS_S * rate)])


def _convolved(sound: Floats, response: Floats) -> Floats:
    """The valid part of a convolution."""
    size = 1 << (len(sound) - 1).bit_length()
    product = np.fft.rfft(sound, size) * np.fft.rfft(response, size)
    return np.asarray(np.fft.irfft(product, size)[len(response) - 1 : len(sound)])


def _levels(sound: Floats) -> Floats:
    """Loudness in dB of every band, four times a slot, each over about a slot: (N, NUM_BANDS).

    NaN where there is too little sound to tell.
    """
    hop, size = round(SLOT_S / _STARTS * RATE_HZ), round(_FRAME_S * RATE_HZ)
    if len(sound) < size:
        return np.zeros((0, NUM_BANDS))
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)[::hop]
    power = np.concatenate(
        [np.abs(np.fft.rfft(part * np.hanning(size), 2 * size)) ** 2 @ _shares(size) for part in _split(frames)]
    )
    levels = 10 * np.log10(power + 1e-12)
    return np.where((levels > levels.max() + _QUIETEST_DB) & (levels > -90), levels, np.nan)


def _split(frames: Floats) -> list[Floats]:
    """Frames in parts of half a minute, which bounds the memory."""
    return [frames[start : start + 4096] for start in range(0, len(frames), 4096)]


@lru_cache(maxsize=1)
def _shares(size: int) -> Floats:
    """Which band every frequency of a spectrum of ``2 * size`` samples belongs to: (size + 1, NUM_BANDS) of 0 and 1."""
    hz = np.arange(size + 1) * RATE_HZ / (2 * size)
    band = np.floor((hz - LOWEST_HZ) / (HIGHEST_HZ - LOWEST_HZ) * NUM_BANDS)
    return np.asarray(band[:, None] == np.arange(NUM_BANDS), dtype=np.float64)


def _fits(levels: Floats) -> tuple[Floats, int]:
    """How well the pattern fits at every offset (_STARTS, SLOTS), and how many spots there were to look at."""
    fits, num_spots = np.zeros((_STARTS, SLOTS)), 0
    if len(levels) < 3 * _STARTS or not np.isfinite(levels).any():
        return fits, 0
    signs = np.fft.rfft(pattern(), axis=0).conj()
    for start in range(_STARTS):
        evidence = _evidence(levels[start::_STARTS])
        folded = np.zeros((SLOTS, NUM_BANDS))
        np.add.at(folded, np.arange(len(evidence)) % SLOTS, evidence)
        fits[start] = np.fft.irfft(np.fft.rfft(folded, axis=0) * signs, SLOTS, axis=0).sum(axis=1)
        num_spots += int(np.count_nonzero(evidence))
    return fits, num_spots // _STARTS


def _evidence(levels: Floats) -> Floats:
    """How far each spot is from what its neighbours suggest, in deviations; 0: not known."""
    is_known = np.isfinite(levels)
    filled = np.where(is_known, levels, np.nanmin(levels) if is_known.any() else 0.0)
    apart = _bend(_bend(filled).T).T * is_known
    spread = float(np.median(np.abs(apart[is_known]))) * 1.4826 if is_known.any() else 0.0
    return (apart / spread).clip(-_MOST, _MOST) if spread > 0 else np.zeros_like(levels)


def _bend(rows: Floats) -> Floats:
    """Every row less the mean of the two beside it."""
    padded = np.pad(rows, ((1, 1), (0, 0)), mode="edge")
    return np.asarray(rows - 0.5 * (padded[:-2] + padded[2:]))


def _tail(score: float) -> float:
    """How often a standard deviate is larger."""
    return 0.5 * math.erfc(score / math.sqrt(2))


def _density(score: float) -> float:
    return math.exp(-0.5 * score * score) / math.sqrt(2 * math.pi)


def _probability(score: float, whole: float, tries: int) -> float:
    """Bayes' rule on the best of ``tries`` scores; a mark is expected to score between a part and all of ``whole``."""
    below = math.exp((tries - 1) * math.log1p(-min(_tail(score), 1 - 1e-12)))
    unmarked = tries * _density(score) * below
    shares = np.linspace(_LEAST_SHARE, _MOST_SHARE, 41)
    behind = [
        _density(score - whole * share) * below + unmarked * (1 - _tail(score - whole * share)) for share in shares
    ]
    marked = float(np.mean(behind))
    return marked / (marked + unmarked) if marked + unmarked > 0 else 1.0
