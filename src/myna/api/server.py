"""Puts the doors into one app. To add a dialect: a file beside this one, and a row in `DOORS`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException

from myna import __version__
from myna.amqp.orders import Orders
from myna.amqp.requests import QueueRequest
from myna.api import cover, health, jobs, openai, queue, root, voice, voices
from myna.api.access import Guard
from myna.api.described import Described
from myna.api.door import Door, House
from myna.api.observed import Figures, Observed
from myna.api.problems import problem_of
from myna.api.serving import Runnable, running
from myna.api.stage import Stage
from myna.api.tasks import routes as tasks
from myna.api.tts import legacy, official, subtitles
from myna.core.errors import MynaError, NotConfigured, UnknownChoice
from myna.core.settings import Settings
from myna.studio import Studio

DOORS: Mapping[str, Door] = MappingProxyType(
    {
        "api_v2": official.door,
        "tasks": tasks.door,
        "queue": queue.door,
        "openai": openai.door,
        "voice": voice.door,
        "covers": cover.door,
        "jobs": jobs.door,
        "voices": voices.door,
        "api": legacy.door,
        "subtitles": subtitles.door,
    }
)
"""Every dialect by its name."""

_ROOT = "api"
"""The one that answers ``/`` itself."""

_ABOUT = "Clones voices: recordings of a person to a trained voice, text to speech in that voice."


def _keep_running(_command: str) -> None:
    """The app does not know who runs it."""
    raise NotConfigured("whoever runs this server did not say how to end it")


def build_app(
    studio: Studio,
    settings: Settings,
    *,
    doors: Mapping[str, Door] | None = None,
    speaks: Callable[[], bool] = lambda: True,
    order: Callable[[str, QueueRequest], object] | None = None,
    control: Callable[[str], None] | None = None,
    beside: Sequence[Runnable] = (),
) -> FastAPI:
    """The app over ``studio``; ``speaks`` tells whether speech can be made now, ``control`` ends the server.

    ``doors`` are those that the settings choose, where none are given. Raises `UnknownChoice` for one that is none.
    ``order`` takes requests of the queue service in; by default they become jobs at once. ``beside`` runs while the app
    does.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with running(beside):
            yield

    app = Described(title="Myna", version=__version__, description=_ABOUT, lifespan=lifespan)
    stage = Stage(studio, settings.max_speaking, settings.max_waiting_to_speak)
    house = House(
        studio,
        settings,
        Guard(studio, settings),
        stage,
        order or Orders(studio, settings).take,
        speaks,
        control or _keep_running,
    )
    figures = Figures(studio)
    app.include_router(health.door(house, figures, speaks))
    served = chosen_doors(settings.doors) if doors is None else doors
    for door in served.values():
        app.include_router(door(house))
    if _ROOT not in served:
        app.include_router(root.door())
    _surround(app, settings, figures)
    return app


def _surround(app: FastAPI, settings: Settings, figures: Figures) -> None:
    """What belongs to no door: replies to what no route takes, pages of other sites, figures."""
    app.add_exception_handler(HTTPException, _lost)
    app.add_exception_handler(MynaError, _lost)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(settings.cors_origins),
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["X-Request-Id", "X-Audio-Duration", "Content-Disposition", "Retry-After"],
    )
    app.add_middleware(Observed, figures=figures)


def chosen_doors(names: Sequence[str]) -> Mapping[str, Door]:
    """The doors of these names, all where there are none; raises `UnknownChoice`."""
    for name in names:
        if name not in DOORS:
            raise UnknownChoice("door", name, DOORS)
    return {name: door for name, door in DOORS.items() if name in names} if names else DOORS


async def _lost(_request: Request, error: Exception) -> Response:
    """The reply to what no route takes."""
    if not isinstance(error, HTTPException | MynaError):
        raise error
    return health.plain_reply(problem_of(error))
