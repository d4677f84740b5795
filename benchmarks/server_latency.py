"""How soon a server answers while it speaks and a training runs: the part `latency` of `server.py`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from server_processes import Served, load, ours, percentile, plain, request, tell

VOICE = "anna"
TEXT = "The quick brown fox jumps over the lazy dog, and nobody in the house has any idea why."
EPOCHS = 10_000
PROBES = 4
"""Clients that ask: as many as there are requests to take turns."""


def latency(given: argparse.Namespace, folder: Path) -> None:
    """Print milliseconds of answers, with nothing else to do and with speech and a training."""
    home = (given.keep or folder).resolve() / "home"
    _clone(home)
    with ours(home, workers=1, log_level="INFO") as server, plain(str(folder / "plain.sqlite"), folder) as peer:
        tell(server, "POST", "/v1/audio/speech", {"input": TEXT, "voice": VOICE, "response_format": "wav"})
        task = tell(server, "POST", "/api/v1/task/create", {"task_name": "latency"})["task_id"]
        with _training(server) as job:
            probes = [
                request("/health", "GET", "/health"),
                request("job", "GET", f"/api/v1/jobs/{job}"),
                request("task", "GET", f"/api/v1/task/{task}"),
                request("plain /health", "GET", "/health", port=peer.port),
            ]
            busy = _probed(given, server, probes, job)
        quiet = _probed(given, server, probes, "")
    print("call            quiet: p50    p99    max   busy: p50    p99    max  milliseconds")
    for name in quiet:
        figures = [f"{percentile(side[name], share):6.1f}" for side in (quiet, busy) for share in (50, 99, 100)]
        print(f"{name:15} {' ' * 5} {' '.join(figures[:3])} {' ' * 4} {' '.join(figures[3:])}")


def _clone(home: Path) -> None:
    """A voice of the bundled recording, if it is not there yet."""
    if (home / "voices" / VOICE / "voice.json").is_file():
        return
    demo = files("myna").joinpath("assets", "demo")
    command = [sys.executable, "-m", "myna.cli", "clone", str(demo / "recording.flac"), "--name", VOICE]
    command += ["--transcript", str(demo / "transcript.txt"), "--epochs-sovits", "1", "--epochs-gpt", "1"]
    subprocess.run(command, check=True, env={**os.environ, "MYNA_HOME": str(home)}, stdout=subprocess.DEVNULL)


@contextmanager
def _training(server: Served) -> Iterator[str]:
    """A training that goes on; ended at the end."""
    order = {"step": "train_sovits", "voice": VOICE, "parameters": {"epochs": EPOCHS, "save_every": EPOCHS}}
    job = tell(server, "POST", "/api/v1/jobs", order)["id"]
    now: dict[str, Any] = {"note": ""}
    while "epoch" not in now["note"]:
        time.sleep(0.5)
        now = tell(server, "GET", f"/api/v1/jobs/{job}")
        if now["status"] not in ("queued", "running"):
            raise SystemExit(f"the training is {now['status']}: {now['error']}")
    try:
        yield job
    finally:
        tell(server, "POST", f"/api/v1/jobs/{job}/cancel", {})
        while tell(server, "GET", f"/api/v1/jobs/{job}")["status"] == "running":
            time.sleep(0.2)


def _probed(
    given: argparse.Namespace, server: Served, probes: list[dict[str, Any]], job: str
) -> dict[str, list[float]]:
    """Milliseconds of each kind of call; with ``job``, while that trains and somebody lets the voice speak."""
    body = json.dumps({"input": TEXT, "voice": VOICE, "response_format": "wav"})
    speech = [request("speech", "POST", "/v1/audio/speech", body)]
    before = server.cpu_s
    speaking = load(server.port, speech, 1, seconds=given.seconds) if job else None
    asked = load(server.port, probes, PROBES, seconds=given.seconds, rate=given.rate).result()
    spent = server.cpu_s - before
    if speaking is not None:
        said = speaking.result()
        now = tell(server, "GET", f"/api/v1/jobs/{job}")
        print(
            f"while it spoke {len(said['samples'])} sentences ({spent / given.seconds:.2f} of a core, with all answers)"
            f" and trained: {now['note']}; the clients took {asked['cpu_s'] / asked['wall_s']:.2f} of a core"
        )
        if now["status"] != "running" or {status for _, _, status in said["samples"]} != {200}:
            raise SystemExit("the training or the speech did not go on to the end")
    found: dict[str, list[float]] = {probe["name"]: [] for probe in probes}
    for name, ms, status in asked["samples"]:
        if status != 200:
            raise SystemExit(f"{name} was answered {status}")
        found[name].append(ms)
    return found
