"""The speech half of OpenAI's API: speech, voices, transcriptions, models, for clients that know only that."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Depends, File, Form, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from myna.api.described import json_of, media
from myna.api.dialect import Dialect, routes
from myna.api.door import House
from myna.api.problems import SPEAKING, Problem
from myna.api.stage import Speech
from myna.api.uploads import file_name, keep
from myna.audio.encode import encode_stream
from myna.core.card import read_card
from myna.core.errors import BadAudio, BadInput, Conflict, NotConfigured, NotFound, UnknownChoice
from myna.core.fields import build
from myna.core.speech import Heard, HeardWord, SpeechRequest, Voice
from myna.core.versions import VERSIONS, version
from myna.core.workspace import Workspace

ALIASES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Models of OpenAI that clients name by habit: whatever the voice speaks with is meant."""
HEARING = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
_MAX_INPUT_CHARS = 4096
_PCM_RATE_HZ = 24000
_FORMATS: Mapping[str, tuple[str, str]] = {
    "mp3": ("mp3", "audio/mpeg"),
    "opus": ("opus", "audio/ogg"),
    "aac": ("aac", "audio/aac"),
    "flac": ("flac", "audio/flac"),
    "wav": ("wav", "audio/wav"),
    "pcm": ("raw", "audio/pcm"),
}
_TYPES: Mapping[int, str] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_CODES: Mapping[int, str] = {401: "invalid_api_key", 404: "not_found", 429: "rate_limit_exceeded"}
_SUFFIXES = (".flac", ".mp3", ".mp4", ".mpeg", ".mpga", ".m4a", ".ogg", ".opus", ".wav", ".webm", ".aac")


class VoiceId(BaseModel):
    """A voice as an object."""

    id: str


class SpeechBody(BaseModel):
    """The body of ``/v1/audio/speech``."""

    model_config = ConfigDict(extra="ignore")

    input: str = Field(min_length=1, max_length=_MAX_INPUT_CHARS, description="what to say")
    model: str = Field("tts-1", description="a model version, or a name of OpenAI's: the voice's own")
    voice: str | VoiceId = Field(description="a voice of this installation")
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = Field("mp3", description="format")
    speed: float = Field(1.0, ge=0.25, le=4.0, description="0.5 to 2.0 is spoken; beyond, the nearest")
    stream_format: Literal["audio", "sse"] = Field("audio", description="bytes, or server-sent events")
    instructions: str = Field("", description="accepted, without effect")
    language: str = Field("auto", description="language of the text")
    seed: int | None = Field(None, ge=0, description="the same seed says it the same way again")


class Fault(BaseModel):
    """What went wrong, in OpenAI's words."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class Failure(BaseModel):
    """The answer to a request that failed."""

    error: Fault


class VoiceRow(BaseModel):
    """A voice that can speak."""

    id: str
    name: str


class VoiceList(BaseModel):
    """The voices, under both names by which clients look for them."""

    object: str
    voices: list[VoiceRow]
    data: list[VoiceRow]


class ModelRow(BaseModel):
    """A model that may be named."""

    id: str
    object: str
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All of them."""

    object: str
    data: list[ModelRow]


class Word(BaseModel):
    """A word that was heard, and when; seconds."""

    word: str
    start: float
    end: float


class Transcription(BaseModel):
    """What was heard; all but the text for ``verbose_json`` only."""

    text: str
    task: str = "transcribe"
    language: str = ""
    duration: float = Field(0.0, description="seconds")
    words: list[Word] = []
    segments: list[dict[str, Any]] = []


def _reply(problem: Problem) -> Response:
    status = 400 if problem.status == 422 else problem.status
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    place = str(problem.fields[0]["loc"][-1]) if problem.fields else None
    error = {"message": problem.message, "type": kind, "param": place, "code": _CODES.get(status)}
    return JSONResponse({"error": error}, status, dict(problem.headers))


def door(house: House) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1")
    dialect = Dialect("OpenAI", _reply, max_body_bytes=house.settings.max_upload_bytes, error=Failure)
    router.include_router(_speech(house, dialect))
    router.include_router(_models(house, dialect))
    router.include_router(_transcriptions(house, dialect))
    return router


def _speech(house: House, dialect: Dialect) -> APIRouter:
    router = routes(dialect, dependencies=[Depends(house.guard.needs("speak"))])
    workspace = house.studio.workspace
    kinds = [kind for _, kind in _FORMATS.values()]
    spoken = {**media(*kinds, "text/event-stream"), **dialect.raises(*SPEAKING, UnknownChoice, Conflict)}

    @router.post("/audio/speech", summary="Say a text in a voice", response_class=Response, responses=spoken)
    async def say(body: SpeechBody) -> Response:
        speech = await house.stage.say(_request(house, body))
        form, media = _FORMATS[body.response_format]
        blocks = encode_stream(
            (chunk.samples for chunk in speech.chunks),
            speech.sample_rate,
            form,
            _PCM_RATE_HZ if form == "raw" else None,
        )
        if body.stream_format == "sse":
            return StreamingResponse(_events(speech, speech.each(blocks)), media_type="text/event-stream")
        return StreamingResponse(speech.each(blocks), media_type=media)

    @router.get("/audio/voices", summary="The voices of this installation")
    def voices() -> VoiceList:
        found = [VoiceRow(id=name, name=name) for name in finished(workspace)]
        return VoiceList(object="list", voices=found, data=found)

    return router


async def _events(speech: Speech, blocks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Sound as server-sent events."""
    num_bytes = 0
    async for data in blocks:
        if data:
            num_bytes += len(data)
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})
    usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    yield _event({"type": "speech.audio.done", "usage": usage, "bytes": num_bytes, "sample_rate": speech.sample_rate})


def _event(about: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(about)}\n\n"


def _request(house: House, body: SpeechBody) -> SpeechRequest:
    """What the speaker is asked; raises `NotFound` for a voice that is not here, `UnknownChoice` for a model."""
    name = body.voice if isinstance(body.voice, str) else body.voice.id
    voice = voice_called(house.studio.workspace, name, house.settings.default_voice)
    if body.model not in (*ALIASES, voice.version, f"myna-{voice.version}"):
        raise UnknownChoice(f"model for voice {name!r}", body.model, (voice.version, *ALIASES))
    language = body.language
    if language == "auto" and len(version(voice.version).languages) == 1:
        language = version(voice.version).languages[0]
    values = {
        "text": body.input, "voice": voice, "language": language, "seed": body.seed,
        "speed": min(max(body.speed, 0.5), 2.0),
    }  # fmt: skip
    return build(SpeechRequest, values)


def voice_called(workspace: Workspace, name: str, fallback: str = "") -> Voice:
    """A finished voice; raises `NotFound` naming those that there are."""
    there = finished(workspace)
    if name not in there and fallback in there:
        name = fallback
    if name not in there:
        raise NotFound(f"there is no voice {name[:80]!r}; voices here: {', '.join(there) or 'none yet'}")
    return read_card(workspace.voice(name))


def finished(workspace: Workspace) -> list[str]:
    """The names of all voices that can speak."""
    names = []
    for folder in workspace.voices:
        try:
            read_card(folder)
        except (Conflict, NotFound):
            continue
        names.append(folder.name)
    return names


def _models(house: House, dialect: Dialect) -> APIRouter:
    router = routes(dialect, dependencies=[Depends(house.guard.needs("speak"))])
    known = (*ALIASES, *(f"myna-{name}" for name in VERSIONS), *HEARING)

    def row(name: str) -> ModelRow:
        return ModelRow(id=name, object="model", created=0, owned_by="myna")

    @router.get("/models", summary="Models that may be named")
    def models() -> ModelList:
        return ModelList(object="list", data=[row(name) for name in known])

    @router.get("/models/{name}", summary="One model", responses=dialect.raises(NotFound))
    def model(name: str) -> ModelRow:
        if name not in known:
            raise NotFound(f"there is no model {name!r}; models here: {', '.join(known)}")
        return row(name)

    return router


def _transcriptions(house: House, dialect: Dialect) -> APIRouter:
    router = routes(dialect, dependencies=[Depends(house.guard.needs("speak"))])
    folder = house.settings.home / "uploads"
    heard_as = json_of(Transcription)
    heard_as[200]["content"] |= media("text/plain")[200]["content"]
    heard_as |= dialect.raises(BadInput, BadAudio, UnknownChoice, NotConfigured)

    @router.post("/audio/transcriptions", summary="Write down what a recording says", responses=heard_as)
    async def transcribe(
        file: UploadFile = File(),  # noqa: B008 (FastAPI's way)
        model: str = Form(HEARING[0]),
        language: str = Form(""),
        response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = Form("json"),
    ) -> Response:
        if model not in HEARING:
            raise UnknownChoice("model", model, HEARING)
        name = f"{secrets.token_hex(8)}-{file_name(file.filename, _SUFFIXES)}"
        path = await keep(file, folder, house.studio, name=name, max_bytes=house.settings.max_upload_bytes)
        try:
            heard = await run_in_threadpool(house.studio.listen, path, language or "en")
        finally:
            Path(path).unlink(missing_ok=True)
        return _told(heard, response_format)

    return router


def _told(heard: Heard, form: str) -> Response:
    """What was heard, in the form that was asked for."""
    if form == "text":
        return PlainTextResponse(heard.text + "\n")
    if form in ("srt", "vtt"):
        return PlainTextResponse(_cues(heard, form))
    if form == "json":
        return JSONResponse({"text": heard.text})
    words = [{"word": word.text, "start": word.start_s, "end": word.end_s} for word in heard.words]
    about = {"task": "transcribe", "language": heard.language, "duration": heard.seconds, "text": heard.text}
    return JSONResponse(about | {"words": words, "segments": []})


def _cues(heard: Heard, form: str) -> str:
    """Subtitles: a cue for each eight words, or one for all where words have no times."""
    words = heard.words or ((HeardWord(heard.text, 0.0, heard.seconds),) if heard.text else ())
    groups = [words[at : at + 8] for at in range(0, len(words), 8)]
    mark = "," if form == "srt" else "."
    cues = [
        f"{number}\n{_time(group[0].start_s, mark)} --> {_time(group[-1].end_s, mark)}\n"
        f"{' '.join(word.text for word in group)}\n"
        for number, group in enumerate(groups, 1)
    ]
    return ("WEBVTT\n\n" if form == "vtt" else "") + "\n".join(cues)


def _time(seconds: float, mark: str) -> str:
    total = round(seconds * 1000)
    return f"{total // 3_600_000:02d}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d}{mark}{total % 1000:03d}"
