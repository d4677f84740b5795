from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.encode import encode
from myna.audio.io import write_wav
from myna.core.card import write_card
from myna.core.speech import Voice
from myna.core.workspace import VoiceFolder, files_in
from myna.jobs.store import SqlJobStore
from myna.testing.fake_speaker import FakeSpeaker
from tests.api.conftest import Make

WAV = encode((0.3 * np.sin(np.arange(4 * 16000) / 7)).astype(np.float32), 16000, "wav")


@pytest.fixture
def voice(tmp_path: Path) -> VoiceFolder:
    folder = VoiceFolder(tmp_path / "home" / "voices" / "anna")
    write_wav(folder.path / "clip.wav", (0.3 * np.sin(np.arange(4 * 16000) / 7)).astype(np.float32), 16000)
    write_card(folder, Voice(reference=folder.path / "clip.wav", reference_text="one"))
    return folder


def test_a_voice_is_ordered_with_its_recordings_and_words(serve: Make, store: SqlJobStore, tmp_path: Path) -> None:
    client = serve()
    files = [("recordings", ("take 1.wav", WAV)), ("recordings", ("b.wav", WAV)), ("transcript", ("w.srt", b"1\n"))]
    made = client.post("/api/v1/voices", data={"name": "bella"}, files=files)
    assert made.status_code == 202, made.text
    assert "only if it is your own or its owner agreed" in made.json()["reminder"]
    (job,) = store.list()
    assert [name for name, _ in job.payload["steps"]][:4] == [
        "convert_audio", "slice_audio", "denoise_audio", "asr_transcribe",
    ]  # fmt: skip
    folder = VoiceFolder(tmp_path / "home" / "voices" / "bella")
    assert [file.name for file in files_in(folder.input_audio)] == ["b.wav", "take 1.wav"]
    assert job.payload["steps"][3][1]["transcript"] == str(folder.transcripts / "given.srt")
    assert client.post("/api/v1/voices", data={"name": "bella"}, files=files[:1]).status_code == 409
    assert client.delete("/api/v1/voices/bella").status_code == 409  # a job works on it
    client.post(f"/api/v1/jobs/{job.id}/cancel")
    assert client.delete("/api/v1/voices/bella").status_code == 204
    assert not folder.path.exists()


def test_an_order_that_fails_leaves_no_voice(serve: Make, tmp_path: Path) -> None:
    client = serve()
    for name, sound, language in (("x.wav", b"no sound", "en"), ("x.exe", WAV, "en")):
        answer = client.post(
            "/api/v1/voices", data={"name": "bella", "language": language}, files=[("recordings", (name, sound))]
        )
        assert answer.status_code == 400
    assert (
        client.post("/api/v1/voices", data={"name": "../x"}, files=[("recordings", ("a.wav", WAV))]).status_code == 400
    )
    assert not list((tmp_path / "home" / "voices").glob("*"))


def test_a_voice_is_listed_heard_renamed_and_removed(serve: Make, speaker: FakeSpeaker, voice: VoiceFolder) -> None:
    client = serve()
    (told,) = client.get("/api/v1/voices").json()
    assert (told["name"], told["is_finished"], told["version"], told["is_trained"]) == ("anna", True, "lite", False)
    heard = client.post("/api/v1/voices/anna/sample", json={"text": "One."})
    assert heard.headers["content-type"] == "audio/wav"
    assert speaker.requests[0].voice.reference_text == "one"
    assert client.get("/api/v1/voices/anna/icon").status_code == 404
    assert client.patch("/api/v1/voices/anna", json={"name": "../x"}).status_code == 400
    assert client.patch("/api/v1/voices/anna", json={"name": "eva"}).json()["name"] == "eva"
    assert client.post("/api/v1/voices/eva/sample", json={"text": "Two."}).status_code == 200
    assert client.get("/api/v1/voices/anna").status_code == 404
    assert client.delete("/api/v1/voices/eva").status_code == 204
    assert client.get("/api/v1/voices").json() == []


def test_a_voice_travels_as_one_file(serve: Make, voice: VoiceFolder, tmp_path: Path) -> None:
    client = serve()
    sent = client.get("/api/v1/voices/anna/export")
    assert "anna.myna.zip" in sent.headers["content-disposition"]
    assert not list((tmp_path / "home" / "uploads").iterdir())
    taken = client.post("/api/v1/voices/import", files={"file": ("bella.myna.zip", sent.content)})
    assert (taken.status_code, taken.json()["name"]) == (201, "bella")
    assert client.post("/api/v1/voices/bella/sample", json={"text": "One."}).status_code == 200
    again = client.post("/api/v1/voices/import", files={"file": ("bella.myna.zip", sent.content)})
    assert again.status_code == 409
    assert client.post("/api/v1/voices/import", files={"file": ("c.zip", b"no zip")}).status_code == 400
