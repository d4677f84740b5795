"""Every step by the API: what may be asked, what is told while it runs and when it has ended."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from myna.api.webhooks import SIGNATURE, Webhooks
from myna.core.workspace import Workspace
from myna.jobs.job import Status
from myna.jobs.keys import KeyRing
from myna.jobs.store import SqlJobStore
from myna.steps.catalog import STEPS
from myna.studio import Studio
from myna.testing.fake_speaker import FakeSpeaker
from tests.api.conftest import Make


def test_every_step_is_offered_with_its_parameters(serve: Make) -> None:
    offered = serve().get("/api/v1/steps").json()
    assert set(offered) == set(STEPS)
    assert offered["slice_audio"]["parameters"]["properties"]["min_length_ms"]["description"]


def test_a_step_is_ordered_for_a_voice_or_a_folder(serve: Make, tmp_path: Path) -> None:
    client = serve()
    order = {"step": "slice_audio", "voice": "anna", "parameters": {"min_length_ms": 3000}, "session": "s"}
    made = client.post("/api/v1/jobs", json=order)
    assert made.status_code == 202
    assert made.json()["parameters"]["folder"] == str(tmp_path / "home" / "voices" / "anna")
    assert made.json()["parameters"]["min_length_ms"] == 3000
    place = str(tmp_path / "home" / "x")
    order = {"step": "slice_audio", "parameters": {"folder": place, "source": place, "target": place}}
    assert client.post("/api/v1/jobs", json=order).json()["parameters"]["source"] == place
    assert [job["session"] for job in client.get("/api/v1/jobs?session=s").json()] == ["s"]
    assert len(client.get("/api/v1/jobs?status=queued").json()) == 2


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"step": "fly", "voice": "a"}, "unknown step 'fly'; choose one of: convert_audio"),
        ({"step": "slice_audio"}, "say where"),
        ({"step": "slice_audio", "voice": "../a"}, "voice name '../a' cannot be used"),
        ({"step": "slice_audio", "voice": "a", "parameters": {"source": "/etc"}}, "leads out of the folders"),
        ({"step": "slice_audio", "parameters": {"folder": "/etc"}}, "leads out of the folders"),
        ({"step": "slice_audio", "voice": "a", "parameters": {"tempo": 1}}, "tempo: no such parameter"),
        ({"step": "slice_audio", "voice": "a", "parameters": {"min_length_ms": "3"}}, "min_length_ms"),
        ({"step": "slice_audio", "voice": "a", "notify": ["http://evil.example/"]}, "no address that may be told"),
        ({"step": "slice_audio", "voice": "a", "notify": ["file:///etc/passwd"]}, "no address that may be told"),
    ],
)
def test_orders_that_cannot_be_are_told(serve: Make, order: dict[str, Any], says: str) -> None:
    answer = serve().post("/api/v1/jobs", json=order)
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]


def test_jobs_are_their_users(serve: Make, ring: KeyRing) -> None:
    anna, bob = ({"X-API-Key": ring.add(name)} for name in ("anna", "bob"))
    client = serve()
    made = client.post("/api/v1/jobs", json={"step": "slice_audio", "voice": "a"}, headers=anna).json()
    path = f"/api/v1/jobs/{made['id']}"
    for answer in (client.get(path, headers=bob), client.post(f"{path}/cancel", headers=bob)):
        assert answer.status_code == 404
    assert client.get("/api/v1/jobs", headers=bob).json() == []
    assert client.delete(path, headers=anna).status_code == 409
    assert client.post(f"{path}/cancel", headers=anna).json()["status"] == "cancelled"
    assert client.get(f"{path}/log", headers=anna).text == ""
    assert client.delete(path, headers=anna).status_code == 204


def test_a_job_is_watched_to_its_end(serve: Make, store: SqlJobStore) -> None:
    client = serve()
    made = client.post("/api/v1/jobs", json={"step": "slice_audio", "voice": "a"}).json()

    def work() -> None:
        job = store.claim("w", 30)
        assert job is not None
        for fraction in (0.3, 0.6):
            store.beat(job, fraction, "clips")
            threading.Event().wait(0.4)
        store.finish(job, Status.COMPLETED, result={"notes": ["3 clips"]})

    thread = threading.Thread(target=work)
    thread.start()
    with client.stream("GET", f"/api/v1/jobs/{made['id']}/events") as answer:
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    thread.join()
    told = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert told[-1]["status"] == "completed"
    assert told[-1]["result"] == {"notes": ["3 clips"]}
    assert {0.3, 0.6} & {each["progress"] for each in told}
    assert client.get(f"/api/v1/jobs/{'0' * 32}/events").status_code == 404


class Listener(BaseHTTPRequestHandler):
    """Remembers what it is told; refuses the first time."""

    heard: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        self.heard.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(503 if len(self.heard) == 1 else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def listener() -> Iterator[HTTPServer]:
    Listener.heard = []
    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_the_end_is_told_to_an_address_signed_and_again_when_it_did_not_listen(
    serve: Make, store: SqlJobStore, listener: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("myna.jobs.outbox.RETRIES_S", (0.1,))
    address = f"http://127.0.0.1:{listener.server_port}/hook?x=1"
    client = serve(webhook_hosts=["127.0.0.1"])
    made = client.post("/api/v1/jobs", json={"step": "slice_audio", "voice": "a", "notify": [address]}).json()
    client.post(f"/api/v1/jobs/{made['id']}/cancel")
    studio = Studio(FakeSpeaker(), store, workspace=Workspace(tmp_path), logs=tmp_path)
    stop = threading.Event()
    thread = threading.Thread(target=Webhooks(studio, "secret").serve, args=(stop,))
    thread.start()
    for _ in range(200):
        if len(Listener.heard) == 2 and not studio.outbox("http").waiting():
            break
        threading.Event().wait(0.05)
    stop.set()
    thread.join()
    (first, body), (second, again) = Listener.heard
    assert body == again
    assert first["X-Myna-Event"] == second["X-Myna-Event"] == json.loads(body)["id"]
    assert first[SIGNATURE] == "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    assert json.loads(body)["status"] == "cancelled"
