"""Clips as slicing leaves them, for the steps that go on from there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from myna.audio.io import write_wav
from myna.core.workspace import make_folder


def tone(seconds: float, rate: int = 16000, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(np.arange(round(seconds * rate)) / 7)).astype(np.float32)


def four_clips(folder: Path) -> Path:
    """Three clips of one recording, and one of another."""
    make_folder(folder)
    for name in ("me.wav_0000000000_0000032000", "me.wav_0000032000_0000096000", "me.wav_0000128000_0000160000"):
        write_wav(folder / f"{name}.wav", tone(1.0, 32000), 32000)
    write_wav(folder / "you.wav_0000000000_0000032000.wav", tone(1.0, 32000), 32000)
    return folder
