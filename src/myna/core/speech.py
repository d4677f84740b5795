"""What is said, in whose voice, and what comes back: the words every door and every speaker share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from myna.core.progress import Progress, silent

MAX_TEXT_CHARS = 20_000
"""Longest text of one request: about 25 minutes of speech."""

_HALF = re.compile("[\ud800-\udfff]")

Samples = npt.NDArray[np.float32]


class Voice(BaseModel):
    """Whose voice: trained weights (none: the base as it is, "zero-shot") and a reference clip with its words."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    version: str = Field(default="lite", description="model version of the weights")
    gpt: Path | None = Field(default=None, description="GPT weights; none: the version's base")
    sovits: Path | None = Field(default=None, description="SoVITS weights; none: the version's base")
    reference: Path = Field(description="a clip of the voice, 3 to 10 s; of a longer one the best part")
    reference_text: str = Field(default="", description="the words of the reference; empty: its tokens are not used")
    reference_language: str = Field(default="en", description="language of the reference's words")
    other_references: tuple[Path, ...] = Field(
        default=(), description="further clips of the voice, whose timbre counts as much (VITS kind: v1, v2, v2Pro)"
    )
    words: Path | None = Field(default=None, description="folder of the voice's own dictionary, words.tsv")


class SpeechRequest(BaseModel):
    """One thing to say. It names its voice itself, so a speaker keeps no "current" one."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    text: str = Field(description=f"what to say, at most {MAX_TEXT_CHARS} characters")
    voice: Voice
    language: str = Field(
        default="en",
        description="language of the text: en, zh, ja, ko or yue (English words in it stay English), auto or auto_yue "
        "(each part in its own), all_zh, all_ja, all_ko or all_yue (all but English as that)",
    )
    cut: str = Field(default="smart", description="how the text is cut into pieces: smart, or cut0 to cut5")
    speed: float = Field(default=1.0, ge=0.5, le=2.0, description="1.0 is natural, 2.0 twice as fast")
    seed: int | None = Field(default=None, ge=0, lt=2**63, description="the same seed says it the same way again")
    top_k: int = Field(default=15, ge=1, le=1025, description="draw from this many likeliest tokens")
    top_p: float = Field(default=1.0, gt=0.0, le=1.0, description="draw from this share of probability")
    temperature: float | None = Field(
        default=None, ge=0.0, le=2.0, description="0 always takes the likeliest token; none: the version's own"
    )
    repetition_penalty: float | None = Field(
        default=None, ge=1.0, le=2.0, description="1 does not punish repetition; none: the version's own"
    )
    sampling_steps: int | None = Field(default=None, ge=1, le=128, description="flow steps; none: the version's own")
    parallel: bool = Field(
        default=False,
        description="draw and decode all pieces at once: faster on a GPU, but the first sound comes last",
    )
    stream: Literal["pieces", "quiet", "fixed"] = Field(
        default="pieces",
        description="what is handed out as soon as it can be: whole pieces; or parts of them, cut where their tokens "
        "are quiet, or of one length, which come sooner. Parts need a version of the VITS kind, others give pieces",
    )
    stream_tokens: int = Field(default=16, ge=1, le=1500, description="tokens of a part at least, 25 a second")
    stream_overlap: int = Field(default=2, ge=1, le=50, description="tokens in which a part turns into the next")
    super_sampling: bool = Field(default=False, description="widen the speech to 48 kHz, in versions that can be")
    pause_s: float = Field(default=0.3, ge=0.0, le=5.0, description="silence after each piece of text, seconds")

    @field_validator("text")
    @classmethod
    def _sayable(cls, text: str) -> str:
        if len(text) > MAX_TEXT_CHARS:
            raise ValueError(f"{len(text)} characters are too many; at most {MAX_TEXT_CHARS} can be said at once")
        if not any(char.isalnum() for char in text):
            raise ValueError("there is nothing to say; give a text with at least one letter or digit")
        return text

    @field_validator("text", mode="before")
    @classmethod
    def _whole(cls, text: object) -> object:
        half = _HALF.search(text) if isinstance(text, str) else None
        if half:
            raise ValueError(f"character {half.start() + 1} is half a character (a lone surrogate); give it as UTF-8")
        return text


class ConversionRequest(BaseModel):
    """One recording to say again in another voice: what is said and how stays, who says it changes."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    source: Path = Field(description="the recording, half a second to ten minutes of one person speaking")
    voice: Voice
    text: str = Field(default="", max_length=MAX_TEXT_CHARS, description="its words; empty: its phones are heard")
    language: str = Field(default="en", description="language of its words; phones are heard in English only")
    speed: float = Field(default=1.0, ge=0.5, le=2.0, description="1.0 is as the recording, 2.0 twice as fast")
    seed: int | None = Field(default=None, ge=0, lt=2**63, description="the same seed says it the same way again")
    sampling_steps: int | None = Field(default=None, ge=1, le=128, description="flow steps; none: the version's own")
    keeps_key: bool = Field(
        default=False, description="sing at the recording's own pitch, not where the voice speaks; bundled base only"
    )


@dataclass(frozen=True)
class AudioChunk:
    """The next stretch of speech: ``samples`` (T,) float32 in [-1, 1], which begin at ``start_s`` of the whole.

    ``piece`` counts the pieces the text was cut into and ``text`` is the one being said; several chunks may share it.
    Silence after a piece belongs to that piece's last chunk, as ``pause_s`` seconds of ``samples``. ``place`` is where
    the piece stands in the text of the request: [start, end), markup included. A chunk without text is silence, in
    answer to a `SpeechRequest`. ``notices`` of the first chunk are lines for a person, such as which part of a long
    reference is used.
    """

    samples: Samples
    sample_rate: int
    start_s: float
    piece: int
    text: str
    pause_s: float = 0.0
    place: tuple[int, int] = (0, 0)
    notices: tuple[str, ...] = ()

    @property
    def end_s(self) -> float:
        """Where the chunk ends in the whole, pause included."""
        return self.start_s + len(self.samples) / self.sample_rate


@dataclass(frozen=True)
class HeardWord:
    """One word of a recording, with its time in seconds from the start."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Heard:
    """What a recording says; ``language`` is a code, ``seconds`` its length. Not every recogniser times its words."""

    text: str
    language: str
    seconds: float
    words: tuple[HeardWord, ...] = ()


class Speaker(Protocol):
    """That which says. Streaming is the only way: a whole file is its chunks joined."""

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        """The speech of ``request``, chunk by chunk, all at one sample rate; raises `MynaError`s."""
        ...


class Converter(Protocol):
    """That which says a recording again in another voice."""

    def convert(self, request: ConversionRequest, progress: Progress = silent) -> Iterator[AudioChunk]:
        """The recording of ``request`` in its voice, stretch by stretch; raises `MynaError`s."""
        ...
