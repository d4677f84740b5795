"""The queue service's REST half, ``/gpt_sovits/*``: each request is answered "start", and done by and by."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from myna.amqp.requests import (
    AbcRequest,
    AsrRequest,
    DenoiseRequest,
    GptTrainRequest,
    OneClickRequest,
    QueueRequest,
    SliceRequest,
    SovitsTrainRequest,
    UvrRequest,
)
from myna.api.dialect import Dialect, routes
from myna.api.door import House
from myna.api.health import Failure
from myna.api.problems import FormFailure, Problem

_PATHS: tuple[tuple[str, str, type[QueueRequest], str], ...] = (
    ("one_click", "one_click", OneClickRequest, "开始一键训练"),
    ("open_slice", "slice", SliceRequest, "start"),
    ("open_denoise", "denoise", DenoiseRequest, "start"),
    ("open_asr", "asr", AsrRequest, "start"),
    ("open1abc", "1abc", AbcRequest, "start"),
    ("sovits_train", "1Ba", SovitsTrainRequest, "start"),
    ("gpt_train", "1Bb", GptTrainRequest, "start"),
    ("open_uvr5", "uvr5", UvrRequest, "start"),
)
"""Path, stage, request, what is answered."""


class Started(BaseModel):
    """That something has begun; its end is told by RabbitMQ."""

    status: str
    message: str


def _reply(problem: Problem) -> Response:
    if problem.status == 422:
        return JSONResponse({"detail": [dict(field) for field in problem.fields]}, 422)
    status = problem.status if problem.status in (401, 403, 413, 429) else 500
    return JSONResponse({"detail": f"Error: {problem.message}"}, status, dict(problem.headers))


QUEUE = Dialect("queue service", _reply, error=Failure, form_error=FormFailure)


def door(house: House) -> APIRouter:
    """The routes."""
    router = routes(QUEUE, prefix="/gpt_sovits", dependencies=[Depends(house.guard.needs("make"))])
    for path, stage, request, message in _PATHS:
        handle = _handler(house, stage, request, message)
        router.add_api_route(f"/{path}", handle, methods=["POST"], name=path, summary=request.__doc__)
    return router


def _handler(house: House, stage: str, kind: type[QueueRequest], message: str) -> Callable[..., Started]:
    def start(request: QueueRequest) -> Started:
        house.order(stage, request)
        return Started(status="success", message=message)

    start.__annotations__ = {"request": kind, "return": Started}
    return start
