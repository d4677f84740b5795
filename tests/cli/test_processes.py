"""Several server processes over one store, started in every way that there is."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

httpx = pytest.importorskip("httpx2", reason="the extra dev is not installed")
pytest.importorskip("fastapi", reason="the extra server is not installed")
pytestmark = pytest.mark.timeout(400)  # five interpreters start at once, maybe beside other tests
SOURCE = Path(__file__).parents[2] / "src"
NUMBER = 4
COMMANDS = {
    "serve": "myna serve --port {port} --processes {number} --workers 2",
    "uvicorn": "uvicorn --factory --workers {number} --port {port} --timeout-worker-healthcheck 60 "
    "myna.cli.asgi:make_app",
    "gunicorn": "gunicorn -w {number} -k uvicorn.workers.UvicornWorker --bind 127.0.0.1:{port} --timeout 7200 "
    "myna.cli.asgi:make_app()",
}


def wait_for(condition: Callable[[], bool], seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_voice(home: Path, name: str, seconds: float) -> None:
    folder = home / "voices" / name / "input_audio"
    folder.mkdir(parents=True)
    noise = np.random.default_rng(7).normal(0, 0.1, int(seconds * 32000)).astype(np.float32)
    soundfile.write(folder / "take.wav", noise, 32000, subtype="PCM_16")


@dataclass
class Told:
    """Hears webhooks."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        events = self.events

        class Hears(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Hears)
        self.address = f"http://127.0.0.1:{self.server.server_port}/told"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@dataclass
class Site:
    """A server of several processes."""

    home: Path
    how: str
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        name, *words = COMMANDS[self.how].format(port=self.port, number=NUMBER).split()
        environment = {
            "PATH": os.environ["PATH"], "MYNA_HOME": str(self.home), "MYNA_WEBHOOK_HOSTS": "127.0.0.1",
            "MYNA_WORKERS": "2", "MYNA_ALLOW_CONTROL": "true", "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        with (self.home / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).with_name(name)), *words],
                env=environment, cwd=self.home, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            wait_for(lambda: len(self.processes) == NUMBER and all(map(self._answers, self.processes)))
        except BaseException:
            self.end()
            raise

    @property
    def processes(self) -> list[int]:
        """Those that hold the port, without the one that has started them."""
        inodes = {
            line.split()[9]
            for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
            if line.split()[1].endswith(f":{self.port:04X}") and line.split()[3] == "0A"
        }
        found = []
        for child in children(self.process.pid):
            with suppress(OSError):
                files = [str(file.readlink()) for file in Path(f"/proc/{child}/fd").iterdir()]
                if {f"socket:[{inode}]" for inode in inodes} & set(files):
                    found.append(child)
        return sorted(found)

    @contextmanager
    def only(self, pid: int) -> Iterator[None]:
        """Nobody else answers meanwhile."""
        others = [other for other in self.processes if other != pid]
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            yield
        finally:
            for other in others:
                with suppress(ProcessLookupError):
                    os.kill(other, signal.SIGCONT)

    def ask(self, method: str, path: str, *, of: int = 0, **more: Any) -> Any:
        """Ask any process, or the process ``of`` by a connection that it has taken."""
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60) as client:
            if of:
                with self.only(of):  # they are not stopped for longer: one may hold the database
                    assert client.get("/health").status_code == 200
            answer = client.request(method, path, **more)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def submit(self, voice: str, step: str = "convert_audio", *, of: int = 0, **more: Any) -> str:
        return str(self.ask("POST", "/api/v1/jobs", of=of, json={"step": step, "voice": voice, **more})["id"])

    def job(self, job_id: str, of: int = 0) -> dict[str, Any]:
        return dict(self.ask("GET", f"/api/v1/jobs/{job_id}", of=of))

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _answers(self, pid: int) -> bool:
        with self.only(pid), suppress(httpx.TransportError):
            return bool(httpx.get(f"http://127.0.0.1:{self.port}/health", timeout=1).status_code == 200)
        return False


def children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    return []


@pytest.fixture(params=list(COMMANDS))
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if not Path(sys.executable).with_name(request.param.replace("serve", "myna")).is_file():
        pytest.skip(f"{request.param} is not installed")
    site = Site(tmp_path, request.param)
    yield site
    site.end()


def test_all_processes_are_one_server(site: Site) -> None:
    told, pids = Told(), site.processes
    names = [f"voice{number}" for number in range(6)]
    for name in names:
        make_voice(site.home, name, 4)
    jobs = [site.submit(name, of=pids[number % NUMBER], notify=[told.address]) for number, name in enumerate(names)]
    for pid in pids:
        assert {job["id"] for job in site.ask("GET", "/api/v1/jobs", of=pid)} == set(jobs)
        assert [voice["name"] for voice in site.ask("GET", "/api/v1/voices", of=pid)] == names
    wait_for(lambda: all(site.job(job)["finished_at"] for job in jobs))
    assert [(site.job(job)["status"], site.job(job)["error"], site.job(job)["attempts"]) for job in jobs] == [
        ("completed", "", 1)
    ] * 6
    wait_for(lambda: len(told.events) >= len(jobs))
    cancelled = _cancelled_by_another(site, told)
    os.kill(site.processes[0], signal.SIGKILL)
    wait_for(lambda: len(site.processes) == NUMBER and pids[0] not in site.processes)
    assert site.job(jobs[0])["status"] == "completed"
    wait_for(lambda: len(told.events) > len(jobs))
    assert sorted(event["job_id"] for event in told.events) == sorted([*jobs, cancelled])


def _cancelled_by_another(site: Site, told: Told) -> str:
    """Submitted to one process, cancelled by the next, seen by the third."""
    make_voice(site.home, "long", 600)
    first, second, third, _ = site.processes
    parameters = {
        "source": str(site.home / "voices" / "long" / "input_audio"),
        "target": str(site.home / "cleaned"),
    }
    job = site.submit("long", "denoise_audio", of=first, parameters=parameters, notify=[told.address])
    wait_for(lambda: site.job(job)["status"] == "running")
    begun = time.monotonic()
    site.ask("POST", f"/api/v1/jobs/{job}/cancel", of=second)
    wait_for(lambda: site.job(job)["finished_at"])
    assert time.monotonic() - begun < 10  # five seconds, on a machine that has them
    assert site.job(job, of=third)["status"] == "cancelled"
    return job


@pytest.mark.parametrize("site", ["serve"], indirect=True)
def test_processes_end_with_the_one_that_started_them(site: Site) -> None:
    pids = site.processes
    site.process.kill()
    site.process.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}/fd/0").exists() for pid in pids), 20)


@pytest.mark.parametrize("site", ["serve"], indirect=True)
def test_control_replaces_all_processes_and_ends_them(site: Site) -> None:
    pids = site.processes
    site.ask("GET", "/control?command=restart")
    wait_for(lambda: len(site.processes) == NUMBER and not set(pids) & set(site.processes))
    site.ask("GET", "/control?command=exit")
    assert site.process.wait(60) == 0


@pytest.mark.parametrize("site", ["uvicorn"], indirect=True)
def test_when_the_process_that_does_jobs_is_killed_another_does_them(site: Site) -> None:
    (lock,) = site.home.glob("serving-*.lock")
    mark = f":{lock.stat().st_ino} "

    def holder() -> int:
        rows = [row.split() for row in Path("/proc/locks").read_text(encoding="ascii").splitlines() if mark in row]
        return next((int(row[4]) for row in rows if row[1] == "FLOCK"), 0)

    wait_for(lambda: holder() in site.processes)
    first = holder()
    os.kill(first, signal.SIGKILL)
    make_voice(site.home, "anna", 4)
    wait_for(lambda: first not in site.processes)
    job = site.submit("anna")
    wait_for(lambda: site.job(job)["finished_at"])
    assert (site.job(job)["status"], site.job(job)["attempts"]) == ("completed", 1)
    assert holder() != first
