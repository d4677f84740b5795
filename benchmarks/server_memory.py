"""Whether a server's memory stays flat: the part `memory` of `server.py`."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from server_processes import load, ours, request, tell

from myna.audio.io import write_wav
from myna.core.card import write_card
from myna.core.speech import Voice
from myna.core.workspace import VoiceFolder
from myna.testing.tiny_base import write_tiny_base

VOICE = "anna"
CLIENTS = 8
SAMPLE_EVERY = 250
_FORM = "multipart/form-data; boundary=x"
_FILE = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'


def memory(given: argparse.Namespace, folder: Path) -> None:
    """Print the memory of a server as requests of all kinds go by."""
    home = folder / "home"
    clip = _tiny_voice(home)
    with ours(home, models=folder / "models", max_queued_jobs=10**6) as server:
        job = tell(server, "POST", "/api/v1/jobs", {"step": "check_dataset", "voice": VOICE})["id"]
        task = tell(server, "POST", "/api/v1/task/create", {"task_name": "memory"})["task_id"]
        mixed, done, answered = _mixed(job, task, str(clip)), 0, dict[tuple[str, int], int]()
        samples: list[tuple[int, float]] = []
        while done < given.requests:
            some = [next(mixed) for _ in range(SAMPLE_EVERY)]
            for name, _, status in load(server.port, some, CLIENTS, count=len(some)).result()["samples"]:
                answered[name, status] = answered.get((name, status), 0) + 1
            done += len(some)
            samples.append((done, server.rss_kib / 1024))
            if done % (given.requests // 10) < SAMPLE_EVERY:
                print(f"{done:6} requests: {samples[-1][1]:6.1f} MiB, {server.num_threads} threads", flush=True)
        open_files = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
    late = samples[len(samples) // 2 :]
    slope = statistics.linear_regression([at / 1000 for at, _ in late], [mib for _, mib in late]).slope
    told = ", ".join(f"{name} {status or 'hung up'}: {count}" for (name, status), count in sorted(answered.items()))
    print(f"answered: {told}; {open_files} open files at the end")
    print(f"slope over the second half: {slope:+.2f} MiB per 1000 requests")
    if any(status >= 500 for _, status in answered):
        raise SystemExit("the server failed")


def _tiny_voice(home: Path) -> Path:
    """A voice of tiny nets of random weights, and those nets in the models' folder; answers its reference."""
    write_tiny_base(home.parent / "models")
    voice = VoiceFolder(home / "voices" / VOICE)
    write_wav(voice.path / "clip.wav", (0.3 * np.sin(np.arange(4 * 16000) / 7)).astype(np.float32), 16000)
    write_card(voice, Voice(reference=voice.path / "clip.wav", reference_text="one"))
    return voice.path / "clip.wav"


def _mixed(job: str, task: str, clip: str) -> Iterator[dict[str, Any]]:
    """Requests of every kind, for ever; no two of a kind that says or makes something are the same."""
    number = 0
    while True:
        number += 1
        is_even = number % 2 == 0  # of speech every second request has something wrong
        said = {"input": f"Number {number}.", "voice": VOICE if is_even else f"voice {number}"}
        spoken = {"text": f"And number {number}.", "text_lang": "en", "prompt_lang": "en", "streaming_mode": 1}
        spoken["ref_audio_path"] = f"nowhere {number}.wav" if is_even else clip
        order = json.dumps({"step": "check_dataset", "voice": VOICE, "session": f"session {number}"})
        yield request("health", "GET", "/health")
        yield request("job", "GET", f"/api/v1/jobs/{job}")
        yield request("submit", "POST", "/api/v1/jobs", order)
        yield request("task", "GET", f"/api/v1/task/{task}")
        yield request("speech", "POST", "/v1/audio/speech", json.dumps(said))
        yield request("submit", "POST", "/api/v1/jobs", order)
        yield request("no JSON", "POST", "/api/v1/jobs", '{"step": ')
        yield request("no step", "POST", "/api/v1/jobs", f'{{"step": "step {number}", "voice": "anna"}}')
        yield request("no task", "GET", f"/api/v1/task/{number}")
        yield request("no route", "GET", f"/somewhere/{number}")
        yield request("upload", "POST", f"/api/v1/task/{task}/files/upload", _FILE, _FORM, length=2**23, half=2**18)
        yield request("ready", "GET", "/ready")
        yield request("jobs", "GET", "/api/v1/jobs?limit=20")
        yield request("tts", "POST", "/tts", json.dumps(spoken))
        yield request("no sound", "POST", f"/api/v1/task/{task}/files/upload", f"{_FILE}{number}\r\n--x--\r\n", _FORM)
        yield request("voices", "GET", "/v1/audio/voices")
        yield request("metrics", "GET", "/metrics")
        yield request("health", "GET", "/health")
        yield request("job", "GET", f"/api/v1/jobs/{job}")
        yield request("task", "GET", f"/api/v1/task/{task}")
