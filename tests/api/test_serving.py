"""Where the server listens."""

from __future__ import annotations

import asyncio
import socket

from myna.api.serving import Listener
from tests.api.conftest import Make


def test_small_answers_are_sent_at_once(serve: Make) -> None:
    listener = Listener(serve({}).app, "127.0.0.1", 0)

    async def has_no_delay() -> bool:
        found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line = writer.get_extra_info("socket")
            found.set_result(bool(line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(accept, sock=listener.socket):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            await reader.read()
            writer.close()
            await writer.wait_closed()
        return await found

    assert asyncio.run(has_no_delay())
