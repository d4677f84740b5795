"""A dialect: how one family of clients is answered when something goes wrong, and how much it may send.

`routes` makes a router whose every route keeps to its dialect: whatever is raised below becomes the dialect's reply
here, at the border. Nothing above it needs to know whose format that is. Who may not come in is told so before the body
is read. What a route may answer stands in the OpenAPI by the same replies, so that neither can say otherwise.
"""

from __future__ import annotations

import copy
import http
import json
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from myna.api.access import Needs
from myna.api.problems import WRONG_FORM, Problem, bug, example_of, problem_of
from myna.core.errors import Forbidden, LimitExceeded, MynaError, StoreFailed, TooBusy, Unauthorized

_log = logging.getLogger(__name__)
_MIB = 2**20
_JSON = "application/json"
_RANGE = re.compile(rb"bytes=(?=[0-9-]{2})([0-9]{0,18})-([0-9]{0,18})")
REFERENCE = "#/components/schemas/{model}"
SECURITY = ("X-API-Key", "Bearer")
"""The two ways of showing a key, as OpenAPI calls them."""


@dataclass(frozen=True)
class Dialect:
    """One family of clients.

    Attributes:
        reply: makes the answer to a failed request.
        error: the type of what it answers, as JSON.
        form_error: the same of status 422, where that is another.
    """

    name: str
    reply: Callable[[Problem], Response]
    max_body_bytes: int = 64 * _MIB
    error: Any = dict[str, Any]
    form_error: Any = None

    def raises(self, *kinds: type[MynaError]) -> dict[int | str, dict[str, Any]]:
        """How OpenAPI tells of the replies to errors of these classes."""
        return self._told(*(example_of(kind) for kind in kinds))

    def always_raises(self, *, is_guarded: bool, has_form: bool) -> dict[int | str, dict[str, Any]]:
        """How OpenAPI tells of what any route may answer, one that wants a key, and one with parameters or a body."""
        guarding = (Unauthorized, Forbidden, TooBusy, StoreFailed) if is_guarded else ()
        problems = [example_of(kind) for kind in (*guarding, LimitExceeded)] + [bug("3f2a9c0d1e4b5a67")]
        return self._told(*problems, *((WRONG_FORM,) if has_form else ()))

    def _told(self, *problems: Problem) -> dict[int | str, dict[str, Any]]:
        told: dict[int | str, dict[str, Any]] = {}
        for problem in problems:
            answer = self.reply(problem)
            status, body = answer.status_code, json.loads(bytes(answer.body))
            form = self.form_error if status == 422 and self.form_error is not None else self.error
            schema = TypeAdapter(form).json_schema(ref_template=REFERENCE)
            content = {"schema": schema, "examples": {problem.kind: {"value": body}}}
            _add(told, status, {"description": http.HTTPStatus(status).phrase, "content": {_JSON: content}})
            if "retry-after" in answer.headers:
                told[status]["headers"] = {"Retry-After": {"description": "seconds", "schema": {"type": "string"}}}
        return told


def _add(told: dict[int | str, dict[str, Any]], status: int | str, response: dict[str, Any]) -> None:
    """Add the examples of ``response`` to what is told of its status."""
    if told.setdefault(status, response) is not response and _JSON in told[status].get("content", {}):
        content, added = told[status]["content"][_JSON], response["content"][_JSON]
        content["examples"] = {**added["examples"], **content.get("examples", {})}


def routes(dialect: Dialect, **options: Any) -> APIRouter:
    """A router whose routes answer in ``dialect``; ``options`` are FastAPI's."""

    class Route(APIRoute):
        """A route that answers errors in its dialect."""

        def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
            super().__init__(path, endpoint, **options)
            self.needs = list(_needs(self.dependant))
            self.responses = copy.deepcopy(self.responses)
            extra = self.openapi_extra = dict(self.openapi_extra or {})
            has_form = bool(self.dependant.path_params or self.dependant.query_params or self.body_field or extra)
            for status, response in dialect.always_raises(is_guarded=bool(self.needs), has_form=has_form).items():
                _add(self.responses, status, response)
            if self.needs:
                extra["security"] = [{scheme: [needs.scope for needs in self.needs]} for scheme in SECURITY]

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                async def work() -> Response:
                    for needs in self.needs:
                        await needs(request)
                    return await handle(_limited(request, dialect.max_body_bytes))

                return await answered(dialect, request, work())

            return answer

    return APIRouter(route_class=Route, tags=[dialect.name], **options)


def _needs(dependant: Dependant) -> Iterator[Needs]:
    """What has to be allowed."""
    for part in dependant.dependencies:
        if isinstance(part.call, Needs):
            yield part.call
        yield from _needs(part)


async def answered(dialect: Dialect, request: Request, work: Awaitable[Response]) -> Response:
    """What ``work`` answers, or the dialect's reply to what it raises."""
    try:
        return await work
    except (MynaError, RequestValidationError, HTTPException, ClientDisconnect) as error:
        return dialect.reply(problem_of(error))
    except Exception:
        request_id = str(request.scope.get("request_id", "-"))
        _log.exception("request %s: %s %s", request_id, request.method, request.url.path)
        return dialect.reply(bug(request_id))


def _limited(request: Request, most: int) -> Request:
    """The request, of which no more than ``most`` bytes can be read."""
    _forget_odd_ranges(request.scope)
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise _too_large(most)
    return Request(request.scope, _counted(request.receive, most))


def _forget_odd_ranges(scope: Scope) -> None:
    """Take away a ``Range`` that is not one plain range of bytes: whoever asks oddly gets all, as HTTP has it."""
    wanted = next((value for name, value in scope["headers"] if name == b"range"), b"")
    found = _RANGE.fullmatch(wanted)
    if wanted and (found is None or (found[1] and found[2] and int(found[1]) >= int(found[2]))):
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"range"]


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
