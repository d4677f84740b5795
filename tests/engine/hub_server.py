"""A model hub on this machine: it answers as Hugging Face and ModelScope do, and breaks when it is told to."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


@dataclass
class Hub:
    """What the hub has and how it behaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    """By the path in the repository, whatever the repository."""
    break_after: list[int] = field(default_factory=list)
    """The next transfers end after so many bytes each."""
    refusals: list[int] = field(default_factory=list)
    """The next transfers are answered with these statuses."""
    knows_ranges: bool = True
    told: bool = True
    """Whether sizes and checksums are told before the transfer."""
    spoiled: bytes = b""
    """What is sent in place of every file, under the true checksum."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Requests so far: method, path, range."""
    address: str = ""

    @property
    def transfers(self) -> list[str]:
        """Ranges of the transfers so far; empty for whole files."""
        return [span for method, _, span in self.asked if method == "GET"]


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve ``hub`` on a free port of this machine while the body runs."""

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        """What Hugging Face tells of a large file: where it lies, its size, and its SHA-256 as etag."""
        data = self._data()
        self.hub.asked.append(("HEAD", self.path, ""))
        if data is None:
            self._end(404, {"X-Error-Code": "EntryNotFound"})
            return
        etag = hashlib.sha256(data).hexdigest()
        told = {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(data))} if self.hub.told else {"ETag": '"x"'}
        # Another host, as the hub's own is: redirects within one are followed at once.
        store = self.hub.address.replace("127.0.0.1", "localhost")
        self._end(302, {"Location": f"{store}/cdn{self.path}", "X-Repo-Commit": "0" * 40, **told})

    def do_GET(self) -> None:
        """The bytes, or those of a range."""
        span = self.headers.get("Range", "")
        self.hub.asked.append(("GET", self.path, span))
        data = self._data()
        if data is None:
            self._end(404)
            return
        if self.hub.refusals:
            self._end(self.hub.refusals.pop(0))
            return
        data = self.hub.spoiled or data
        start = int(span.removeprefix("bytes=").rstrip("-")) if span and self.hub.knows_ranges else 0
        if start >= len(data) > 0:
            self._end(416, {"Content-Range": f"bytes */{len(data)}"})
            return
        about = {"Content-Length": str(len(data) - start)}
        if span and self.hub.knows_ranges:
            about["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._head(206 if start else 200, about)
        end = start + self.hub.break_after.pop(0) if self.hub.break_after else None
        self.wfile.write(data[start:end])
        self.close_connection = True

    def _data(self) -> bytes | None:
        path = re.sub(r"^.*?/resolve/[^/]+/", "", unquote(self.path))
        return self.hub.files.get(path)

    def _head(self, status: int, about: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in about.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def _end(self, status: int, about: dict[str, str] | None = None) -> None:
        self._head(status, {"Content-Length": "0", **(about or {})})
        self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""
