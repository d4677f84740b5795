"""What the server tells of itself: a line per request, figures for Prometheus, an id by which a request is found."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from myna.studio import Status, Studio

_log = logging.getLogger("myna.requests")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BOUNDS_S = (0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0, 300.0)


class Figures:
    """Counters of one server process, and of the job store that all processes share."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("myna_requests_total", "Requests answered", labels, registry=self._registry)
        self.seconds = Histogram(
            "myna_request_seconds", "Time to the end of the answer", ("route",), buckets=_BOUNDS_S,
            registry=self._registry,
        )  # fmt: skip
        self._jobs = Gauge("myna_jobs", "Jobs in the store", ("status",), registry=self._registry)

    def text(self) -> bytes:
        """All figures, as Prometheus reads them."""
        for status in Status:
            self._jobs.labels(status.value).set(self._studio.count(status))
        return generate_latest(self._registry)


class Observed:
    """ASGI middleware: counts and logs every request, and gives it an id (its ``X-Request-Id`` where it has one)."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app, self._figures = app, figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["request_id"] = _request_id(scope)
        begun, status = time.monotonic(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._note(scope, status, time.monotonic() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's pattern, never the path: an address that somebody guesses must not become a figure of its own.
        route = getattr(scope.get("route"), "path", "-")
        self._figures.requests.labels(scope["method"], route, str(status)).inc()
        self._figures.seconds.labels(route).observe(seconds)
        about = {"id": scope["request_id"], "method": scope["method"], "path": scope["path"], "status": status}
        _log.info("%s", json.dumps(about | {"ms": round(seconds * 1000, 1)}, ensure_ascii=False))


def _request_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
    return given if _ID.fullmatch(given) else secrets.token_hex(8)


class JsonLines(logging.Formatter):
    """Log records as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        message = record.getMessage()
        about: dict[str, Any] = {"time": self.formatTime(record), "level": record.levelname, "from": record.name}
        about |= json.loads(message) if record.name == _log.name else {"message": message}
        if record.exc_info:
            about["traceback"] = self.formatException(record.exc_info)
        return json.dumps(about, ensure_ascii=False)
