"""A dialect: how one family of clients is answered when something goes wrong, and how much it may send.

`routes` makes a router whose every route keeps to its dialect: whatever is raised below becomes the dialect's reply
here, at the border. Nothing above it needs to know whose format that is.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from myna.api.problems import Problem, bug, problem_of
from myna.core.errors import LimitExceeded, MynaError

_log = logging.getLogger(__name__)
_MIB = 2**20


@dataclass(frozen=True)
class Dialect:
    """One family of clients. ``reply`` makes the answer to a failed request."""

    name: str
    reply: Callable[[Problem], Response]
    max_body_bytes: int = 64 * _MIB


def routes(dialect: Dialect, **options: Any) -> APIRouter:
    """A router whose routes answer in ``dialect``; ``options`` are FastAPI's."""

    class Route(APIRoute):
        """A route that answers errors in its dialect."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                async def work() -> Response:
                    return await handle(_limited(request, dialect.max_body_bytes))

                return await answered(dialect, request, work())

            return answer

    return APIRouter(route_class=Route, tags=[dialect.name], **options)


async def answered(dialect: Dialect, request: Request, work: Awaitable[Response]) -> Response:
    """What ``work`` answers, or the dialect's reply to what it raises."""
    try:
        return await work
    except (MynaError, RequestValidationError, HTTPException) as error:
        return dialect.reply(problem_of(error))
    except Exception:
        request_id = str(request.scope.get("request_id", "-"))
        _log.exception("request %s: %s %s", request_id, request.method, request.url.path)
        return dialect.reply(bug(request_id))


def _limited(request: Request, most: int) -> Request:
    """The request, of which no more than ``most`` bytes can be read."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise _too_large(most)
    return Request(request.scope, _counted(request.receive, most))


def _counted(receive: Receive, most: int) -> Receive:
    num_bytes = 0

    async def read() -> Message:
        nonlocal num_bytes
        message = await receive()
        num_bytes += len(message.get("body", b""))
        if num_bytes > most:
            raise _too_large(most)
        return message

    return read


def _too_large(most: int) -> LimitExceeded:
    size = f"{most / _MIB:.0f} MiB" if most >= _MIB else f"{most} bytes"
    return LimitExceeded(f"the request is larger than {size}, the most that is taken here")
