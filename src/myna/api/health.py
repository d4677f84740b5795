"""Whether the server is well: for balancers, for Prometheus, and for clients that ask before they speak."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from myna import __version__
from myna.api.dialect import Dialect, routes
from myna.api.door import House
from myna.api.observed import Figures
from myna.api.problems import Problem
from myna.core.errors import StoreFailed
from myna.studio import Status


class Failure(BaseModel):
    """What went wrong."""

    detail: str


class Health(BaseModel):
    """How the server is."""

    status: str
    version: str
    sovits_available: bool
    uptime_seconds: float


class Readiness(BaseModel):
    """That the server can take work, and how much waits."""

    status: str
    queued: int


def plain_reply(problem: Problem) -> Response:
    """The reply of everything that belongs to no dialect: FastAPI's own form."""
    return JSONResponse({"detail": problem.message}, problem.status, dict(problem.headers))


PLAIN = Dialect("server", plain_reply, error=Failure)


def door(
    house: House, figures: Figures, speaks: Callable[[], bool], clock: Callable[[], float] = time.monotonic
) -> APIRouter:
    """The routes; ``speaks`` tells whether speech can be made."""
    router, begun = routes(PLAIN), clock()

    @router.get("/health", summary="Whether the server answers, and can speak")
    def health() -> Health:
        can_speak = speaks()
        return Health(
            status="healthy" if can_speak else "degraded",
            version=__version__,
            sovits_available=can_speak,
            uptime_seconds=round(clock() - begun, 3),
        )

    away = PLAIN.raises(StoreFailed)

    @router.get("/ready", summary="Whether the server can take work: its job store answers", responses=away)
    def ready() -> Readiness:
        return Readiness(status="ready", queued=house.studio.count(Status.QUEUED))

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        dependencies=[Depends(house.guard.needs("make"))],
        response_class=PlainTextResponse,
    )
    def metrics() -> Response:
        return Response(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
