"""The peer of `server.py`: a bare Starlette app over a bare driver, under the same uvicorn, that keeps the same rows.

``python plain_server.py DATABASE`` (a SQLite file, or a PostgreSQL URL) answers ``GET /health`` and takes jobs by
``POST /jobs``: one INSERT of the body, committed to the disk before it is answered. It knows no keys, checks nothing,
logs nothing and limits nothing: what it takes is what taking a row over HTTP costs anybody.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_TABLE = "CREATE TABLE IF NOT EXISTS plain_jobs (id VARCHAR(32) PRIMARY KEY, payload TEXT, created_at FLOAT)"
_INSERT = "INSERT INTO plain_jobs VALUES ({0}, {0}, {0})"
_own = threading.local()
_writing = threading.Lock()


def sqlite_insert(path: str) -> Callable[[tuple[object, ...]], None]:
    """Takes a row into a SQLite file, safe from a power cut; one thread at a time, as only one may write."""

    def insert(row: tuple[object, ...]) -> None:
        if not hasattr(_own, "connection"):
            _own.connection = sqlite3.connect(path, isolation_level=None)
            _own.connection.execute("PRAGMA journal_mode = WAL")
            _own.connection.execute("PRAGMA synchronous = FULL")
        with _writing:
            _own.connection.execute(_INSERT.format("?"), row)

    with sqlite3.connect(path) as connection:
        connection.execute(_TABLE)
    return insert


def postgres_insert(url: str) -> Callable[[tuple[object, ...]], None]:
    """Takes a row into PostgreSQL; a connection for each thread."""
    import psycopg

    address = url.replace("postgresql+psycopg://", "postgresql://")

    def insert(row: tuple[object, ...]) -> None:
        if not hasattr(_own, "connection"):
            _own.connection = psycopg.connect(address, autocommit=True)
        _own.connection.execute(_INSERT.format("%s"), row)

    with psycopg.connect(address) as connection:
        connection.execute(_TABLE)
    return insert


def app(database: str) -> Starlette:
    """Both routes."""
    insert = postgres_insert(database) if database.startswith("postgresql") else sqlite_insert(database)

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "healthy"})

    async def submit(request: Request) -> Response:
        order = await request.json()
        row = uuid.uuid4().hex, json.dumps(order), time.time()
        await run_in_threadpool(insert, row)
        return JSONResponse({"id": row[0], "status": "queued"}, 202)

    return Starlette(routes=[Route("/health", health), Route("/jobs", submit, methods=["POST"])])


def main() -> None:
    """Serve on any free port, which is told first."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app(sys.argv[1]), log_config=None, access_log=False, server_header=False)
    asyncio.run(uvicorn.Server(config).serve([listener]))


if __name__ == "__main__":
    main()
