"""`myna serve`, `myna worker` and `myna keys`: the installation as a server."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from myna.cli.show import line, table
from myna.cli.wiring import build_keys, build_server, build_worker
from myna.core.errors import BadInput, NotFound
from myna.core.settings import SETTINGS_FILE, Settings, read_settings
from myna.steps.step import engine_needed

_LOOPBACK = ("127.0.0.1", "::1", "localhost")

keys = typer.Typer(
    name="keys", help="Keys of those who may use the server.", no_args_is_help=True, add_completion=False
)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Jobs at the same time; 0: none, `myna worker` does them, as with Celery.")
    ] = None,
    doors: Annotated[
        str | None, typer.Option(help="Dialects to serve, with commas between, as in: api_v2,api; all without.")
    ] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Processes that answer on the port.")] = None,
    config: Annotated[
        Path, typer.Option(help="Settings file: one of ours, or config.yaml of the training service.")
    ] = SETTINGS_FILE,
    seed_ports: Annotated[
        bool, typer.Option("--seed-ports", help="Listen on 8000 and 9880 too, where clients of the others look.")
    ] = False,
) -> None:
    """Answer on one port: speech, jobs and voices in every dialect that clients of GPT-SoVITS speak."""
    if config != SETTINGS_FILE and not config.is_file():
        raise NotFound(f"there is no settings file {config}")
    settings = read_settings(config)
    named = None if doors is None else tuple(name.strip() for name in doors.split(",") if name.strip())
    wishes = {"host": host, "port": port, "doors": named, "processes": processes}
    settings = settings.model_copy(update={name: value for name, value in wishes.items() if value is not None})
    start(settings, workers, seed_ports=seed_ports)


def start(settings: Settings, workers: int | None = None, *, seed_ports: bool = False) -> None:
    """Serve until told to stop; raises `BadInput` where that would not be safe, `MissingExtra`, `WorkspaceError`."""
    require_safety(settings)
    with engine_needed("the server", "server"):
        server = build_server(settings, workers=workers, seed_ports=seed_ports)
    for address in server.addresses:
        line(f"listening on {address}")
    if not _has_key(settings):
        line("there is no key yet, so only this machine is answered; make one with `myna keys add NAME`")
    server.run()
    if server.wants_restart:
        os.execv(sys.executable, [sys.executable, "-m", "myna.cli", *sys.argv[1:]])


def _has_key(settings: Settings) -> bool:
    """Whether anybody has one."""
    return settings.api_key is not None or bool(build_keys(settings).list())


def require_safety(settings: Settings) -> None:
    """Raise `BadInput` where anybody could use the server: it listens to other machines, and nobody has a key."""
    if settings.host in _LOOPBACK or _has_key(settings):
        return
    raise BadInput(
        f"{settings.host} can be reached from other machines and there is no key yet; make one with "
        "`myna keys add NAME`, or listen on 127.0.0.1"
    )


def worker(
    queues: Annotated[str, typer.Option(help="Which jobs: cpu, gpu, cover, with commas between; empty: all.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="How many jobs at the same time.")] = 1,
    celery: Annotated[
        bool, typer.Option("--celery", help="Be told of jobs by Celery's broker (RabbitMQ), with the extra cluster.")
    ] = False,
) -> None:
    """Do jobs of this installation, until interrupted."""
    settings = read_settings()
    if celery:
        work_for_celery(settings, queues, workers)
        return
    logging.basicConfig(level=settings.log_level)
    stop = threading.Event()
    names = [name.strip() for name in queues.split(",") if name.strip()]
    crew = [build_worker(settings, names, number) for number in range(workers)]
    threads = [threading.Thread(target=each.serve, args=(stop,)) for each in crew]
    for thread in threads:
        thread.start()
    line(f"{workers} worker{'s' if workers > 1 else ''} for {queues or 'all'} jobs; stop with Ctrl-C")

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    for thread in threads:
        while thread.is_alive():
            thread.join(0.5)


def work_for_celery(settings: Settings, queues: str, workers: int) -> None:
    """Be a worker of Celery, as its own command line would start one."""
    with engine_needed("Celery", "cluster"):
        from myna.jobs.celery import app
    options = [f"--queues={queues}"] if queues else []
    app.worker_main(["worker", *options, f"--concurrency={workers}", f"--loglevel={settings.log_level}"])


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    scopes: Annotated[str, typer.Option(help="What it allows: speak, make, control.")] = "speak,make,control",
) -> None:
    """Make a key; it is shown this once, and only its hash is kept."""
    key = build_keys(read_settings()).add(name, [scope.strip() for scope in scopes.split(",") if scope.strip()])
    sys.stdout.write(key + "\n")


@keys.command(name="list")
def list_keys() -> None:
    """Who has a key, and what it allows."""
    table("Keys", ["name", "allows"], [[key.name, ", ".join(key.scopes)] for key in build_keys(read_settings()).list()])


@keys.command()
def revoke(name: Annotated[str, typer.Argument(help="Whose key ends.")]) -> None:
    """End a key; servers notice within five seconds."""
    build_keys(read_settings()).revoke(name)
    line(f"the key of {name} opens nothing any more")
