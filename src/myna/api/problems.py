"""What went wrong, before a dialect puts it into its own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from myna.core.errors import (
    BadInput,
    CallerError,
    Cancelled,
    Conflict,
    Forbidden,
    LimitExceeded,
    MynaError,
    NotConfigured,
    NotFound,
    PeerFailed,
    PeerTimedOut,
    StoreFailed,
    TooBusy,
    Unauthorized,
)
from myna.core.workspace import disk_error

_STATUSES: tuple[tuple[type[MynaError], int], ...] = (
    (Unauthorized, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (LimitExceeded, 413),
    (TooBusy, 429),
    (CallerError, 400),
    (PeerTimedOut, 504),
    (PeerFailed, 502),
    (NotConfigured, 503),
    (StoreFailed, 503),
    (Cancelled, 503),
    (MynaError, 500),
)
"""The first row that fits decides, so narrower classes stand first."""

SPEAKING = (BadInput, NotFound, TooBusy, NotConfigured, PeerFailed, PeerTimedOut)
"""What may be wrong where something is to be said."""


@dataclass(frozen=True)
class Problem:
    """One failed request.

    Attributes:
        status: of HTTP.
        kind: stable word for programs, as `MynaError.kind`.
        message: one line for people.
        fields: what was wrong where, as FastAPI lists it; for requests of the wrong form.
    """

    status: int
    kind: str
    message: str
    fields: tuple[Mapping[str, Any], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class FieldFault(BaseModel):
    """What was wrong where."""

    type: str
    loc: list[str | int]
    msg: str


class FormFailure(BaseModel):
    """What FastAPI's clients are told of a request of the wrong form."""

    detail: list[FieldFault]


WRONG_FORM = Problem(
    422,
    "validation_error",
    "name: Field required",
    ({"type": "missing", "loc": ["body", "name"], "msg": "Field required"},),
)
"""What a request of the wrong form may be told."""


def problem_of(error: MynaError | RequestValidationError | HTTPException | ClientDisconnect) -> Problem:
    """The problem that ``error`` tells of."""
    if isinstance(error, RequestValidationError):
        return _of_form(error)
    if isinstance(error, ClientDisconnect):
        return _unreadable("the body ended before it was whole")
    if isinstance(error, HTTPException):
        return _of_framework(error)
    headers = {"Retry-After": str(max(round(error.retry_after_s), 1))} if isinstance(error, TooBusy) else {}
    return Problem(_status(type(error)), error.kind, " ".join(str(error).splitlines()), headers=headers)


def example_of(kind: type[MynaError]) -> Problem:
    """A problem as an error of this class makes it; its message says what the class is for."""
    message = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    headers = {"Retry-After": "5"} if issubclass(kind, TooBusy) else {}
    return Problem(_status(kind), kind.kind, message, headers=headers)


def _status(kind: type[MynaError]) -> int:
    return next(status for known, status in _STATUSES if issubclass(kind, known))


def bug(request_id: str) -> Problem:
    """Our own fault; the log tells more under ``request_id``."""
    return Problem(500, "internal_error", f"an error of the server; its log has it under {request_id}")


def _of_framework(error: HTTPException) -> Problem:
    """What FastAPI raises itself: while it reads a body, mostly, where it hides what we raise."""
    cause = error.__cause__
    if isinstance(cause, OSError):  # an upload is written to the disk while it is read
        cause = disk_error("the upload", cause)
    if isinstance(cause, MynaError):
        return problem_of(cause)
    if error.status_code == 400:
        return _unreadable(str(error.detail))
    return Problem(error.status_code, "http", str(error.detail), headers=dict(error.headers or {}))


def _unreadable(message: str) -> Problem:
    return Problem(422, "validation_error", message, ({"type": "unreadable", "loc": ["body"], "msg": message},))


def _of_form(error: RequestValidationError) -> Problem:
    """A request whose fields are not as they must be."""
    fields = tuple(
        {key: value for key, value in item.items() if key in ("type", "loc", "msg")} for item in error.errors()
    )
    told = "; ".join(f"{_place(item['loc'])}{item['msg']}" for item in fields)
    return Problem(422, "validation_error", told or "the request has the wrong form", fields)


def _place(loc: tuple[Any, ...]) -> str:
    """Where, without the part of the request it was in."""
    names = ".".join(str(part) for part in loc[1:])
    return f"{names}: " if names else ""
