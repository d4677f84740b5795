"""api_v2.py: ``/tts`` and what switches its weights."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from myna.api.described import media
from myna.api.dialect import Dialect, routes
from myna.api.door import House
from myna.api.problems import SPEAKING as MAY_GO_WRONG
from myna.api.problems import FormFailure, Problem
from myna.api.tts.answers import in_parts, silence, whole
from myna.api.tts.bodies import read_body
from myna.api.tts.current import Current
from myna.api.tts.wishes import MEDIA_TYPES, Refused, Wishes, check, checked_reference, speech_request
from myna.core.errors import BadAudio, BadCheckpoint, BadInput, Forbidden, NotConfigured, NotFound

_KEPT = (401, 403, 413, 422, 429, 500, 502, 503, 504)
"""Statuses that say something; what else went wrong is a 400 here."""
_COMMANDS = ("restart", "exit")


class Success(BaseModel):
    """That it is done."""

    message: str


class Failure(BaseModel):
    """What failed and, where that is not the whole story, why."""

    message: str
    reason: str = Field("", alias="Exception")


def answering(failed: str) -> Dialect:
    """The dialect of routes that answer ``failed`` where something failed."""

    def reply(problem: Problem) -> Response:
        if problem.status == 422:
            return JSONResponse({"detail": [dict(field) for field in problem.fields]}, 422)
        status = problem.status if problem.status in _KEPT else 400
        body = {"message": problem.message} if problem.kind == Refused.kind else _failure(failed, problem.message)
        return JSONResponse(body, status, dict(problem.headers))

    return Dialect("speech as api_v2.py", reply, error=Failure, form_error=FormFailure)


def _failure(message: str, reason: str) -> dict[str, str]:
    return {"message": message, "Exception": reason}


SPEAKING = answering("tts failed")
SPOKEN = {**media(*(f"audio/{name}" for name in MEDIA_TYPES)), **SPEAKING.raises(Refused, *MAY_GO_WRONG)}
"""What may be answered where a text is to be said."""


def door(house: House) -> APIRouter:
    """The routes."""
    router = APIRouter()
    current = Current(house.settings.home, house.settings.speaks_version)
    router.include_router(_speaking(house, current))
    router.include_router(_switching(house, current, "gpt", "gpt"))
    router.include_router(_switching(house, current, "sovits", "sovits"))
    router.include_router(_references(house, current))
    router.include_router(_control(house))
    return router


async def speak(house: House, current: Current, wishes: Wishes, client: Request) -> Response:
    """Answer one request for speech."""
    choice = current.get()
    check(wishes, choice.record)
    if not wishes.text.strip():
        return silence(choice.record.output_rate_hz, wishes.media_type)
    speech = await house.stage.say(speech_request(house, wishes, choice))
    if wishes.streaming_mode:
        return in_parts(speech, wishes.media_type)
    return await whole(speech, wishes.media_type, client)


def _speaking(house: House, current: Current) -> APIRouter:
    router = routes(SPEAKING, dependencies=[Depends(house.guard.needs("speak"))])

    @router.get("/tts", summary="Say a text like a reference", response_class=Response, responses=SPOKEN)
    async def get_tts(request: Request, wishes: Annotated[Wishes, Query()]) -> Response:
        return await speak(house, current, wishes, request)

    @router.post(
        "/tts",
        summary="Say a text like a reference",
        openapi_extra=body_of(Wishes),
        response_class=Response,
        responses=SPOKEN,
    )
    async def post_tts(request: Request) -> Response:
        return await speak(house, current, await read_body(request, Wishes), request)

    return router


def query_of(*records: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says of parameters that are one of these records."""
    schemas = {name: schema for record in records for name, schema in record.model_json_schema()["properties"].items()}
    return {"parameters": [{"name": name, "in": "query", "schema": schema} for name, schema in schemas.items()]}


def body_of(*records: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says of a body that is JSON or a form, and one of these records."""
    schemas = [record.model_json_schema() for record in records]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}}


def _switching(house: House, current: Current, kind: str, word: str) -> APIRouter:
    """``/set_gpt_weights`` and ``/set_sovits_weights``: switched only when the weights have been read and fit."""
    dialect = answering(f"change {word} weight failed")
    router = routes(dialect, dependencies=[Depends(house.guard.needs("control"))])
    refusals = dialect.raises(Refused, BadInput, NotFound, BadCheckpoint, NotConfigured)

    @router.get(f"/set_{word}_weights", summary=f"Switch the {word} weights for everybody", responses=refusals)
    def switch(weights_path: str = "") -> Success:
        if not weights_path:
            raise Refused(f"{word} weight path is required")
        path = house.path(weights_path)
        version = house.studio.examine(path, kind)
        changed: dict[str, object] = {kind: path}
        if kind == "sovits":
            changed["version"] = version
        current.change(**changed)
        return Success(message="success")

    return router


def _references(house: House, current: Current) -> APIRouter:
    dialect = answering("set refer audio failed")
    router = routes(dialect, dependencies=[Depends(house.guard.needs("control"))])
    refusals = dialect.raises(BadInput, NotFound, BadAudio)

    @router.get("/set_refer_audio", summary="Choose the default reference", responses=refusals)
    def set_reference(refer_audio_path: str = "") -> Success:
        if not refer_audio_path:
            raise BadInput("Invalid file: None")
        current.change(reference=checked_reference(house, refer_audio_path))
        return Success(message="success")

    return router


def obey(house: House, command: str) -> Success | None:
    """End the server, or pass over a word that is no command; raises `Forbidden` where clients may not."""
    if command not in _COMMANDS:
        return None
    if not house.settings.allow_control:
        raise Forbidden("this server does not let clients end it; see the setting `allow_control`")
    house.control(command)
    return Success(message="success")


def _control(house: House) -> APIRouter:
    dialect = answering("control failed")
    router = routes(dialect, dependencies=[Depends(house.guard.needs("control"))])
    refusals = dialect.raises(Refused, NotConfigured)

    def obeyed(command: str) -> Success | None:
        if not command:
            raise Refused("command is required")
        return obey(house, command)

    @router.get("/control", summary="Stop the server, where that is allowed", responses=refusals)
    def get_control(command: str = "") -> Success | None:
        return obeyed(command)

    @router.post(
        "/control",
        summary="Stop the server, where that is allowed",
        openapi_extra=body_of(Command),
        responses=refusals,
    )
    async def post_control(request: Request) -> Success | None:
        return obeyed((await read_body(request, Command)).command)

    return router


class Command(BaseModel):
    """The body of ``/control``."""

    command: str = ""
