"""Runs apps on their ports until somebody says stop, and beside them whatever else belongs to a server."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from myna.api.observed import JsonLines
from myna.core.errors import WorkspaceError
from myna.core.workspace import disk_errors, make_folder

Runnable = Callable[[threading.Event], None]
"""Works until the event is set, in a thread of its own."""

_GRACE_S = 30
_HEALTHY_S = 120
"""How long a process may be silent, as one that loads nets on a busy machine is, before it is taken for dead."""
_ELECTION_S = 1.0


@dataclass
class Listener:
    """An app and where it listens; ``port`` 0 is any that is free. Without an app, others answer there."""

    app: ASGIApp | None
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
        with running(self.beside):
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        servers = [uvicorn.Server(_config(listener.app)) for listener in self.listeners]
        serving = [
            asyncio.create_task(server.serve([listener.socket]))
            for server, listener in zip(servers, self.listeners, strict=True)
        ]
        # The signal reaches one of them; when it ends, so do the others.
        await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving)


@dataclass
class Processes:
    """Several processes that answer on the same ports; what runs beside them runs once, in this one.

    ``make`` makes the app of each, and is sent there: a function of a module, with arguments that can be pickled. One
    that dies is replaced. SIGHUP replaces them one after the other, without a gap.
    """

    make: Callable[[], ASGIApp]
    number: int
    listeners: Sequence[Listener] = ()
    beside: Sequence[Runnable] = ()
    log_level: str = "INFO"

    wants_restart = False

    @property
    def addresses(self) -> list[str]:
        """Where they listen."""
        return [listener.address for listener in self.listeners]

    def run(self) -> None:
        """Serve until told to stop."""
        log_lines(self.log_level)
        config = _config(self.make, factory=True, workers=self.number)
        for listener in self.listeners:
            listener.socket.set_inheritable(True)
        with running(self.beside):
            Multiprocess(config, [listener.socket for listener in self.listeners]).run()


def control_parent(command: str) -> None:
    """End all processes of a server from within one of them, or with ``restart`` replace them."""
    os.kill(os.getppid(), signal.SIGHUP if command == "restart" else signal.SIGTERM)


def end_with_parent() -> None:
    """End this process when the one that has started it dies: nobody would end it any more."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def running(beside: Sequence[Runnable]) -> Iterator[None]:
    """Run each of ``beside`` in a thread meanwhile."""
    stop = threading.Event()
    threads = [threading.Thread(target=each, args=(stop,), daemon=True) for each in beside]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(_GRACE_S)


@dataclass
class Elected:
    """Runs what is to run once, in one of several processes: whoever holds the lock, and the next when that dies."""

    lock: Path
    make: Callable[[], Sequence[Runnable]]

    def __call__(self, stop: threading.Event) -> None:
        """As `Runnable`."""
        make_folder(self.lock.parent)
        with disk_errors(self.lock), self.lock.open("a") as file:
            while not stop.is_set():
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    stop.wait(_ELECTION_S)
                    continue
                with running(self.make()):
                    stop.wait()


def _config(app: ASGIApp | Callable[[], ASGIApp] | None, *, factory: bool = False, workers: int = 1) -> uvicorn.Config:
    if app is None:
        raise ValueError("nobody answers here")
    return uvicorn.Config(
        app,
        factory=factory,
        workers=workers,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
        timeout_worker_healthcheck=_HEALTHY_S,
        server_header=False,
    )


def log_lines(level: str) -> None:
    """Log to standard error as JSON lines."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[out], force=True)
