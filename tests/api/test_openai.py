"""The OpenAI door, asked by the real client and by hand."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import uvicorn

from myna.api import openai as door
from myna.api.serving import Listener
from myna.audio.encode import encode
from myna.audio.io import write_wav
from myna.core.card import write_card
from myna.core.errors import UnknownChoice
from myna.core.speech import Heard, HeardWord, Voice
from myna.core.workspace import VoiceFolder, make_folder
from myna.studio import Studio
from tests.api.conftest import Make

openai = pytest.importorskip("openai", reason="the client of OpenAI is not installed")
DOORS = {"openai": door.door}
WAV = encode((0.3 * np.sin(np.arange(2 * 16000) / 7)).astype(np.float32), 16000, "wav")


@pytest.fixture
def voice(tmp_path: Path) -> VoiceFolder:
    folder = VoiceFolder(tmp_path / "home" / "voices" / "anna")
    write_wav(folder.path / "clip.wav", (0.3 * np.sin(np.arange(4 * 16000) / 7)).astype(np.float32), 16000)
    write_card(folder, Voice(reference=folder.path / "clip.wav", reference_text="one"))
    make_folder(tmp_path / "home" / "voices" / "unfinished")
    return folder


@pytest.fixture
def client(serve: Make, voice: VoiceFolder) -> Iterator[openai.OpenAI]:
    """The real client over a real port."""
    app = serve(DOORS).app
    listener = Listener(app, "127.0.0.1", 0)  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener.socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    with openai.OpenAI(api_key="any", base_url=f"{listener.address}/v1", max_retries=0) as client:
        yield client
    server.should_exit = True
    thread.join(10)


def seconds_of(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as container:
        frames = list(container.decode(audio=0))
    return sum(frame.samples for frame in frames) / frames[0].sample_rate


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav"])
def test_the_real_client_gets_speech_in_every_format(client: openai.OpenAI, form: str) -> None:
    answer = client.audio.speech.create(model="tts-1", voice="anna", input="One. Two.", response_format=form)  # type: ignore[arg-type]
    assert seconds_of(answer.content) == pytest.approx(0.06 * 8 + 0.6, abs=0.15)


def test_pcm_is_at_24_khz(client: openai.OpenAI) -> None:
    data = client.audio.speech.create(model="tts-1", voice="anna", input="One.", response_format="pcm").content
    assert len(data) / 2 / 24000 == pytest.approx(0.06 * 4 + 0.3, abs=0.02)


def test_the_real_client_streams(client: openai.OpenAI) -> None:
    parts = []
    with client.audio.speech.with_streaming_response.create(
        model="lite", voice="anna", input="One. Two. Three.", response_format="wav", speed=2.0
    ) as response:
        parts += response.iter_bytes()
    assert len(parts) > 1


def test_speech_comes_as_events_too(serve: Make, voice: VoiceFolder) -> None:
    body = {"input": "One. Two.", "voice": {"id": "anna"}, "response_format": "pcm", "stream_format": "sse"}
    answer = serve(DOORS).post("/v1/audio/speech", json=body)
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    assert [event["type"] for event in events][-1] == "speech.audio.done"
    sound = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert len(sound) == events[-1]["bytes"] > 0


def test_the_real_client_understands_our_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match=r"there is no voice 'nobody'; voices here: anna"):
        client.audio.speech.create(model="tts-1", voice="nobody", input="One.")
    with pytest.raises(openai.BadRequestError, match="unknown model for voice 'anna' 'tts-9'"):
        client.audio.speech.create(model="tts-9", voice="anna", input="One.")
    with pytest.raises(openai.BadRequestError) as error:
        client.audio.speech.create(model="tts-1", voice="anna", input="")
    assert error.value.param == "input"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")


def test_models_and_voices_are_listed(client: openai.OpenAI, serve: Make) -> None:
    assert {"tts-1", "myna-lite", "whisper-1"} <= {model.id for model in client.models.list()}
    assert serve(DOORS).get("/v1/audio/voices").json()["voices"] == [{"id": "anna", "name": "anna"}]


def test_a_voice_may_stand_in_for_names_that_are_none(serve: Make, voice: VoiceFolder) -> None:
    body = {"input": "One.", "voice": "alloy"}
    assert serve(DOORS).post("/v1/audio/speech", json=body).status_code == 404
    assert serve(DOORS, default_voice="anna").post("/v1/audio/speech", json=body).status_code == 200


def test_a_key_is_wanted_as_openai_sends_it(serve: Make, voice: VoiceFolder) -> None:
    client = serve(DOORS, api_key="open sesame")
    refused = client.get("/v1/models", headers={"Authorization": "Bearer wrong"})
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "invalid_api_key"
    assert client.get("/v1/models", headers={"Authorization": "Bearer open sesame"}).status_code == 200


HEARD = Heard("one two", "en", 2.0, (HeardWord("one", 0.1, 0.5), HeardWord("two", 0.75, 1.25)))


def test_the_real_client_gets_transcriptions(
    client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def listen(_self: Studio, recording: Path, language: str) -> Heard:
        asked.append((recording.suffix, language))
        if language == "xx":
            raise UnknownChoice("language", language, ["en"])
        return HEARD

    monkeypatch.setattr(Studio, "listen", listen)
    sound = ("take.wav", WAV, "audio/wav")
    assert client.audio.transcriptions.create(model="whisper-1", file=sound).text == "one two"
    verbose = client.audio.transcriptions.create(model="whisper-1", file=sound, response_format="verbose_json")
    assert verbose.words is not None
    assert [(word.word, word.start) for word in verbose.words] == [("one", 0.1), ("two", 0.75)]
    srt = client.audio.transcriptions.create(model="whisper-1", file=sound, response_format="srt", language="en")
    assert str(srt) == "1\n00:00:00,100 --> 00:00:01,250\none two\n"
    with pytest.raises(openai.BadRequestError, match="unknown language"):
        client.audio.transcriptions.create(model="whisper-1", file=sound, language="xx")
    with pytest.raises(openai.BadRequestError):
        client.audio.transcriptions.create(model="whisper-1", file=("take.wav", b"no sound", "audio/wav"))
    assert asked == [(".wav", "en")] * 3 + [(".wav", "xx")]
    assert list((tmp_path / "home" / "uploads").iterdir()) == []


def test_an_installation_that_cannot_hear_says_so(serve: Make) -> None:
    answer = serve(DOORS).post("/v1/audio/transcriptions", files={"file": ("a.wav", WAV)}, data={"model": "whisper-1"})
    assert answer.status_code == 503
    assert "cannot hear" in answer.json()["error"]["message"]
