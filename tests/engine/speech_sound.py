"""A sound that detectors take for speech: vowels of a gliding voice, in groups, with pauses of digital silence."""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 16_000
_VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
_BANDWIDTHS_HZ = (60, 90, 120)
_VOWEL_S = 0.22
_PAUSE_S = 0.3


def speech_sound(seconds: float) -> np.ndarray:
    """``seconds`` of it as float32 (T,) at 16 kHz, always the same, at about -20 dBFS."""
    choice = np.random.default_rng(5)
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < seconds * SAMPLE_RATE:
        parts.extend(_vowel(choice) for _ in range(choice.integers(3, 6)))
        parts.append(np.zeros(round(_PAUSE_S * SAMPLE_RATE)))
    return np.concatenate(parts)[: round(seconds * SAMPLE_RATE)].astype(np.float32)


def _vowel(choice: np.random.Generator) -> np.ndarray:
    """One vowel: pulses of the voice through three resonances."""
    length = round(_VOWEL_S * SAMPLE_RATE)
    moments = np.arange(length) / SAMPLE_RATE
    pitch_hz = (110 + 60 * choice.random()) * (1 + 0.15 * np.sin(4 * np.pi * moments + 6 * choice.random()))
    sound = np.diff(np.floor(np.cumsum(pitch_hz) / SAMPLE_RATE), prepend=0) + 0.02 * choice.standard_normal(length)
    for centre, width in zip(_VOWELS_HZ[choice.integers(len(_VOWELS_HZ))], _BANDWIDTHS_HZ, strict=True):
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        sound = _resonance(sound, float(radius), 2 * np.pi * centre / SAMPLE_RATE)
    fade = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / 400)
    shaped: np.ndarray = sound / np.std(sound) * 0.1 * fade
    return shaped


def _resonance(sound: np.ndarray, radius: float, angle: float) -> np.ndarray:
    """Two poles at ``radius`` and plus or minus ``angle``."""
    near, far = 2 * radius * float(np.cos(angle)), -(radius**2)
    out, last, before = [], 0.0, 0.0
    for sample in (sound * (1 - radius)).tolist():
        last, before = sample + near * last + far * before, last
        out.append(last)
    return np.asarray(out)
