"""Speech that another server makes: one of ours, one that knows only ``/tts``, and those that fail."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from myna.api.serving import Listener
from myna.audio.encode import encode
from myna.audio.io import write_wav
from myna.core.errors import BadInput, PeerFailed, PeerTimedOut
from myna.core.speech import SpeechRequest, Voice
from myna.remote import RemoteSpeaker
from myna.testing.fake_speaker import FakeSpeaker
from tests.api.conftest import Make, ring, serve, speaker, store

__all__ = ["ring", "serve", "speaker", "store"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_wav(tmp_path / "clip.wav", (0.3 * np.sin(np.arange(4 * 16000) / 7)).astype(np.float32), 16000)
    return tmp_path / "clip.wav"


@pytest.fixture
def servers() -> Iterator[list[uvicorn.Server]]:
    running: list[uvicorn.Server] = []
    yield running
    for server in running:
        server.should_exit = True


def address(app: FastAPI, servers: list[uvicorn.Server]) -> str:
    listener = Listener(app, "127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    servers.append(server)
    threading.Thread(target=server.run, kwargs={"sockets": [listener.socket]}, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return listener.address


def asked(clip: Path) -> SpeechRequest:
    return SpeechRequest(text="One. Two.", voice=Voice(reference=clip, reference_text="so"), speed=2.0, seed=7)


def test_another_one_of_ours_speaks(
    serve: Make, speaker: FakeSpeaker, servers: list[uvicorn.Server], clip: Path
) -> None:
    far = RemoteSpeaker(address(serve().app, servers), 10)  # type: ignore[arg-type]
    assert far.is_there()
    (chunk,) = far.say(asked(clip))
    here = list(FakeSpeaker().say(asked(clip)))
    assert np.allclose(chunk.samples, np.concatenate([each.samples for each in here]), atol=1e-3)
    request = speaker.requests[0]
    assert (request.text, request.speed, request.voice.reference_text) == ("One. Two.", 2.0, "so")
    assert not request.voice.reference.exists()  # sent, used, forgotten


def test_a_server_that_knows_only_tts_is_given_the_path(servers: list[uvicorn.Server], clip: Path) -> None:
    app, heard = FastAPI(), []

    @app.post("/tts")
    async def tts(request: Request) -> Response:
        heard.append(json.loads(await request.body()))
        return Response(encode(np.zeros(3200, np.float32), 32000, "wav"), media_type="audio/wav")

    (chunk,) = RemoteSpeaker(address(app, servers), 10).say(asked(clip))
    assert (chunk.sample_rate, len(chunk.samples)) == (32000, 3200)
    assert (heard[0]["ref_audio_path"], heard[0]["seed"], heard[0]["text_lang"]) == (str(clip), 7, "en")


def test_servers_that_fail_are_told_apart(servers: list[uvicorn.Server], clip: Path) -> None:
    app = FastAPI()

    @app.post("/synthesize")
    async def synthesize(request: Request) -> Response:
        body = await request.body()
        if b"sleep" in body:
            await asyncio.sleep(2)
        return Response("it\nfell", 500)

    place = address(app, servers)
    with pytest.raises(PeerFailed, match="answered 500: it fell"):
        RemoteSpeaker(place, 10).say(asked(clip))
    with pytest.raises(PeerTimedOut, match=r"did not answer within 0\.2 s"):
        RemoteSpeaker(place, 0.2).say(asked(clip).model_copy(update={"text": "sleep"}))
    with pytest.raises(PeerFailed, match="cannot be reached"):
        RemoteSpeaker("http://127.0.0.1:1", 1).say(asked(clip))
    assert not RemoteSpeaker("http://127.0.0.1:1", 1).is_there()
    with pytest.raises(BadInput, match="no address of a server"):
        RemoteSpeaker("localhost:9880", 1)
