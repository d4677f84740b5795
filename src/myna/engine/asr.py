"""Speech to text: engines behind one protocol, in one table.

The default, PocketSphinx, brings its American English model in its wheel, so it needs no download. It is a weak
recogniser: a quarter of the words are wrong on read English, nearly all in loud noise (`benchmarks/asr.py`). That is
enough for a label file that somebody corrects, to lay a known text along a recording, and to judge speech with an ear
that took no part in training. A given transcript is always better.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np

from myna.audio.io import resample, to_int16
from myna.core.errors import BadAudio, MissingExtra, UnknownChoice

try:
    import pocketsphinx
except ImportError:  # the engine extra is not installed; `recogniser` says so
    pocketsphinx = None


@dataclass(frozen=True)
class Word:
    """One word heard, with its time in seconds from the start and how sure the engine is, 0 to 1."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """What was heard; no words where nothing was. ``confidence`` is the mean over the words, 0 to 1."""

    text: str
    words: tuple[Word, ...]
    confidence: float


class Recogniser(Protocol):
    """Turns speech into words. One instance serves one caller at a time."""

    def transcribe(self, samples: np.ndarray, sample_rate: int) -> Transcript:
        """The words in mono ``samples`` (T,), in [-1, 1]; raises `BadAudio` for empty audio or NaN."""
        ...


class PocketSphinx:
    """CMU PocketSphinx with the American English model of its wheel: 134,000 words, a trigram language model.

    Its default options stand: more Gaussians, no phone look-ahead and another weight of the language model were tried,
    and made no or more errors for more time.
    """

    _RATE = 16_000
    _FRAMES_PER_S = 100
    _MIN_SECONDS = 0.1
    _SILENCE = 1e-4
    """Peak below which there is nothing to hear; the decoder would invent a word."""

    def __init__(self) -> None:
        self._decoder = pocketsphinx.Decoder(loglevel="FATAL")

    def transcribe(self, samples: np.ndarray, sample_rate: int) -> Transcript:
        """As `Recogniser.transcribe`. Words are lower case, without punctuation."""
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise BadAudio("speech recognition needs one channel of numbers")
        if len(samples) < self._MIN_SECONDS * sample_rate or np.abs(samples).max() < self._SILENCE:
            return Transcript("", (), 0.0)
        sound = to_int16(resample(samples.astype(np.float32), sample_rate, self._RATE))
        # Forget the noise of the utterance before, or the same sound would be heard differently the next time.
        self._decoder.reinit_feat()
        # Whole utterances, because the model's level and channel normalisation averages over all of it.
        self._decoder.start_utt()
        self._decoder.process_raw(sound.tobytes(), full_utt=True)
        self._decoder.end_utt()
        words = tuple(self._words())
        confidence = float(np.mean([word.confidence for word in words])) if words else 0.0
        return Transcript(" ".join(word.text for word in words), words, confidence)

    def _words(self) -> list[Word]:
        """What the decoder holds now, without its silences and noises."""
        if self._decoder.hyp() is None:
            return []
        return [
            Word(
                text=_ALTERNATIVE.sub("", segment.word),
                start_s=segment.start_frame / self._FRAMES_PER_S,
                end_s=(segment.end_frame + 1) / self._FRAMES_PER_S,
                confidence=min(1.0, float(segment.prob)),
            )
            for segment in self._decoder.seg()
            if segment.word[0] not in "<["
        ]


_ALTERNATIVE = re.compile(r"\(\d+\)$")
"""Marks the second and later pronunciations of a word, as in ``the(2)``."""


@dataclass(frozen=True)
class Engine:
    """A row of the table: what it hears, and how one is made. ``is_installed`` is false where its library is absent."""

    languages: tuple[str, ...]
    make: Callable[[], Recogniser]
    extra: str
    is_installed: bool


ENGINES: Mapping[str, Engine] = MappingProxyType(
    {"pocketsphinx": Engine(("en",), PocketSphinx, extra="engine", is_installed=pocketsphinx is not None)}
)


def recogniser(engine: str, language: str) -> Recogniser:
    """A recogniser for ``language``; keep it, since it takes a second to load.

    Raises `UnknownChoice` for an engine that is not in the table or a language it does not hear, and `MissingExtra`
    where its library is not installed.
    """
    if engine not in ENGINES:
        raise UnknownChoice("recogniser", engine, ENGINES)
    row = ENGINES[engine]
    if language not in row.languages:
        raise UnknownChoice(f"language for {engine}", language, row.languages)
    if not row.is_installed:
        raise MissingExtra(f"{engine} is not installed; get it with: pip install 'myna[{row.extra}]'")
    return row.make()
