"""Runs apps on their ports until somebody says stop, and beside them whatever else belongs to a server."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp

from myna.api.observed import JsonLines
from myna.core.errors import WorkspaceError

Runnable = Callable[[threading.Event], None]
"""Works until the event is set, in a thread of its own."""

_GRACE_S = 30


@dataclass
class Listener:
    """An app and where it listens; ``port`` 0 is any that is free."""

    app: ASGIApp
    host: str
    port: int
    socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # With TCP named, asyncio sends small answers at once; else each waits 40 ms for an acknowledgement.
        self.socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind((self.host, self.port))
        except OSError as error:
            self.socket.close()
            place = f"{self.host}:{self.port}"
            raise WorkspaceError(
                f"cannot listen on {place}: {error.strerror}; choose another --port, or end what is there"
            ) from None
        self.port = self.socket.getsockname()[1]

    @property
    def address(self) -> str:
        """What clients call it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@dataclass
class Server:
    """Listeners and what runs beside them. It ends on SIGINT or SIGTERM: requests in hand are answered first."""

    listeners: Sequence[Listener] = ()
    beside: Sequence[Runnable] = ()
    log_level: str = "INFO"
    wants_restart: bool = field(default=False, init=False)

    def control(self, command: str) -> None:
        """End the server as a signal would; ``restart`` starts the same command again when it has ended."""
        self.wants_restart = command == "restart"
        signal.raise_signal(signal.SIGTERM)

    @property
    def addresses(self) -> list[str]:
        """Where it listens."""
        return [listener.address for listener in self.listeners]

    def run(self) -> None:
        """Serve until told to stop."""
        log_lines(self.log_level)
        stop = threading.Event()
        threads = [threading.Thread(target=each, args=(stop,), daemon=True) for each in self.beside]
        for thread in threads:
            thread.start()
        try:
            asyncio.run(self._serve())
        finally:
            stop.set()
            for thread in threads:
                thread.join(_GRACE_S)

    async def _serve(self) -> None:
        servers = [_uvicorn(listener.app) for listener in self.listeners]
        serving = [
            asyncio.create_task(server.serve([listener.socket]))
            for server, listener in zip(servers, self.listeners, strict=True)
        ]
        # The signal reaches one of them; when it ends, so do the others.
        await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving)


def _uvicorn(app: ASGIApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=_GRACE_S, server_header=False
    )
    return uvicorn.Server(config)


def log_lines(level: str) -> None:
    """Log to standard error as JSON lines."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[out], force=True)
