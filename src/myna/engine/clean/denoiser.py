"""What every denoiser is, and what all of them check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from myna.audio.io import Audio
from myna.core.assets import ASSETS, find, how_to_get, lacking, size_text
from myna.core.errors import BadAudio, MissingAsset


@dataclass(frozen=True)
class Wish:
    """Where engines with nets find their weights, and on which device they run."""

    models: Path = Path("models")
    device: str = "auto"


class Denoiser(Protocol):
    """Takes noise out of speech. One instance serves one caller at a time."""

    def clean_all(self, sounds: Sequence[Audio]) -> list[np.ndarray]:
        """Each of the mono ``sounds`` without noise: float32 (T,), same length, rate, level and place in time.

        Raises `BadAudio` for NaN or more than one channel.
        """
        ...


class Unchanged:
    """No denoising: for recordings that are clean already."""

    def clean_all(self, sounds: Sequence[Audio]) -> list[np.ndarray]:
        """As `Denoiser.clean_all`: the samples as they are, checked."""
        return [checked(sound) for sound in sounds]


def stored_file(names: Sequence[str], models: Path) -> Path:
    """The file of the first of the assets ``names`` that is here; raises `MissingAsset` that says how to get one."""
    for name in names:
        if not lacking(name, models):
            return find(name, models) / ASSETS[name].files[0].path
    ways = "; or ".join(f"{how_to_get(name)} ({size_text(ASSETS[name].size)})" for name in names)
    first = ASSETS[names[0]]
    raise MissingAsset(f"{models / first.file / first.files[0].path} is missing ({first.purpose}); {ways}")


def checked(sound: Audio) -> np.ndarray:
    """The samples as float32; raises `BadAudio`."""
    samples = sound.samples
    if samples.ndim != 1 or sound.sample_rate <= 0 or not np.isfinite(samples).all():
        raise BadAudio("denoising needs one channel of numbers at a rate above 0 Hz")
    return samples.astype(np.float32)


def fitted(sound: np.ndarray, length: int) -> np.ndarray:
    """``sound`` cut or filled with zeros to ``length``: resampling there and back may be off by a sample."""
    return np.pad(sound, (0, max(length - len(sound), 0)))[:length]
