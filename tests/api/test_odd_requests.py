"""Requests that nobody sends by mistake: none is answered 5xx, and a part of a file is asked for as HTTP has it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from myna.core.speech import AudioChunk, SpeechRequest
from myna.testing.fake_speaker import FakeSpeaker
from tests.api.world import MADE, TASK, World

SPOKEN = {"text": "Good.", "text_lang": "en", "ref_audio_path": "references/anna.wav", "prompt_lang": "en"}
LEGACY = {"text": "Good.", "text_language": "en", "refer_wav_path": "references/anna.wav", "prompt_text": "One."}
LONG = "x" * 5000
JSON_BODIES = ["/tts", "/", "/srt", "/change_refer", "/set_model", "/control", "/tts_to_audio/", "/api/v1/jobs",
               "/api/v1/task/create", "/gpt_sovits/open_slice", "/v1/audio/speech"]  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    world = World(tmp_path_factory.mktemp("world"))
    with TestClient(world.app, headers={"X-API-Key": world.keys["all"]}, raise_server_exceptions=False) as client:
        yield client
    world.close()


def posted(client: TestClient, path: str, body: str | dict[str, Any]) -> Any:
    content = body if isinstance(body, str) else json.dumps(body)
    return client.post(path, content=content, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("path", JSON_BODIES)
@pytest.mark.parametrize("body", ["[" * 100_000, "1" * 6000, '{"top_k": ' + "1" * 6000 + "}", "[]", "null", '"x"', "{"])
def test_bodies_that_are_hardly_json(client: TestClient, path: str, body: str) -> None:
    assert posted(client, path, body).status_code in (400, 422, 200 if path == "/control" else 422)


@pytest.mark.parametrize(
    ("path", "body", "field", "value"),
    [
        ("/tts", SPOKEN, "ref_audio_path", LONG),
        ("/tts", SPOKEN, "ref_audio_path", "\udc80\ud800"),
        ("/tts", SPOKEN, "aux_ref_audio_paths", [LONG]),
        ("/tts", SPOKEN, "top_p", float("nan")),
        ("/tts", SPOKEN, "speed_factor", float("nan")),
        ("/srt", SPOKEN, "ref_audio_path", LONG),
        ("/", LEGACY | {"prompt_language": "en"}, "inp_refs", [LONG]),
        ("/", LEGACY | {"prompt_language": "en"}, "refer_wav_path", LONG),
        ("/api/v1/jobs", {"step": "slice_audio", "voice": "anna"}, "parameters", {"source": LONG}),
        ("/api/v1/jobs", {"step": "slice_audio", "voice": "anna"}, "notify", ["http://[::1"]),
        ("/api/v1/jobs", {"step": "slice_audio", "voice": "anna"}, "notify", ["http://x:99999/"]),
        (f"/api/v1/task/{TASK}/step/slice_audio", {}, "params", {"min_length": float("inf"), "force": True}),
        (f"/api/v1/task/{TASK}/step/slice_audio", {}, "params", {"alpha": float("nan"), "force": True}),
        ("/api/v1/task/create", {"task_name": "t"}, "config", {"x": "\ud800"}),
        ("/api/v1/task/create", {"task_name": "t"}, "config", {"x": float("nan")}),
        ("/v1/audio/speech", {"input": "Hi.", "voice": "anna"}, "speed", float("nan")),
        ("/v1/audio/speech", {"input": "Hi.", "voice": "anna"}, "voice", LONG),
    ],
)
def test_values_that_no_field_can_mean(
    client: TestClient, path: str, body: dict[str, Any], field: str, value: Any
) -> None:
    answer = posted(client, path, body | {field: value})
    assert answer.status_code in (200, 400, 404, 422), answer.text
    assert field in ("top_p", "speed_factor") or answer.status_code != 200


def test_a_number_of_gpus_that_no_number_is(client: TestClient) -> None:
    made = posted(client, "/api/v1/task/create", {"task_name": "t", "config": {"gpu_id": "9" * 6000}}).json()
    answer = posted(client, f"/api/v1/task/{made['task_id']}/step/convert_audio", {"params": {"force": True}})
    assert answer.status_code == 400


def test_a_source_that_no_file_system_can_have_becomes_a_failed_job(client: TestClient) -> None:
    answer = posted(client, "/gpt_sovits/open_slice", {"inp": LONG, "session_id": "odd"})
    assert answer.status_code == 200
    (job,) = client.get("/api/v1/jobs?session=odd").json()
    assert job["status"] == "failed"
    assert "too long" in job["error"]


@pytest.mark.parametrize("name", ["x" * 300, "é" * 150, "%00", "%ff"])
@pytest.mark.parametrize(
    "place", ["/srt/{}", f"/api/v1/task/{TASK}/files/download/{{}}", "/api/v1/voices/{}", "/api/v1/jobs/{}/log"]
)
def test_names_that_no_file_system_can_have(client: TestClient, place: str, name: str) -> None:
    assert client.get(place.format(name)).status_code in (400, 404)


@pytest.mark.parametrize(
    ("wanted", "status", "num_bytes"),
    [
        ("bytes=0-9", 206, 10),
        ("bytes=-5", 206, 5),
        ("bytes=40-", 206, None),
        ("bytes=99999999999-", 416, None),
        ("bytes=abc", 200, None),
        ("bytes=5-2", 200, None),
        ("bytes=-", 200, None),
        ("bytes=0-1,3-4", 200, None),
        ("lines=1-2", 200, None),
    ],
)
def test_parts_of_files(client: TestClient, wanted: str, status: int, num_bytes: int | None) -> None:
    answer = client.get(f"/srt/{MADE}.wav", headers={"Range": wanted})
    assert (answer.status_code, len(answer.content)) == (status, num_bytes or len(answer.content))
    told = client.get("/openapi.json").json()["paths"]["/srt/{name}"]["get"]["responses"]
    assert answer.headers["content-type"].partition(";")[0] in told[str(status)]["content"]


def test_more_who_want_to_speak_than_may_are_sent_away_with_a_time(tmp_path: Path) -> None:
    world = World(tmp_path, {"max_speaking": 1, "max_waiting_to_speak": 0})
    begun, end = threading.Event(), threading.Event()

    def slow(_self: FakeSpeaker, _request: SpeechRequest) -> Iterator[AudioChunk]:
        begun.set()
        end.wait(20)
        yield AudioChunk(np.zeros(2400, np.float32), 24000, 0.0, 0, "Good.", 0.0, (0, 5))

    with (
        TestClient(world.app, headers={"X-API-Key": world.keys["all"]}) as client,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(FakeSpeaker, "say", slow)
        first = threading.Thread(target=client.get, args=("/tts",), kwargs={"params": SPOKEN})
        first.start()
        assert begun.wait(20)
        spoken = {"input": "Hi.", "voice": "anna"}
        for answer in (client.get("/tts", params=SPOKEN), client.post("/v1/audio/speech", json=spoken)):
            assert (answer.status_code, answer.headers.get("retry-after")) == (429, "5"), answer.text
        end.set()
        first.join(20)
        assert client.get("/tts", params=SPOKEN).status_code == 200
    world.close()
