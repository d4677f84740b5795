"""The six signals of the slicer's golden records, made from their recipe: float32, mono."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Segment = tuple[str, float, float, float]
"""(kind, seconds, Hz, amplitude); silence has no Hz and no amplitude, noise no Hz."""


def _tone(seconds: float, hz: float, amplitude: float) -> Segment:
    return ("tone", seconds, hz, amplitude)


def _noise(seconds: float, amplitude: float) -> Segment:
    return ("noise", seconds, 0.0, amplitude)


def _silence(seconds: float) -> Segment:
    return ("silence", seconds, 0.0, 0.0)


_WORDS = [
    part
    for i in range(24)
    for part in (_tone(0.35 + 0.03 * (i % 7), 180 + 15 * i, 0.4), _noise(0.12 + 0.05 * (i % 6), 0.003))
]

SIGNALS: dict[str, tuple[int, int, list[Segment]]] = {
    "tones_3x": (
        32000,
        101,
        [_tone(5.0, 220, 0.5), _silence(0.8), _tone(5.0, 330, 0.5), _silence(0.8), _tone(4.5, 440, 0.5)],
    ),
    "lead_trail": (
        32000,
        202,
        [_silence(1.7), _noise(4.6, 0.3), _silence(1.4), _noise(6.2, 0.25), _silence(2.3)],
    ),
    "words": (32000, 303, _WORDS),
    "continuous": (32000, 404, [_tone(3.0, 150, 0.6), _noise(9.0, 0.2), _tone(4.0, 500, 0.1)]),
    "floor_near_thr": (
        32000,
        505,
        [
            _noise(4.2, 0.4),
            _noise(1.2, 0.0155),
            _tone(4.8, 260, 0.45),
            _noise(3.5, 0.012),
            _noise(5.1, 0.35),
            _noise(0.45, 0.01),
            _tone(2.0, 700, 0.3),
        ],
    ),
    "short_44k": (44100, 606, [_tone(1.1, 300, 0.5), _silence(0.6), _tone(0.7, 400, 0.5), _silence(0.9)]),
}
"""Name: (sample rate, seed of the noise, segments)."""


def signal(name: str) -> tuple[np.ndarray, int]:
    """The samples and their rate."""
    rate, seed, segments = SIGNALS[name]
    return made(rate, seed, segments), rate


def made(rate: int, seed: int, segments: Sequence[Segment]) -> np.ndarray:
    """The samples of a recipe."""
    random = np.random.Generator(np.random.PCG64(seed))
    parts: list[np.ndarray] = []
    for kind, seconds, hz, amplitude in segments:
        length = round(seconds * rate)
        if kind == "tone":
            parts.append(amplitude * np.sin(2 * np.pi * hz * np.arange(length) / rate))
        elif kind == "noise":
            parts.append(random.standard_normal(length) * amplitude)
        else:
            parts.append(np.zeros(length))
    return np.concatenate(parts).astype(np.float32)
