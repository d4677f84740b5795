"""An app on a port of this machine, for what only a real connection shows."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from myna.api.serving import Listener


@contextmanager
def listening(app: ASGIApp) -> Iterator[Listener]:
    """The app, served until the block ends."""
    listener = Listener(app, "127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener.socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield listener
    finally:
        server.should_exit = True
        thread.join(10)


def connected(listener: Listener) -> socket.socket:
    """A connection to it, on which nothing waits for ever."""
    return socket.create_connection(("127.0.0.1", listener.port), timeout=10)


def head(path: str, *lines: str) -> bytes:
    """The head of a POST of JSON in parts."""
    common = ("Host: localhost", "Content-Type: application/json", "Transfer-Encoding: chunked")
    return "\r\n".join((f"POST {path} HTTP/1.1", *common, *lines, "", "")).encode()


def part(data: bytes) -> bytes:
    """One part of such a body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer_of(connection: socket.socket) -> bytes:
    """What the server says, up to the end of its first words."""
    said = b""
    while b"\r\n\r\n" not in said:
        more = connection.recv(65536)
        if not more:
            break
        said += more
    return said
