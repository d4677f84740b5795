"""Who may come in: from where, with which key, how often; and that nobody else's body is read."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from myna.api import access, jobs, openai
from myna.api.server import DOORS
from myna.jobs.keys import SCOPES, KeyRing
from myna.studio import Studio
from tests.api.conftest import Make
from tests.api.live import answer_of, connected, head, listening, part

JOBS = {"jobs": jobs.door}
STEPS = "/api/v1/steps"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.8.0.1", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("", 200),  # a socket in the file system
        ("192.0.2.7", 401),
        ("::ffff:192.0.2.7", 401),
        ("2001:db8::1", 401),
        ("somewhere", 401),
    ],
)
def test_without_a_key_only_this_machine_is_answered(serve: Make, address: str, status: int) -> None:
    app: Any = serve(JOBS).app
    answer = TestClient(app, client=(address, 4000), base_url="http://localhost").get(STEPS)
    assert answer.status_code == status, answer.text
    assert status == 200 or "answers its own machine only" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:9880", 200),
        ("myna.localhost", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:9880", 200),
        ("evil.example", 401),
        ("localhost.evil.example:9880", 401),
        ("192.0.2.7", 401),
        ("[::1", 200),  # no name at all, which no browser sends: the address is asked
        ("", 200),
    ],
)
def test_without_a_key_this_machine_is_asked_by_a_name_of_its_own(serve: Make, host: str, status: int) -> None:
    answer = serve(JOBS).get(STEPS, headers={"Host": host})
    assert answer.status_code == status, answer.text


def test_with_a_key_any_name_will_do(serve: Make, ring: KeyRing) -> None:
    headers = {"X-API-Key": ring.add("anna"), "Host": "voices.example"}
    assert serve(JOBS).get(STEPS, headers=headers).status_code == 200


def test_revoking_the_last_key_opens_nothing_to_others(
    serve: Make, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "_KNOWN_S", 0.0)
    ring.add("anna")
    app: Any = serve(JOBS).app
    stranger = TestClient(app, client=("192.0.2.7", 4000))
    assert stranger.get(STEPS).status_code == 401
    ring.revoke("anna")
    assert stranger.get(STEPS).status_code == 401


@pytest.mark.parametrize("api_key", [None, "a-key-of-the-settings"])
def test_the_store_is_not_asked_for_every_request(
    serve: Make, monkeypatch: pytest.MonkeyPatch, api_key: str | None
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Studio, "has_keys", property(lambda _studio: bool(asked.append("has_keys"))))
    monkeypatch.setattr(Studio, "key", lambda _studio, key: asked.append(key))
    app: Any = serve(JOBS, api_key=api_key).app
    client = TestClient(
        app, client=("127.0.0.1", 4000), headers={"X-API-Key": api_key or ""}, base_url="http://localhost"
    )
    assert {client.get(STEPS).status_code for _ in range(5)} == {200}
    assert asked == ([] if api_key else ["has_keys"])


def test_each_scope_opens_its_own(serve: Make, ring: KeyRing) -> None:
    keys = {scope: {"X-API-Key": ring.add(scope, [scope])} for scope in SCOPES}
    client = serve()
    for path, wanted in ((STEPS, "make"), ("/v1/models", "speak"), ("/set_refer_audio?refer_audio_path=x", "control")):
        refused = {scope for scope, key in keys.items() if client.get(path, headers=key).status_code == 403}
        assert refused == set(SCOPES) - {wanted}, path


def test_keys_are_compared_in_constant_time_and_never_kept(
    serve: Make, ring: KeyRing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[Any, Any]] = []
    real = secrets.compare_digest

    def watched(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(secrets, "compare_digest", watched)
    key = ring.add("anna")
    guard: list[access.Guard] = []
    monkeypatch.setattr(access.Guard, "__init__", _remembering(guard, access.Guard.__init__))
    client = serve(JOBS, api_key="the key of the settings")
    for given, status in ((key, 200), (key[:-1] + "_", 401), ("the key of the settingz", 401)):
        assert client.get(STEPS, headers={"X-API-Key": given}).status_code == status
        assert compared, "some other comparison decided"
        compared.clear()
    assert client.get(STEPS, headers={"X-API-Key": key}).status_code == 200
    assert all(other == b"the key of the settings" for _, other in compared)  # it is remembered, by its hash
    assert key not in repr(vars(guard[0]))
    database = b"".join(file.read_bytes() for file in (tmp_path / "home").glob("jobs.sqlite*"))
    assert b"anna" in database
    assert key.rpartition("_")[2].encode() not in database


def _remembering(made: list[access.Guard], init: Any) -> Any:
    def remembered(self: access.Guard, *args: Any) -> None:
        made.append(self)
        init(self, *args)

    return remembered


def test_keys_cannot_be_tried_without_end(serve: Make) -> None:
    client = serve(JOBS, api_key="open sesame", requests_per_minute=3)
    statuses = [client.get(STEPS, headers={"X-API-Key": f"guess {number}"}).status_code for number in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert client.get(STEPS, headers={"X-API-Key": "open sesame"}).status_code == 200


def test_strangers_are_answered_before_they_send_a_body(serve: Make) -> None:
    client = serve(JOBS, api_key="open sesame")
    app: Any = client.app
    with listening(app) as listener, connected(listener) as connection:
        connection.sendall(head("/api/v1/jobs") + part(b"{"))
        assert answer_of(connection).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize(("door", "path", "most"), [("jobs", "/api/v1/jobs", 2**20), ("api_v2", "/tts", 64 * 2**20)])
def test_a_body_is_refused_as_soon_as_it_is_too_large(serve: Make, door: str, path: str, most: int) -> None:
    """By a server that is still being sent to: an answer that waited for the end would never come."""
    app: Any = serve({door: DOORS[door]}).app
    with listening(app) as listener, connected(listener) as connection:
        connection.sendall(head(path))
        connection.sendall(part(b'{"step": "' + b"x" * (most // 4)))
        connection.settimeout(0.2)
        with pytest.raises(socket.timeout):
            connection.recv(1)  # it could still be small enough
        connection.settimeout(10)
        for _ in range(4):
            connection.sendall(part(b"x" * (most // 4)))
        assert answer_of(connection).startswith(b"HTTP/1.1 413")


def test_an_upload_is_refused_as_soon_as_it_is_too_large(serve: Make, tmp_path: Path) -> None:
    app: Any = serve({"openai": openai.door}, max_upload_bytes=100_000).app
    with listening(app) as listener, connected(listener) as connection:
        connection.sendall(_upload("/v1/audio/transcriptions"))
        for _ in range(11):
            connection.sendall(part(b"x" * 10_000))
        assert answer_of(connection).startswith(b"HTTP/1.1 413")
    assert not [file for file in (tmp_path / "home").rglob("*") if file.is_file() and "jobs.sqlite" not in file.name]


def test_an_upload_that_breaks_off_leaves_nothing(
    serve: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spool))
    app: Any = serve({"openai": openai.door}).app
    with listening(app) as listener:
        with connected(listener) as connection:
            connection.sendall(_upload("/v1/audio/transcriptions"))
            for _ in range(30):
                connection.sendall(part(b"x" * 100_000))
        with connected(listener) as connection:  # it is well, and has done with the first
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert answer_of(connection).startswith(b"HTTP/1.1 200")
    assert not list(spool.iterdir())
    assert not [file for file in (tmp_path / "home").rglob("*") if file.is_file() and "jobs.sqlite" not in file.name]
    assert "Traceback" not in caplog.text


def _upload(path: str) -> bytes:
    """The beginning of an upload."""
    lines = head(path).decode().replace("application/json", "multipart/form-data; boundary=b")
    disposition = 'Content-Disposition: form-data; name="file"; filename="a.wav"'
    return lines.encode() + part(f"--b\r\n{disposition}\r\n\r\nRIFF".encode())


def test_waiting_jobs_are_limited_in_every_door(serve: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    build = Studio.__init__
    monkeypatch.setattr(Studio, "__init__", lambda self, *args, **more: build(self, *args, **more, max_queued=1))
    client = serve(api_key="open sesame")
    client.headers["X-API-Key"] = "open sesame"
    order = {"step": "slice_audio", "voice": "anna"}
    task = client.post("/api/v1/task/create", json={"task_name": "t"}).json()["task_id"]
    (tmp_path / "home" / "x").mkdir()
    assert client.post("/api/v1/jobs", json=order).status_code == 202
    for path, body in (
        ("/api/v1/jobs", order),
        (f"/api/v1/task/{task}/step/convert_audio", {"params": {"force": True}}),
        ("/gpt_sovits/open_slice", {"inp": str(tmp_path / "home" / "x"), "session_id": "1"}),
    ):
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.headers.get("retry-after")) == (429, "10"), (path, answer.text)
