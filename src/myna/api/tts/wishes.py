"""What a client of api_v2.py asks for, judged in its order and with its words, and made a `SpeechRequest`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from myna.api.door import House
from myna.api.tts.current import Choice
from myna.core.errors import BadInput, NotFound
from myna.core.fields import build
from myna.core.speech import SpeechRequest, Voice
from myna.core.versions import ModelVersion

MEDIA_TYPES = ("wav", "raw", "ogg", "aac")
CUTS = tuple(f"cut{number}" for number in range(6))
_MODES: tuple[str, ...] = ("pieces", "pieces", "quiet", "fixed")
"""By the number of a streaming mode, what is handed out as soon as it can be."""
STREAMING = (
    "0: whole; 1: each sentence as soon as it is ready; 2: parts of sentences, cut where it is quiet; 3: parts of one "
    "length, which come soonest. v3, v4 and lite speak whole sentences: there 2 and 3 are as 1"
)
_MIXED = {"zh": ("all_zh",), "ja": ("all_ja",), "ko": ("all_ko",), "yue": ("all_yue", "auto_yue")}
_MAX_SEED = 2**32 - 1
REFERENCE_S = (3.0, 10.0)
_MAX_TOP_K = 1025
_MAX_PART, _MAX_OVERLAP = 1500, 50
REFERENCE_LENGTH = "Reference audio is outside the 3-10 second range, please choose another one!"
NOTHING_TO_SAY = "Please enter valid text."


class Wishes(BaseModel):
    """The fields of ``/tts``, with the official defaults. Unknown ones are ignored, as there."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field("", description="what to say")
    text_lang: str = Field("", description="its language: auto, auto_yue, zh, en, ja, ko, yue, all_zh, …")
    ref_audio_path: str = Field("", description="reference clip on the server, 3 to 10 s")
    aux_ref_audio_paths: list[str | None] | None = Field(
        None, description="further references; missing ones are skipped"
    )
    prompt_text: str = Field("", description="the words of the reference; empty: its words are not used")
    prompt_lang: str = Field("", description="the language of the reference")
    top_k: int = Field(15, description="draw from this many likeliest tokens; 0 or less: from all")
    top_p: float = Field(1.0, description="draw from this share of probability")
    temperature: float = Field(1.0, description="0 always takes the likeliest token")
    text_split_method: str = Field("cut5", description="cut0 to cut5")
    batch_size: int = Field(1, ge=1, description="sentences at once")
    batch_threshold: float = Field(0.75, description="accepted, without effect")
    split_bucket: bool = Field(True, description="accepted, without effect")
    speed_factor: float = Field(1.0, description="0.5 to 2.0")
    fragment_interval: float = Field(0.3, description="silence after each sentence, seconds")
    seed: int = Field(-1, description="-1: another one each time")
    media_type: str = Field("wav", description="wav, raw, ogg or aac")
    streaming_mode: bool | int = Field(False, description=STREAMING)
    parallel_infer: bool = Field(True, description="say all sentences at once where the answer is not streamed")
    repetition_penalty: float = Field(1.35, description="1 does not punish repetition")
    sample_steps: int = Field(32, description="flow steps (v3, v4)")
    super_sampling: bool = Field(False, description="speak at 48 kHz (v3)")
    overlap_length: int = Field(2, ge=0, description="tokens in which a part turns into the next (modes 2 and 3)")
    min_chunk_length: int = Field(16, ge=1, description="tokens of a part at least, 25 a second (modes 2 and 3)")


class Refused(BadInput):
    """A request that is answered with nothing but this message."""

    kind = "refused"


def languages_of(record: ModelVersion) -> tuple[str, ...]:
    """What may stand in ``text_lang`` for this version."""
    mixed = [mode for language in record.languages for mode in _MIXED.get(language, ())]
    return ("auto", *record.languages, *mixed)


def check(wishes: Wishes, record: ModelVersion) -> None:
    """Raise `Refused` for the first thing that is wrong, in the official order."""
    for problem in _problems(wishes, record):
        raise Refused(problem)


def _problems(wishes: Wishes, record: ModelVersion) -> Iterator[str]:
    allowed = languages_of(record)
    if not wishes.ref_audio_path:
        yield "ref_audio_path is required"
    if not wishes.text:
        yield "text is required"
    for name in ("text_lang", "prompt_lang"):
        language = getattr(wishes, name)
        if not language:
            yield f"{name} is required"
        if language.lower() not in allowed:
            yield f"{name}: {language} is not supported in version {record.name}"
    if wishes.media_type not in MEDIA_TYPES:
        yield f"media_type: {wishes.media_type} is not supported"
    if wishes.text_split_method not in CUTS:
        yield f"text_split_method:{wishes.text_split_method} is not supported"
    if wishes.streaming_mode not in range(len(_MODES)):
        yield "the value of streaming_mode must be 0, 1, 2, 3(int) or true/false(bool)"


def speech_request(house: House, wishes: Wishes, choice: Choice) -> SpeechRequest:
    """The request for the speaker.

    Raises `NotFound`, `BadAudio` and `BadInput` for what cannot be said or heard; the reference is looked at.
    """
    record = choice.record
    if not -1 <= wishes.seed <= _MAX_SEED:
        raise BadInput("Seed must be between 0 and 2**32 - 1")
    if not any(char.isalnum() for char in wishes.text):
        raise BadInput(NOTHING_TO_SAY)
    values: dict[str, Any] = {
        "text": wishes.text,
        "language": wishes.text_lang.lower(),
        "voice": _voice(house, wishes, choice),
        "cut": wishes.text_split_method,
        "speed": wishes.speed_factor,
        "seed": None if wishes.seed == -1 else wishes.seed,
        "top_k": min(wishes.top_k, _MAX_TOP_K) if wishes.top_k > 0 else _MAX_TOP_K,
        "top_p": min(max(wishes.top_p, 1e-3), 1.0),
        "temperature": min(max(wishes.temperature, 0.0), 2.0),
        "repetition_penalty": min(max(wishes.repetition_penalty, 1.0), 2.0),
        "sampling_steps": min(max(wishes.sample_steps, 1), 128) if record.flow else None,
        "parallel": wishes.parallel_infer and not wishes.streaming_mode and wishes.batch_size > 1,
        "stream": _MODES[wishes.streaming_mode],
        "stream_tokens": min(wishes.min_chunk_length, _MAX_PART),
        "stream_overlap": min(max(wishes.overlap_length, 1), _MAX_OVERLAP),
        "super_sampling": wishes.super_sampling and record.has_super_sampling,
        "pause_s": min(max(wishes.fragment_interval, 0.0), 5.0),
    }
    return build(SpeechRequest, values)


def _voice(house: House, wishes: Wishes, choice: Choice) -> Voice:
    reference = checked_reference(house, wishes.ref_audio_path)
    others = [house.path(path) for path in wishes.aux_ref_audio_paths or () if path]
    values: dict[str, Any] = {
        "version": choice.version,
        "gpt": choice.gpt,
        "sovits": choice.sovits,
        "reference": reference,
        "reference_text": wishes.prompt_text,
        "reference_language": wishes.prompt_lang.lower(),
        "other_references": tuple(path for path in others if path.is_file()) if choice.record.vits else (),
    }
    return build(Voice, values)


def checked_reference(house: House, given: str, *, any_length: bool = False) -> Path:
    """The reference clip; raises `NotFound` where it is not there and `BadInput` where it is not 3 to 10 s long."""
    path = house.path(given)
    if not path.is_file():
        raise NotFound(f"{given} not exists")
    seconds = house.studio.seconds_of(path)
    if not any_length and not REFERENCE_S[0] <= seconds <= REFERENCE_S[1]:
        raise BadInput(REFERENCE_LENGTH)
    return path
