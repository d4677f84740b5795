"""Our own dialect: every step as a job, watched while it runs."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_args

import anyio
from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from myna.api.access import Caller
from myna.api.described import media
from myna.api.dialect import Dialect, routes
from myna.api.door import House
from myna.api.problems import Problem
from myna.core.errors import BadInput, Conflict, NotFound, TooBusy, UnknownChoice
from myna.core.workspace import make_folder
from myna.steps.catalog import STEPS, make_step, step_class
from myna.steps.step import Step
from myna.studio import Job, Owner, Status, Wishes

_LOOK_S = 0.25
_ALIVE_S = 15.0
_DEPLOYED = ("models", "device", "words")
"""Parameters that this installation decides where a request does not."""


class Order(BaseModel):
    """A step to be done."""

    model_config = ConfigDict(extra="forbid")

    step: str = Field(description="the step's name, out of /api/v1/steps")
    voice: str = Field("", description="a voice of this installation, made if it is not there; or give folder")
    parameters: dict[str, Any] = Field(default_factory=dict, description="the step's parameters")
    session: str = Field("", max_length=128, description="a word of your own by which jobs are listed")
    notify: list[str] = Field(default_factory=list, max_length=8, description="addresses that are told of its end")


class Offer(BaseModel):
    """A step that can be done: its parameters as JSON schema."""

    title: str
    parameters: dict[str, Any]


class Told(BaseModel):
    """A job. Times are seconds since 1970."""

    id: str
    step: str
    status: Status
    progress: float = Field(description="0.0 to 1.0")
    at: str = Field(description="the step it is at, where it has several")
    note: str
    error: str
    result: dict[str, Any]
    parameters: dict[str, Any]
    session: str
    attempts: int
    created_at: float
    updated_at: float
    started_at: float | None
    finished_at: float | None


class Reason(BaseModel):
    """What went wrong."""

    kind: str
    message: str
    fields: list[dict[str, Any]]


class Failure(BaseModel):
    """The answer to a request that failed."""

    error: Reason


def reply(problem: Problem) -> Response:
    """``{"error": {"kind", "message", "fields"}}``."""
    error = {"kind": problem.kind, "message": problem.message, "fields": [dict(field) for field in problem.fields]}
    return JSONResponse({"error": error}, problem.status, dict(problem.headers))


def door(house: House) -> APIRouter:
    """The routes."""
    dialect = Dialect("jobs", reply, max_body_bytes=2**20, error=Failure)
    router = APIRouter(prefix="/api/v1")
    router.include_router(_ordering(house, dialect))
    router.include_router(_watching(house, dialect))
    return router


def _ordering(house: House, dialect: Dialect) -> APIRouter:
    router, asks = routes(dialect), Depends(house.guard.needs("make"))

    @router.get("/steps", summary="What can be done, and its parameters")
    def steps(_caller: Caller = asks) -> dict[str, Offer]:
        return {name: Offer(title=step.title, parameters=step.model_json_schema()) for name, step in STEPS.items()}

    refusals = dialect.raises(BadInput, UnknownChoice, TooBusy)

    @router.post("/jobs", summary="Have a step done", status_code=202, responses=refusals)
    def submit(order: Order, caller: Caller = asks) -> Told:
        step = _step(house, order)
        notify = tuple(_address(house, address) for address in order.notify)
        return told(house.studio.submit(step, Wishes(Owner(caller.user, order.session), notify=notify)))

    @router.get("/jobs", summary="The newest jobs")
    def jobs(
        session: str | None = None, status: Status | None = None, limit: int = 100, caller: Caller = asks
    ) -> list[Told]:
        statuses = [status] if status else []
        limit = min(max(limit, 1), 1000)
        return [
            told(job) for job in house.studio.jobs(user=caller.user, session=session, statuses=statuses, limit=limit)
        ]

    return router


def _watching(house: House, dialect: Dialect) -> APIRouter:
    router, asks = routes(dialect), Depends(house.guard.needs("make"))
    missing, ended = dialect.raises(NotFound), dialect.raises(NotFound, Conflict)

    @router.get("/jobs/{job_id}", summary="How a job is", responses=missing)
    def get(job_id: str, caller: Caller = asks) -> Told:
        return told(house.studio.job(job_id, caller.user))

    @router.post("/jobs/{job_id}/cancel", summary="Stop a job", responses=missing)
    def cancel(job_id: str, caller: Caller = asks) -> Told:
        return told(house.studio.cancel(job_id, caller.user))

    @router.delete("/jobs/{job_id}", summary="Forget a job that has ended", status_code=204, responses=ended)
    def forget(job_id: str, caller: Caller = asks) -> Response:
        house.studio.forget(job_id, caller.user)
        return Response(status_code=204)

    @router.get(
        "/jobs/{job_id}/log",
        summary="What a job wrote while it ran",
        response_class=PlainTextResponse,
        responses=missing,
    )
    def log(job_id: str, caller: Caller = asks) -> str:
        return house.studio.log(job_id, caller.user)

    watching = {**media("text/event-stream"), **missing}

    @router.get("/jobs/{job_id}/events", summary="A job as it goes", response_class=Response, responses=watching)
    async def events(job_id: str, request: Request, caller: Caller = asks) -> Response:
        first = await run_in_threadpool(house.studio.job, job_id, caller.user)
        return StreamingResponse(watched(house, first, request), media_type="text/event-stream")

    return router


async def watched(house: House, job: Job, request: Request) -> AsyncIterator[str]:
    """A job each time it has changed, up to its end; a comment now and then, so that nobody hangs up."""
    yield _event(job)
    spoken = time.monotonic()
    while not job.status.is_terminal and not await request.is_disconnected():
        await anyio.sleep(_LOOK_S)
        now = await run_in_threadpool(house.studio.job, job.id)
        if _seen(now) != _seen(job):
            job, spoken = now, time.monotonic()
            yield _event(job)
        elif time.monotonic() - spoken > _ALIVE_S:
            spoken = time.monotonic()
            yield ": still here\n\n"


def _seen(job: Job) -> tuple[object, ...]:
    return job.status, job.progress, job.step, job.note, job.is_cancel_requested


def _event(job: Job) -> str:
    return f"event: job\ndata: {told(job).model_dump_json()}\n\n"


def told(job: Job) -> Told:
    """A job in our own words."""
    return Told(
        id=job.id,
        step=job.kind,
        status=job.status,
        progress=job.progress,
        at=job.step,
        note=job.note,
        error=job.error,
        result=dict(job.result),
        parameters=dict(job.payload),
        session=job.owner.session,
        attempts=job.attempts,
        created_at=job.created_at,
        updated_at=job.updated_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def _step(house: House, order: Order) -> Step:
    """The step that is wanted; raises `UnknownChoice` and `BadInput`, for paths outside the allowed folders too."""
    kind = step_class(order.step)
    if bool(order.voice) == ("folder" in order.parameters):
        raise BadInput("say where: give a voice, or the parameter folder")
    settings = house.settings
    deployed: dict[str, Any] = {"models": settings.models_folder, "device": settings.device, "words": settings.home}
    values = {name: deployed[name] for name in _DEPLOYED if name in kind.model_fields}
    values |= {name: _value(house, kind, name, value) for name, value in order.parameters.items()}
    if order.voice:
        values["folder"] = make_folder(house.studio.workspace.voice(order.voice).path)
    return make_step(order.step, values)


def _value(house: House, kind: type[Step], name: str, value: Any) -> Any:
    """A parameter as the step takes it: words for paths become paths of this machine."""
    field = kind.model_fields.get(name)
    if field is not None and isinstance(value, str) and Path in _kinds(field.annotation):
        return house.path(value)
    return value


def _kinds(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _address(house: House, address: str) -> str:
    """An address that may be told; raises `BadInput`."""
    try:
        parts = urllib.parse.urlsplit(address)
        is_known = parts.hostname in house.settings.webhook_hosts and parts.port != 0
    except ValueError:  # brackets that are open, a port that is none
        is_known = False
    if not is_known or parts.scheme not in ("http", "https"):
        allowed = ", ".join(house.settings.webhook_hosts) or "none; see the setting `webhook_hosts`"
        raise BadInput(f"{address[:200]!r} is no address that may be told; hosts that may: {allowed}")
    return address
