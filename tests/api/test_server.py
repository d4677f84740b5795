"""What holds for every door: who may come in, how often, with how much, and how errors leave."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from myna.api.access import Caller
from myna.api.dialect import Dialect, routes
from myna.api.door import House
from myna.api.observed import JsonLines
from myna.api.problems import Problem
from myna.core.errors import BadInput, Conflict, MissingAsset, NotFound, PeerFailed, PeerTimedOut, TooBusy
from myna.jobs.keys import KeyRing
from tests.api.conftest import Make

ERRORS = {
    "bad": (BadInput("no such thing"), 400),
    "gone": (NotFound("not here"), 404),
    "conflict": (Conflict("not now"), 409),
    "busy": (TooBusy("later", 7.2), 429),
    "peer": (PeerFailed("it fell"), 502),
    "slow": (PeerTimedOut("it slept"), 504),
    "asset": (MissingAsset("fetch it"), 500),
    "bug": (ZeroDivisionError("secret detail"), 500),
}


def _reply(problem: Problem) -> Response:
    body = {"oh": problem.message, "kind": problem.kind}
    return JSONResponse(body, problem.status, dict(problem.headers))


def _door(house: House) -> APIRouter:
    router = routes(Dialect("toy", _reply, max_body_bytes=1000))

    @router.get("/raise/{what}")
    def fail(what: str, number: int = 1) -> None:
        raise ERRORS[what][0]

    @router.post("/read")
    async def read(request: Request) -> dict[str, Any]:
        return {"bytes": len(await request.body())}

    @router.get("/who")
    def who(caller: Caller = Depends(house.guard.needs("speak"))) -> dict[str, Any]:  # noqa: B008
        return {"user": caller.user}

    @router.get("/locked")
    def locked(caller: Caller = Depends(house.guard.needs("speak", always_a_key=True))) -> dict[str, Any]:  # noqa: B008
        return {"user": caller.user}

    return router


DOORS = {"toy": _door}


@pytest.mark.parametrize("what", ERRORS)
def test_errors_leave_in_the_doors_own_form(serve: Make, what: str) -> None:
    error, status = ERRORS[what]
    answer = serve(DOORS).get(f"/raise/{what}")
    assert answer.status_code == status
    assert set(answer.json()) == {"oh", "kind"}
    told = answer.json()["oh"]
    assert ("secret detail" in told) is False
    assert what == "bug" or str(error) in told
    assert what != "bug" or answer.headers["x-request-id"] in told
    assert answer.headers.get("retry-after") == ("7" if what == "busy" else None)


def test_a_request_of_the_wrong_form_says_what_is_wrong(serve: Make) -> None:
    answer = serve(DOORS).get("/raise/bad?number=many")
    assert answer.status_code == 422
    assert answer.json()["oh"].startswith("number: Input should be a valid integer")


def test_what_no_door_takes_is_answered_plainly(serve: Make) -> None:
    client = serve(DOORS)
    assert (client.get("/nowhere").status_code, client.get("/nowhere").json()) == (404, {"detail": "Not Found"})
    assert client.get("/read").status_code == 405


def test_a_body_that_is_too_large_is_refused_before_and_while_it_is_read(serve: Make) -> None:
    client = serve(DOORS)

    def endless() -> Iterator[bytes]:
        for _ in range(10_000):
            yield b"x" * 600

    assert client.post("/read", content=b"x" * 1000).json() == {"bytes": 1000}
    for content in (b"x" * 1001, endless()):
        answer = client.post("/read", content=content)
        assert answer.status_code == 413
        assert answer.json() == {
            "oh": "the request is larger than 1000 bytes, the most that is taken here",
            "kind": "limit_exceeded",
        }


def test_without_any_key_everybody_on_this_machine_may_come_in(serve: Make) -> None:
    client = serve(DOORS)
    assert client.get("/who").json() == {"user": ""}
    assert client.get("/locked").status_code == 401


def test_with_keys_only_those_who_have_one(serve: Make, ring: KeyRing) -> None:
    key, other = ring.add("anna"), ring.add("bob", ["make"])
    client = serve(DOORS, api_key="the key of the settings")
    assert client.get("/who").status_code == 401
    assert client.get("/who", headers={"X-API-Key": key}).json() == {"user": "anna"}
    assert client.get("/who", headers={"Authorization": f"Bearer {key}"}).json() == {"user": "anna"}
    assert client.get("/locked", headers={"X-API-Key": "the key of the settings"}).json() == {"user": ""}
    assert client.get("/who", headers={"X-API-Key": "wrong"}).status_code == 401
    answer = client.get("/who", headers={"X-API-Key": other})
    assert (answer.status_code, answer.json()["oh"]) == (403, "this key does not allow 'speak', only: make")


def test_health_wants_no_key_and_figures_do(serve: Make, ring: KeyRing) -> None:
    ring.add("anna")
    client = serve(DOORS)
    assert client.get("/health").json()["status"] == "healthy"
    assert client.get("/ready").json() == {"status": "ready", "queued": 0}
    assert client.get("/metrics").status_code == 401


def test_a_revoked_key_opens_nothing_after_a_moment(
    serve: Make, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("myna.api.access._KNOWN_S", 0.0)
    key = ring.add("anna")
    ring.add("bob")
    client = serve(DOORS)
    assert client.get("/who", headers={"X-API-Key": key}).status_code == 200
    ring.revoke("anna")
    assert client.get("/who", headers={"X-API-Key": key}).status_code == 401


def test_too_many_requests_are_sent_away_with_a_time(serve: Make, ring: KeyRing) -> None:
    key, other = ring.add("anna"), ring.add("bob")
    client = serve(DOORS, requests_per_minute=3)
    statuses = [client.get("/who", headers={"X-API-Key": key}).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert client.get("/who", headers={"X-API-Key": key}).headers["retry-after"] in ("19", "20")
    assert client.get("/who", headers={"X-API-Key": other}).status_code == 200


def test_requests_are_counted_by_route_and_logged_as_json(serve: Make, caplog: pytest.LogCaptureFixture) -> None:
    client = serve(DOORS)
    with caplog.at_level(logging.INFO, logger="myna.requests"):
        client.get("/raise/gone", headers={"X-Request-Id": "mine-1"})
        client.get("/raise/bad", headers={"X-Request-Id": "bad id"})
    figures = client.get("/metrics").text
    assert 'myna_requests_total{method="GET",route="/raise/{what}",status="404"} 1.0' in figures
    assert 'myna_jobs{status="queued"} 0.0' in figures
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == "myna.requests"]
    assert (lines[0]["id"], lines[0]["path"], lines[0]["status"]) == ("mine-1", "/raise/gone", 404)
    assert lines[1]["id"] != "bad id"


def test_only_the_pages_of_known_sites_may_call(serve: Make) -> None:
    client = serve(DOORS)
    asks = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    allowed = client.options("/read", headers=asks)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "http://localhost:3000")
    refused = client.options("/read", headers=asks | {"Origin": "http://evil.example"})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
