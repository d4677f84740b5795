"""How many jobs one server process takes in, how soon it answers while nets are at work, whether its memory stays flat.

    python benchmarks/server.py submit [--only sqlite] [--jobs 3000] [--clients 16] [--rounds 3]
    python benchmarks/server.py latency [--seconds 60] [--rate 100]
    python benchmarks/server.py memory [--requests 10000]

Each starts ``myna serve`` as anybody would, as one process, with a folder of its own. The clients are a process of
their own (`server_load.py`), whose share of a processor is told. The peer is `plain_server.py`: a bare Starlette app
over the bare driver, measured in turn, or at the same time, on the same machine.

submit: clients send jobs to ``POST /api/v1/jobs``, each the next one when the last is answered. Every job that was
answered must be in the store after the server was killed; one that is not ends the run. A PostgreSQL of its own is
started, with its settings as they come.

latency: a voice is cloned from the bundled recording, with two epochs (`--keep FOLDER` keeps it for the next time);
then a training runs as a job and a client lets the voice speak, one sentence after the other, while others ask for
`/health` and for the state of a job and a task. Milliseconds count from when a request was due, not from when it was
sent.

memory: requests of every kind, speech by tiny nets among them; the server's memory after every 250 requests, and its
slope over the second half.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from server_latency import latency
from server_memory import memory
from server_processes import Served, load, machine, ours, percentile, plain, postgres, request

JOB = '{"step": "check_dataset", "voice": "anna"}'
MANY = 1_000_000


def submit(given: argparse.Namespace, folder: Path) -> None:
    """Print jobs a second, of us and of the peer."""
    print("store       jobs/s  plain/s  ratio   p50 ms   p99 ms  CPU ms a job (plain)  clients' share of a core")
    for kind in ("sqlite", "postgresql"):
        if given.only in (None, kind):
            with _database(kind, folder) as (url, bare):
                _submit_to(given, folder, kind, url, bare)


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The job store's URL, and what the peer calls its own."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'jobs.sqlite'}", str(folder / "plain.sqlite")
    else:
        with postgres(folder) as url:
            yield url, url


def _submit_to(given: argparse.Namespace, folder: Path, kind: str, url: str, bare: str) -> None:
    rows: dict[str, list[dict[str, Any]]] = {"ours": [], "plain": []}
    for _ in range(given.rounds):
        with ours(folder / "home", database=url, max_queued_jobs=MANY) as server:
            rows["ours"].append(_submitted(given, server, "/api/v1/jobs"))
        _require_all(url, "jobs", rows["ours"][-1]["kept"])
        with plain(bare, folder) as server:
            rows["plain"].append(_submitted(given, server, "/jobs"))
        _require_all(bare if bare == url else f"sqlite:///{bare}", "plain_jobs", rows["plain"][-1]["kept"])
    mean = {
        side: {name: statistics.median(row[name] for row in found) for name in ("rate", "p50", "p99", "cpu", "share")}
        for side, found in rows.items()
    }
    we, they = mean["ours"], mean["plain"]
    print(
        f"{kind:10} {we['rate']:7.0f} {they['rate']:8.0f} {we['rate'] / they['rate']:6.2f} {we['p50']:8.1f}"
        f" {we['p99']:8.1f} {we['cpu']:13.2f} ({they['cpu']:.2f}) {we['share']:24.2f}",
        flush=True,
    )


def _submitted(given: argparse.Namespace, server: Served, path: str) -> dict[str, Any]:
    """One round: some jobs first that do not count, then those that do."""
    jobs = [request("submit", "POST", path, JOB)]
    load(server.port, jobs, given.clients, count=10 * given.clients).result()
    before = server.cpu_s
    found = load(server.port, jobs, given.clients, count=given.jobs, keeps="id").result()
    spent = server.cpu_s - before
    _require_status(found, 202)
    times = [ms for _, ms, _ in found["samples"]]
    rate = len(times) / found["wall_s"]
    return {
        "rate": rate, "p50": percentile(times, 50), "p99": percentile(times, 99), "kept": found["kept"],
        "cpu": 1000 * spent / len(times), "share": found["cpu_s"] / found["wall_s"],
    }  # fmt: skip


def _require_status(found: dict[str, Any], status: int) -> None:
    others = sorted({other for _, _, other in found["samples"]} - {status})
    if others:
        raise SystemExit(f"requests were answered {others}, not {status} alone")


def _require_all(url: str, table: str, ids: list[str]) -> None:
    """Leave where a job that was answered is not in the store."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        there = set(connection.execute(sa.text(f"SELECT id FROM {table}")).scalars())
    engine.dispose()
    missing = set(ids) - there
    if missing or len(set(ids)) < len(ids):
        raise SystemExit(f"{len(missing)} of {len(ids)} jobs that were answered are not in {table}")


COMMANDS: dict[str, Callable[[argparse.Namespace, Path], None]] = {
    "submit": submit,
    "latency": latency,
    "memory": memory,
}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="submit: one of the stores")
    parser.add_argument("--jobs", type=int, default=3000, help="submit: how many of each round count")
    parser.add_argument("--clients", type=int, default=16, help="submit: how many at the same time")
    parser.add_argument("--rounds", type=int, default=3, help="submit: how often, the medians are told")
    parser.add_argument("--seconds", type=float, default=60.0, help="latency: how long to ask")
    parser.add_argument("--rate", type=float, default=100.0, help="latency: requests a second")
    parser.add_argument("--keep", type=Path, help="latency: folder for the voice, kept for the next time")
    parser.add_argument("--requests", type=int, default=10_000, help="memory: how many")
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="myna-server-") as folder:
        COMMANDS[given.what](given, Path(folder))


if __name__ == "__main__":
    main()
