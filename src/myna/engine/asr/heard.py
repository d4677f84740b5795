"""What a recogniser gives: words with times and how sure it is; and what every recogniser keeps to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myna.audio.io import Audio, resample
from myna.core.errors import BadAudio

RATE_HZ = 16_000
"""The rate that every recogniser hears at."""

AUTO = "auto"
"""In the place of a language: whatever is heard in each clip."""

_MIN_SECONDS = 0.1
_SILENCE = 1e-4


@dataclass(frozen=True)
class Word:
    """One word heard (of Chinese a character), with its time in seconds from the start.

    ``confidence`` is how sure the engine is, 0 to 1; None where it does not say.
    """

    text: str
    start_s: float
    end_s: float
    confidence: float | None = None


@dataclass(frozen=True)
class Transcript:
    """What was heard; no text where nothing was.

    ``confidence`` is the mean over the words, 0 to 1; None where the engine does not say. ``language`` is a code such
    as "en"; empty where nothing was heard.
    """

    text: str
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    language: str = ""


@dataclass(frozen=True)
class Wish:
    """How a recogniser is wanted. Raises nothing itself: the table's `recogniser` checks it.

    ``language`` is a code or `AUTO`; ``size`` one of the engine's sizes or a folder with a model, empty for the
    engine's own; ``precision`` float32, float16 or int8, empty for what the device does best; ``models`` the folder of
    downloaded models; ``processes`` how many work at the same time where the engine cannot thread, 0 for all
    processors.
    """

    language: str = AUTO
    size: str = ""
    precision: str = ""
    device: str = "auto"
    models: Path = Path("models")
    processes: int = 0


class Recogniser(ABC):
    """Turns speech into words. One instance serves one caller at a time; `close` it, or use it in ``with``."""

    at_once: int = 1
    """With how many clips `hear` works best."""

    @abstractmethod
    def hear(self, clips: Sequence[Audio]) -> list[Transcript]:
        """What each clip says, in their order. Clips are mono in [-1, 1], at any rate, of any length.

        Raises `BadAudio` for more than one channel or for NaN.
        """

    def transcribe(self, samples: np.ndarray, sample_rate: int) -> Transcript:
        """What mono ``samples`` (T,) say; raises as `hear`."""
        return self.hear([Audio(samples, sample_rate)])[0]

    def close(self) -> None:  # noqa: B027 - most have nothing to let go
        """Let go of what was held outside of this process."""

    def __enter__(self) -> Recogniser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sound_of(clip: Audio) -> np.ndarray | None:
    """The clip as float32 (T,) at `RATE_HZ`; None where there is nothing to hear, for which engines invent words.

    Raises `BadAudio` for more than one channel or for NaN.
    """
    samples = np.asarray(clip.samples)
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise BadAudio("speech recognition needs one channel of numbers")
    if len(samples) < _MIN_SECONDS * clip.sample_rate or np.abs(samples).max() < _SILENCE:
        return None
    return resample(samples.astype(np.float32), clip.sample_rate, RATE_HZ)


def mean_confidence(words: Sequence[Word]) -> float | None:
    """The mean over the words; None where there are none, or the engine does not say."""
    told = [word.confidence for word in words if word.confidence is not None]
    return float(np.mean(told)) if told else None
