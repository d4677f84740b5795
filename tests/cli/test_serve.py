"""`myna serve`: which dialects it answers, and where."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from myna.api.server import DOORS
from myna.cli import wiring
from myna.cli.wiring import build_asgi, build_server
from myna.core.errors import UnknownChoice
from myna.core.settings import Settings
from tests.cli.conftest import CommandLine
from tests.rabbit import free_port

ASKED = {
    "api_v2": ("GET", "/tts"),
    "tasks": ("GET", "/api/v1/tasks"),
    "queue": ("POST", "/gpt_sovits/open_slice"),
    "openai": ("GET", "/v1/models"),
    "voice": ("GET", "/api/v1/voice/health"),
    "covers": ("GET", "/api/v1/cover/jobs/x"),
    "jobs": ("GET", "/api/v1/jobs"),
    "voices": ("GET", "/api/v1/voices"),
    "api": ("POST", "/change_refer"),
    "subtitles": ("GET", "/speakers"),
}
"""An address that only this door has."""


def client(myna: CommandLine, *doors: str) -> TestClient:
    return TestClient(build_asgi(Settings.model_validate({"home": myna.home, "doors": doors})))


@pytest.mark.parametrize("door", DOORS)
def test_each_dialect_is_served_alone(myna: CommandLine, door: str) -> None:
    alone = client(myna, door)
    answered = {name for name, (method, path) in ASKED.items() if alone.request(method, path).status_code != 404}
    assert answered == {door}
    assert alone.get("/health").status_code == 200
    assert "message" in alone.get("/").json()


def test_without_a_choice_all_are_served(myna: CommandLine) -> None:
    every = client(myna)
    assert all(every.request(method, path).status_code != 404 for method, path in ASKED.values())


def test_a_door_that_is_none_is_an_error_that_names_them(myna: CommandLine) -> None:
    answer = myna("serve", "--doors", "api_v2,telnet")
    assert answer.code == 2
    assert "telnet" in answer.err
    assert all(name in answer.err for name in DOORS)


def test_doors_come_from_the_settings_too() -> None:
    assert Settings.model_validate({"doors": "api_v2, api"}).doors == ("api_v2", "api")
    with pytest.raises(UnknownChoice, match="door 'x'"):
        build_asgi(Settings.model_validate({"doors": ["x"]}))


def test_the_seeds_ports_are_listened_to_as_well(myna: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wiring.SEED_PORTS == (8000, 9880)
    others = (free_port(), free_port())
    monkeypatch.setattr(wiring, "SEED_PORTS", (others[0], *others))
    settings = Settings.model_validate({"home": myna.home, "port": 0, "doors": "api_v2"})
    server = build_server(settings, workers=0, seed_ports=True)
    try:
        own, *rest = [int(address.rsplit(":", 1)[1]) for address in server.addresses]
        assert tuple(rest) == others
        assert own not in others
    finally:
        for listener in server.listeners:
            listener.socket.close()
