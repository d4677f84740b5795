"""Hummed vowels, exact by formula, whose voiceprints Resemblyzer 0.1.4 itself took (``prints.json``)."""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 16_000
SIGNALS: dict[str, tuple[float, float, float]] = {
    "short and quiet": (0.9, 110.0, 0.001),
    "quiet": (3.3, 120.0, 0.02),
    "loud": (7.0, 210.0, 0.5),
}
"""Seconds, pitch in Hz, amplitude."""


def signal(name: str) -> np.ndarray:
    """One of `SIGNALS` as float32 (T,) at 16 kHz."""
    seconds, pitch_hz, amplitude = SIGNALS[name]
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * pitch_hz * time + 0.3 * np.sin(2 * np.pi * 3 * time)
    harmonics = sum(
        np.sin(k * phase) / k * (1 + np.cos(2 * np.pi * (0.7 * time + k / 11))) for k in range(1, int(6000 / pitch_hz))
    )
    sound: np.ndarray = amplitude * 0.25 * harmonics * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * time))
    return sound.astype(np.float32)
