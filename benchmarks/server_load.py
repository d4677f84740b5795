"""The clients of `server.py`: a process of their own, so that what they cost is known and is not the server's.

Reads one plan as JSON from standard input and writes what happened as JSON: of every request its name, milliseconds and
status, and the processor seconds that this process itself took. HTTP/1.1 by hand over connections that are kept: a
client library would take more of the machine than the server that is measured.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_TIMEOUT_S = 120.0


@dataclass
class Clients:
    """Several clients of one address that share the requests of a plan.

    ``requests`` are taken in turn: ``name``, ``head`` and ``body`` of each, ``port`` where it goes elsewhere, ``half``
    where the client hangs up after so many bytes more, though it has announced others. Until ``count`` are sent, or
    ``seconds`` have gone.
    ``rate`` is how many each second begin, whether those before are answered or not; 0: each client sends the next one
    as soon as the last is answered.
    """

    port: int
    clients: int
    requests: list[dict[str, Any]]
    count: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    keeps: str = ""
    """What of the replies comes back: their member of this name."""
    samples: list[tuple[str, float, int]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Send everything."""
        begun = time.perf_counter()
        turns = self._turns(begun)
        await asyncio.gather(*(self._client(turns) for _ in range(self.clients)))
        self.wall = time.perf_counter() - begun

    def _turns(self, begun: float) -> Iterator[tuple[dict[str, Any], float]]:
        number = 0
        while not self.count or number < self.count:
            due = begun + number / self.rate if self.rate else time.perf_counter()
            if self.seconds and due - begun > self.seconds:
                return
            yield self.requests[number % len(self.requests)], due
            number += 1

    async def _client(self, turns: Iterator[tuple[dict[str, Any], float]]) -> None:
        lines: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        for request, due in turns:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            begun = time.perf_counter() if not self.rate else due
            port = request.get("port") or self.port
            if port not in lines or lines[port][0].at_eof():  # a server hangs up on who is silent for seconds
                lines[port] = await asyncio.open_connection("127.0.0.1", port)
            reader, writer = lines[port]
            writer.write(request["head"].encode() + request["body"].encode() + bytes(request.get("half", 0)))
            if request.get("half"):
                await writer.drain()
                writer.close()
                del lines[port]
                self.samples.append((request["name"], 0.0, 0))
                continue
            status, body, stays = await asyncio.wait_for(_reply(reader), _TIMEOUT_S)
            self.samples.append((request["name"], 1000 * (time.perf_counter() - begun), status))
            if self.keeps and status < 300:
                self.kept.append(json.loads(body)[self.keeps])
            if not stays:
                writer.close()
                del lines[port]
        for _, writer in lines.values():
            writer.close()


async def _reply(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    """Status and body, and whether the connection may be used again."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    if fields.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(fields.get("content-length", 0)))
    return int(head.split(" ", 2)[1]), body, fields.get("connection") != "close"


def main() -> None:
    """Do what the plan says."""
    clients = Clients(**json.loads(sys.stdin.readline()))
    before = resource.getrusage(resource.RUSAGE_SELF)
    asyncio.run(clients.run())
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = {"samples": clients.samples, "kept": clients.kept, "wall_s": clients.wall, "cpu_s": spent}
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
