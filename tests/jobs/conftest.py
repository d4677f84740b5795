"""Job stores for tests: SQLite always, and a real PostgreSQL server of the tests' own where one is installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(places[-1]) if places else shutil.which(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL, without a database's name, of a server that lives as long as the tests."""
    initdb, postgres, ready = _program("initdb"), _program("postgres"), _program("pg_isready")
    if initdb is None or postgres is None or ready is None:
        pytest.skip("PostgreSQL is not installed")
    pytest.importorskip("psycopg", reason="the extra cluster is not installed")
    user = "postgres" if os.getuid() == 0 else None  # the server refuses to be root
    folder = Path(tempfile.mkdtemp(prefix="myna-postgres-"))
    if user is not None:
        shutil.chown(folder, user)
    port, data = free_port(), str(folder / "data")
    first = [initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(first, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL, env={"PATH": os.defpath})
    options = ["-p", str(port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
    log = (folder / "log").open("wb")
    server = subprocess.Popen([postgres, "-D", data, *options], user=user, cwd=folder, stdout=log, stderr=log)
    try:
        for _ in range(300):
            if (
                subprocess.run([ready, "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"], check=False).returncode
                == 0
            ):
                break
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: its data is thrown away, its clients may have been killed
        server.wait(20)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh job store, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'jobs.sqlite'}"
    server = request.getfixturevalue("postgres_server")
    name = f"jobs_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}/{name}"
