"""The voice API, ``/api/v1/voice/*``: a text and a clip in, speech out. It wants a key, always."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from myna.api.described import media
from myna.api.dialect import Dialect, routes
from myna.api.door import House
from myna.api.problems import SPEAKING as MAY_GO_WRONG
from myna.api.problems import Problem
from myna.api.stage import joined
from myna.api.tts.current import Current
from myna.api.tts.official import SPEAKING
from myna.api.tts.wishes import REFERENCE_LENGTH, REFERENCE_S
from myna.api.uploads import file_name, keep
from myna.audio.encode import encode
from myna.core.errors import BadAudio, BadInput
from myna.core.fields import build
from myna.core.speech import SpeechRequest, Voice

MAX_TEXT_CHARS = 5000
_SOUNDS = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".webm")
_FORM_BYTES = 2**16
"""What a form's fields take beside its file."""

_WORDS: Mapping[int, str] = {
    400: "validation_error", 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict",
    413: "file_too_large", 429: "too_many_requests", 500: "internal_error", 502: "sovits_error",
    503: "not_configured", 504: "sovits_timeout",
}  # fmt: skip


class Failure(BaseModel):
    """The answer to a request that failed."""

    success: bool
    error: str
    message: str
    details: dict[str, Any]


class Health(BaseModel):
    """Whether speech can be made."""

    service: str
    status: str
    sovits_available: bool


def reply(problem: Problem) -> Response:
    """``{"success": false, "error", "message", "details"}``; wrong forms are a 400 here."""
    status = 400 if problem.status == 422 else problem.status
    details = {"fields": [dict(field) for field in problem.fields]} if problem.fields else {}
    body = {"success": False, "error": _WORDS.get(status, problem.kind), "message": problem.message, "details": details}
    return JSONResponse(body, status, dict(problem.headers))


def door(house: House) -> APIRouter:
    """The routes."""
    router = APIRouter()
    router.include_router(_synthesis(house))
    router.include_router(_plain(house))
    return router


def _synthesis(house: House) -> APIRouter:
    """The API as its clients know it."""
    most = house.settings.max_reference_bytes + _FORM_BYTES
    dialect = Dialect("voice API", reply, max_body_bytes=most, error=Failure)
    spoken = {**media("audio/wav"), **dialect.raises(*MAY_GO_WRONG, BadAudio)}
    needs = Depends(house.guard.needs("speak", always_a_key=True))
    router = routes(dialect, prefix="/api/v1/voice", dependencies=[needs])

    @router.get("/health", summary="Whether speech can be made")
    def health() -> Health:
        can_speak = house.speaks()
        status = "healthy" if can_speak else "unhealthy"
        return Health(service="voice-synthesis", status=status, sovits_available=can_speak)

    @router.post("/synthesize", summary="Say a text like a clip", response_class=Response, responses=spoken)
    async def synthesize(
        request: Request,
        reference_audio: UploadFile = File(),  # noqa: B008 (FastAPI's way)
        text: str = Form(max_length=MAX_TEXT_CHARS),
        language: Literal["auto", "zh", "en", "ja"] = Form("auto"),
        speed: float = Form(1.0, ge=0.5, le=2.0),
        temperature: float = Form(0.7, ge=0.1, le=1.0),
    ) -> Response:
        if not text.strip():
            raise BadInput("text: there is nothing to say")
        values = {"text": text, "language": language, "speed": speed, "temperature": temperature}
        return await _say(house, request, reference_audio, values, {})

    return router


def _plain(house: House) -> APIRouter:
    """``/synthesize`` of the speech server itself, which clients of this API expect behind it."""
    router = routes(SPEAKING, dependencies=[Depends(house.guard.needs("speak"))])

    spoken = {**media("audio/wav"), **SPEAKING.raises(*MAY_GO_WRONG, BadAudio)}

    @router.post(
        "/synthesize", summary="Say a text like a clip that is sent", response_class=Response, responses=spoken
    )
    async def synthesize(
        request: Request,
        reference_audio: UploadFile = File(),  # noqa: B008 (FastAPI's way)
        text: str = Form(max_length=MAX_TEXT_CHARS),
        language: str = Form("auto"),
        speed: float = Form(1.0),
        temperature: float = Form(1.0),
        prompt_text: str = Form(""),
        prompt_lang: str = Form("auto"),
    ) -> Response:
        values = {"text": text, "language": language, "speed": speed, "temperature": temperature}
        return await _say(house, request, reference_audio, values, {"text": prompt_text, "language": prompt_lang})

    return router


async def _say(
    house: House, client: Request, clip: UploadFile, values: Mapping[str, Any], words: Mapping[str, str]
) -> Response:
    """The speech as a file; the clip is kept as long as it is needed."""
    name = f"{secrets.token_hex(8)}-{file_name(clip.filename, _SOUNDS)}"
    folder = house.settings.home / "uploads"
    path = await keep(clip, folder, house.studio, name=name, max_bytes=house.settings.max_reference_bytes)
    try:
        speech = await house.stage.say(_request(house, path, values, words))
        samples, rate = joined(await speech.whole(client)), speech.sample_rate
    finally:
        path.unlink(missing_ok=True)
    headers = {
        "Content-Disposition": 'attachment; filename="synthesized.wav"',
        "X-Audio-Duration": f"{len(samples) / rate:.3f}",
    }
    return Response(encode(samples, rate, "wav"), media_type="audio/wav", headers=headers)


def _request(house: House, clip: Path, values: Mapping[str, Any], words: Mapping[str, str]) -> SpeechRequest:
    """What the speaker is asked; raises `BadAudio` for a clip that is not 3 to 10 s of sound."""
    if not REFERENCE_S[0] <= house.studio.seconds_of(clip) <= REFERENCE_S[1]:
        raise BadAudio(REFERENCE_LENGTH)
    choice = Current(house.settings.home, house.settings.speaks_version).get()
    spoken = choice.record.languages

    def known(language: str) -> str:
        """A version with one language has no need to find out which."""
        return spoken[0] if language == "auto" and len(spoken) == 1 else language

    voice = Voice(
        version=choice.version,
        gpt=choice.gpt,
        sovits=choice.sovits,
        reference=clip,
        reference_text=words.get("text", ""),
        reference_language=known(words.get("language", "auto")),
    )
    return build(SpeechRequest, {**values, "language": known(values["language"]), "voice": voice})
