"""Streaming modes of ``/tts``: what is sent when, in which form, and that nobody speaks for a client who has gone."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
import soundfile
import uvicorn

from myna.api.server import build_app
from myna.api.serving import Listener
from myna.audio.io import write_wav
from myna.core.settings import Settings
from myna.core.speech import AudioChunk, Speaker, SpeechRequest
from myna.core.workspace import Workspace
from myna.jobs.keys import KeyRing
from myna.jobs.store import SqlJobStore
from myna.studio import Studio
from myna.testing.fake_speaker import FakeSpeaker
from tests.contract.fixtures import speech

TEXT = "One sentence that lasts a while. And here there is another one."
Start = Callable[..., str]


@pytest.fixture
def start(store: SqlJobStore, ring: KeyRing, tmp_path: Path) -> Iterator[Start]:
    """Starts a real server with a speaker; answers its address."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def begin(speaker: Speaker, **settings: Any) -> str:
        home = tmp_path / "home"
        write_wav(home / "reference.wav", speech(5.0), 32000)
        studio = Studio(speaker, store, workspace=Workspace(home), logs=home / "logs", keys=ring)
        app = build_app(studio, Settings.model_validate({"home": home, "speaks_version": "v2", **settings}))
        listener = Listener(app, "127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener.socket]}, daemon=True)
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return listener.address

    yield begin
    for server, thread in running:
        server.should_exit = True
        thread.join(20)


def query(tmp_path: Path, **more: Any) -> dict[str, Any]:
    reference = str(tmp_path / "home" / "reference.wav")
    return {"text": TEXT, "text_lang": "en", "ref_audio_path": reference, "prompt_lang": "en", **more}


def received(address: str, params: dict[str, Any]) -> list[bytes]:
    with httpx.stream("GET", f"{address}/tts", params=params, timeout=30) as answer:
        parts = list(answer.iter_raw())
    assert answer.status_code == 200
    return parts


@pytest.mark.parametrize(
    ("mode", "version", "stream", "num_chunks"),
    [(1, "v2", "pieces", 2), (2, "v2", "quiet", 6), (3, "v2", "fixed", 6), (2, "v4", "quiet", 2)],
)
def test_modes_hand_out_as_much_as_is_ready(
    start: Start, tmp_path: Path, mode: int, version: str, stream: str, num_chunks: int
) -> None:
    speaker = FakeSpeaker()
    address = start(speaker, speaks_version=version)
    body = b"".join(received(address, query(tmp_path, streaming_mode=mode, media_type="raw", prompt_text="Well.")))
    (request,) = speaker.requests
    assert (request.stream, request.stream_tokens, request.stream_overlap) == (stream, 16, 2)
    assert speaker.made == num_chunks
    assert len(body) == 2 * sum(len(chunk.samples) for chunk in FakeSpeaker().say(request))


def test_sizes_of_parts_are_the_clients(start: Start, tmp_path: Path) -> None:
    speaker = FakeSpeaker()
    given = query(tmp_path, streaming_mode=3, overlap_length=0, min_chunk_length=9999)
    received(start(speaker), given)
    assert (speaker.requests[0].stream_tokens, speaker.requests[0].stream_overlap) == (1500, 1)


@pytest.mark.parametrize("form", ["wav", "raw", "ogg", "aac"])
def test_every_form_streams_in_parts(start: Start, tmp_path: Path, form: str) -> None:
    speaker = FakeSpeaker()
    parts = received(start(speaker), query(tmp_path, streaming_mode=2, media_type=form))
    body = b"".join(parts)
    seconds = sum(len(chunk.samples) for chunk in FakeSpeaker().say(speaker.requests[0])) / 32000
    if form in ("wav", "raw"):
        assert len(body) == (44 if form == "wav" else 0) + round(seconds * 32000) * 2
        return
    if form == "ogg":
        files = [b"OggS\x00\x02" + file for file in body.split(b"OggS\x00\x02")[1:]]
        assert len(files) == speaker.made, "each part is a file of its own"
        assert sum(len(soundfile.read(io.BytesIO(file))[0]) for file in files) == pytest.approx(seconds * 32000, abs=99)
        return
    assert body[0] == 0xFF
    assert body[1] & 0xF0 == 0xF0


@dataclass
class Endless:
    """A speaker that never ends by itself, and tells when it is stopped."""

    num_said: int = 0
    goes_on: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)

    def say(self, _request: SpeechRequest) -> Iterator[AudioChunk]:
        try:
            while True:
                samples = np.full(3200, 0.1, np.float32)
                yield AudioChunk(samples, 32000, self.num_said * 0.1, 0, "on and on")
                self.num_said += 1
                self.goes_on.wait(0.05)
        finally:
            self.stopped.set()


def test_the_first_sound_is_sent_before_the_next_is_made(start: Start, tmp_path: Path) -> None:
    speaker, held = FakeSpeaker(), threading.Event()

    class Waiting:
        def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
            for chunk in speaker.say(request):
                yield chunk
                assert held.wait(20), "the client has not heard the first part"

    given = query(tmp_path, streaming_mode=2)
    with httpx.stream("GET", f"{start(Waiting())}/tts", params=given, timeout=30) as answer:
        parts = answer.iter_raw()
        first = next(parts)
        assert speaker.made == 1
        assert len(first) > 44
        held.set()
        assert len(b"".join(parts)) > len(first)


@pytest.mark.parametrize("mode", [0, 1, 3])
def test_a_client_that_goes_away_ends_the_speech(start: Start, tmp_path: Path, mode: int) -> None:
    speaker = Endless()
    address = start(speaker, max_speaking=1, max_waiting_to_speak=0)
    host, port = address.removeprefix("http://").split(":")
    params = httpx.QueryParams(query(tmp_path, streaming_mode=mode))
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"GET /tts?{params} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        if mode:
            assert client.recv(12) == b"HTTP/1.1 200"
        else:
            deadline = time.monotonic() + 10
            while not speaker.num_said and time.monotonic() < deadline:
                time.sleep(0.01)
        assert not speaker.stopped.is_set()
    assert speaker.stopped.wait(10)
    deadline = time.monotonic() + 10
    while (answer := httpx.get(f"{address}/tts", params=query(tmp_path, text="…"), timeout=10)).status_code == 429:
        assert time.monotonic() < deadline, "the place was not given back"
    assert answer.status_code == 400
