"""The processes that `server.py` starts: a server, its peer, a PostgreSQL of its own, and the clients."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_TICKS = os.sysconf("SC_CLK_TCK")
_START_S = 120


def machine() -> str:
    """The processor, and how many cores this process may use."""
    told = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"{cores} cores of {told[1] if told else platform.machine()}, load {load:.1f} at the start"


@dataclass
class Served:
    """A server that runs: where it listens, what it has used."""

    process: subprocess.Popen[str]
    port: int

    @property
    def cpu_s(self) -> float:
        """Processor seconds of this process alone, without its children."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def rss_kib(self) -> int:
        """Memory that this process holds now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        return int(found[1]) if found else 0

    @property
    def num_threads(self) -> int:
        """Threads of this process."""
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))


@contextmanager
def served(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Served]:
    """Run ``command``, which tells first where it listens; killed at the end, as by a power cut."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **environment}
        )
        try:
            told = process.stdout.readline() if process.stdout else ""
            found = re.search(r"http://[^:]+:(\d+)", told)
            if found is None:
                raise SystemExit(f"{command} did not start; see {log}")
            server = Served(process, int(found[1]))
            _await(server.port)
            yield server
        finally:
            process.kill()
            process.wait()


def ours(home: Path, *, workers: int = 0, **settings: object) -> Any:
    """`myna serve` over ``home``."""
    environment = {f"MYNA_{name.upper()}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "myna.cli", "serve", "--port", "0", "--workers", str(workers)]
    return served(command, {"MYNA_HOME": str(home), **environment}, home.parent / f"{home.name}.log")


def plain(database: str, folder: Path) -> Any:
    """`plain_server.py` over ``database``."""
    return served([sys.executable, str(HERE / "plain_server.py"), database], {}, folder / "plain.log")


def _await(port: int) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL of this run's own, as it comes: every commit is on the disk before it is answered."""
    initdb, program = (_postgres_program(name) for name in ("initdb", "postgres"))
    user = "postgres" if os.getuid() == 0 else None  # it refuses to be root
    place = folder / "postgres"
    place.mkdir()
    if user is not None:
        for parent in (folder, *folder.parents[:-1]):
            if not parent.stat().st_mode & 1:
                parent.chmod(parent.stat().st_mode | 0o011)
        shutil.chown(place, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    first = [initdb, "-D", str(place / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
    subprocess.run(first, user=user, cwd=place, check=True, stdout=subprocess.DEVNULL)
    options = ["-p", str(port), "-h", "127.0.0.1", "-k", ""]
    with (folder / "postgres.log").open("wb") as log:
        server = subprocess.Popen(
            [program, "-D", str(place / "data"), *options], user=user, cwd=place, stdout=log, stderr=log
        )
        try:
            _await(port)
            time.sleep(1.0)  # it listens a little before it answers
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # with SIGTERM it would wait for its clients
            server.wait(60)


def _postgres_program(name: str) -> str:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(places[-1]) if places else shutil.which(name)
    if found is None:
        raise SystemExit("PostgreSQL is not installed; measure SQLite alone with --only sqlite")
    return found


@dataclass
class Load:
    """Clients at work: a process of `server_load.py`."""

    process: subprocess.Popen[str]

    def result(self) -> dict[str, Any]:
        """What happened, once all is sent."""
        said, _ = self.process.communicate()
        if self.process.returncode:
            raise SystemExit("the clients failed")
        result: dict[str, Any] = json.loads(said)
        return result


def load(port: int, requests: Sequence[Mapping[str, Any]], clients: int, **plan: Any) -> Load:
    """Start clients that send ``requests`` in turn; ``plan`` as `server_load.Clients`."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "server_load.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    values = {"port": port, "clients": clients, "requests": list(requests), **plan}
    process.stdin.write(json.dumps(values) + "\n")
    process.stdin.flush()
    return Load(process)


def request(
    name: str, method: str, path: str, body: str = "", kind: str = "application/json", **more: Any
) -> dict[str, Any]:
    """One request of a plan."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    if body:
        head += f"Content-Type: {kind}\r\nContent-Length: {more.pop('length', len(body.encode()))}\r\n"
    return {"name": name, "head": head + "\r\n", "body": body, **more}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` per cent of ``values`` do not exceed; the largest for 100."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share / 100), len(ordered) - 1)]


def tell(server: Served, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One request, and what it says."""
    data = json.dumps(body).encode() if body is not None else None
    ask = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}", data, {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(ask, timeout=600) as reply:
        said = reply.read()
    return json.loads(said) if reply.headers["Content-Type"] == "application/json" else {}
