"""api.py: ``GET /`` and ``POST /`` with its own names, ``/change_refer`` and ``/set_model``.

``/`` is shared with the fork that takes the names of api_v2.py, and with the training service, whose ``/`` tells what
is here: the names in the request say which is meant.
"""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import soundfile
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from myna.api.described import json_of, media
from myna.api.dialect import Dialect, answered, routes
from myna.api.door import House
from myna.api.problems import SPEAKING as MAY_GO_WRONG
from myna.api.problems import FormFailure, Problem
from myna.api.root import ABOUT
from myna.api.stage import joined
from myna.api.tts import official
from myna.api.tts.answers import in_parts, media_type
from myna.api.tts.bodies import read_body, read_query
from myna.api.tts.current import Choice, Current
from myna.api.tts.languages import LANGUAGES
from myna.api.tts.official import SPEAKING, Command, body_of, obey, query_of, speak
from myna.api.tts.wishes import Wishes, checked_reference, languages_of
from myna.audio.encode import encode
from myna.core.errors import BadCheckpoint, BadInput, NotConfigured, NotFound
from myna.core.fields import build
from myna.core.speech import SpeechRequest, Voice

_PAUSE_S = 0.3
NO_REFERENCE = "未指定参考音频且接口无预设"
NOTHING_CHANGED = '缺少任意一项以下参数: "path", "text", "language"'
_LEGACY = {"text_language", "refer_wav_path", "prompt_language", "cut_punc", "inp_refs", "speed", "if_sr"}
_OFFICIAL = {"text_lang", "ref_audio_path", "prompt_lang"}
_MARKS = frozenset("，。？！,.?!~:：—…;；、")


class Legacy(BaseModel):
    """The fields of api.py's ``/``, with its defaults."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field("", description="what to say")
    text_language: str = Field("", description="its language: a code, or 中文, 英文, 日文, 中英混合, …")
    refer_wav_path: str | None = Field(None, description="reference clip on the server")
    prompt_text: str | None = Field(None, description="the words of the reference")
    prompt_language: str | None = Field(None, description="the language of the reference")
    cut_punc: str | None = Field(None, description="marks behind which the text is cut")
    top_k: int = 15
    top_p: float = 1.0
    temperature: float = 1.0
    speed: float = Field(1.0, description="0.5 to 2.0")
    inp_refs: list[str | None] | None = Field(None, description="further references; missing ones are skipped")
    sample_steps: int = 32
    if_sr: bool = False


class Reference(BaseModel):
    """The fields of ``/change_refer``."""

    model_config = ConfigDict(extra="ignore")

    refer_wav_path: str | None = None
    prompt_text: str | None = None
    prompt_language: str | None = None


class Models(BaseModel):
    """The fields of ``/set_model``."""

    model_config = ConfigDict(extra="ignore")

    gpt_model_path: str | None = None
    sovits_model_path: str | None = None


class Success(BaseModel):
    """That it is done."""

    code: int
    message: str


class Failure(BaseModel):
    """What went wrong."""

    code: int
    message: str


class Root(BaseModel):
    """What is here."""

    message: str
    version: str
    docs_url: str
    myna: str


def _reply(problem: Problem) -> Response:
    if problem.status == 422:
        return JSONResponse({"detail": [dict(field) for field in problem.fields]}, 422)
    status = problem.status if problem.status in (401, 403, 413, 429) or problem.status >= 500 else 400
    return JSONResponse({"code": status, "message": problem.message}, status, dict(problem.headers))


LEGACY = Dialect("speech as api.py", _reply, error=Failure | official.Failure, form_error=FormFailure)
"""Its ``/`` takes the words of api_v2.py too, and then answers in them."""


def door(house: House) -> APIRouter:
    """The routes."""
    router = APIRouter()
    current = Current(house.settings.home, house.settings.speaks_version)
    router.include_router(_root(house, current))
    router.include_router(_changing(house, current))
    router.include_router(_control(house))
    return router


def _root(house: House, current: Current) -> APIRouter:
    router = routes(LEGACY, dependencies=[Depends(house.guard.needs("speak"))])
    spoken = {**media("audio/wav", "audio/ogg", "audio/aac", "audio/raw"), **LEGACY.raises(*MAY_GO_WRONG)}
    told = json_of(Root)
    told[200]["content"] |= spoken[200]["content"]

    @router.get(
        "/",
        summary="Say a text; without one: what is here",
        openapi_extra=query_of(Legacy, Wishes),
        response_class=Response,
        responses={**spoken, **told},
    )
    async def get_root(request: Request) -> Response:
        given = set(request.query_params)
        if not given:
            return JSONResponse(ABOUT)
        if given & _OFFICIAL and not given & _LEGACY:
            return await answered(SPEAKING, request, speak(house, current, read_query(request, Wishes), request))
        return await _say(house, current.get(), read_query(request, Legacy), request)

    @router.post(
        "/",
        summary="Say a text",
        openapi_extra=body_of(Legacy, Wishes),
        response_class=Response,
        responses=spoken,
    )
    async def post_root(request: Request) -> Response:
        given = await read_body(request, Anything)
        names = set(given.model_extra or {})
        if names & _OFFICIAL and not names & _LEGACY:
            return await answered(SPEAKING, request, speak(house, current, await read_body(request, Wishes), request))
        return await _say(house, current.get(), await read_body(request, Legacy), request)

    return router


class Anything(BaseModel):
    """A body whose names are looked at first."""

    model_config = ConfigDict(extra="allow")


async def _say(house: House, choice: Choice, asked: Legacy, client: Request) -> Response:
    """The speech as api.py answers it: a stream, even though it is whole."""
    asked = _with_default(asked, choice)
    rate = choice.record.output_rate_hz
    if asked.text.strip():
        speech = await house.stage.say(_request(house, choice, asked))
        if house.settings.api_streams:
            return in_parts(speech, house.settings.api_media_type)
        rate, samples = speech.sample_rate, joined(await speech.whole(client))
    else:  # api.py answers nothing but the pause that follows every sentence
        samples = np.zeros(round(_PAUSE_S * rate), np.float32)
    form = house.settings.api_media_type
    data = _wide_wav(samples, rate) if (form, house.settings.api_sub_type) == ("wav", "int32") else None
    return StreamingResponse(iter([data or encode(samples, rate, form)]), media_type=media_type(form))


def _wide_wav(samples: np.ndarray, rate: int) -> bytes:
    """A wav of 32 bits a sample."""
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="WAV", subtype="PCM_32")
    return out.getvalue()


def _with_default(asked: Legacy, choice: Choice) -> Legacy:
    """With the default reference, where any of the three fields of one is missing; raises `BadInput`."""
    if asked.refer_wav_path and asked.prompt_text and asked.prompt_language:
        return asked
    if choice.reference is None or not choice.reference_text or not choice.reference_language:
        raise BadInput(NO_REFERENCE)
    return asked.model_copy(
        update={
            "refer_wav_path": str(choice.reference),
            "prompt_text": choice.reference_text,
            "prompt_language": choice.reference_language,
        }
    )


def _request(house: House, choice: Choice, asked: Legacy) -> SpeechRequest:
    record = choice.record
    if not any(char.isalnum() for char in asked.text):
        raise BadInput("there is nothing to say in the text")
    others = [house.path(path) for path in asked.inp_refs or () if path]
    voice: dict[str, Any] = {
        "version": choice.version,
        "gpt": choice.gpt,
        "sovits": choice.sovits,
        "reference": checked_reference(house, asked.refer_wav_path or "", any_length=True),
        "reference_text": asked.prompt_text or "",
        "reference_language": _language(asked.prompt_language or "", choice, "prompt_language"),
        "other_references": tuple(path for path in others if path.is_file()) if record.vits else (),
    }
    marks = house.settings.api_cut_punc if asked.cut_punc is None else asked.cut_punc
    values: dict[str, Any] = {
        "text": _cut(asked.text, marks),
        "language": _language(asked.text_language, choice, "text_language"),
        "voice": build(Voice, voice),
        "cut": "cut0" if marks else "smart",
        "speed": asked.speed,
        "top_k": min(asked.top_k, 1025) if asked.top_k > 0 else 1025,
        "top_p": min(max(asked.top_p, 1e-3), 1.0),
        "temperature": min(max(asked.temperature, 0.0), 2.0),
        "sampling_steps": min(max(asked.sample_steps, 1), 128) if record.flow else None,
        "super_sampling": asked.if_sr and record.has_super_sampling,
    }
    return build(SpeechRequest, values)


def _language(given: str, choice: Choice, name: str) -> str:
    code = LANGUAGES.get(given, given.lower())
    allowed = languages_of(choice.record)
    if code not in allowed:
        raise BadInput(
            f"{name}: {given!r} is not supported in version {choice.version}; take one of {', '.join(allowed)}"
        )
    return code


def _cut(text: str, marks: str | None) -> str:
    """The text with a line's end behind each of the ``marks``; those that are none are passed over."""
    wanted = "".join(re.escape(mark) for mark in marks or "" if mark in _MARKS)
    return re.sub(f"([{wanted}]+)", r"\1\n", text) if wanted else text


def _changes(house: House, given: Reference) -> dict[str, object]:
    """What is to be another; what was not sent stays as it is. Raises `BadInput` where nothing was sent."""
    changes: dict[str, object] = {
        "reference": house.path(given.refer_wav_path) if given.refer_wav_path else None,
        "reference_text": given.prompt_text,
        "reference_language": given.prompt_language,
    }
    sent = {name: value for name, value in changes.items() if value}
    if not sent:
        raise BadInput(NOTHING_CHANGED)
    return sent


def _changing(house: House, current: Current) -> APIRouter:
    router = routes(LEGACY, dependencies=[Depends(house.guard.needs("control"))])
    refusals = LEGACY.raises(BadInput, NotFound, BadCheckpoint, NotConfigured)

    def change(given: Reference) -> Success:
        current.change(**_changes(house, given))
        return Success(code=0, message="Success")

    def switch(given: Models) -> Success:
        if not (given.gpt_model_path and given.sovits_model_path):
            raise BadInput("give both gpt_model_path and sovits_model_path")
        gpt, sovits = house.path(given.gpt_model_path), house.path(given.sovits_model_path)
        house.studio.examine(gpt, "gpt")
        current.change(gpt=gpt, sovits=sovits, version=house.studio.examine(sovits, "sovits"))
        return Success(code=0, message="Success")

    referring: dict[str, Any] = {"summary": "Change the default reference", "responses": refusals}
    switching: dict[str, Any] = {"summary": "Switch both weights for everybody", "responses": refusals}

    @router.get("/change_refer", openapi_extra=query_of(Reference), **referring)
    def get_change(request: Request) -> Success:
        return change(read_query(request, Reference))

    @router.post("/change_refer", openapi_extra=body_of(Reference), **referring)
    async def post_change(request: Request) -> Success:
        return change(await read_body(request, Reference))

    @router.get("/set_model", openapi_extra=query_of(Models), **switching)
    def get_switch(request: Request) -> Success:
        return switch(read_query(request, Models))

    @router.post("/set_model", openapi_extra=body_of(Models), **switching)
    async def post_switch(request: Request) -> Success:
        return switch(await read_body(request, Models))

    return router


def _control(house: House) -> APIRouter:
    router = routes(LEGACY, dependencies=[Depends(house.guard.needs("control"))])

    # Where api_v2.py is served too, its own stand in front of these, and are those that are told of.
    @router.get("/control", summary="Stop the server, where that is allowed", include_in_schema=False)
    def get_control(command: str = "") -> official.Success | None:
        return obey(house, command)

    @router.post("/control", summary="Stop the server, where that is allowed", include_in_schema=False)
    async def post_control(request: Request) -> official.Success | None:
        return obey(house, (await read_body(request, Command)).command)

    return router
