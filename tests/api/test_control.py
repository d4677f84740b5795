"""``/control``: off unless it is enabled, and then for those only whose key allows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from myna.api.server import DOORS
from tests.api.conftest import Make
from tests.api.world import World

ASKED = [
    (method, command) for method in ("GET", "POST") for command in ("exit", "restart")
]  # fmt: skip


def ask(client: TestClient, method: str, command: str, key: str = "") -> Any:
    body: dict[str, Any] = {"params" if method == "GET" else "json": {"command": command}}
    return client.request(method, "/control", headers={"X-API-Key": key}, **body)


@pytest.mark.parametrize(("method", "command"), ASKED)
@pytest.mark.parametrize("door", ["api_v2", "api"])
def test_nobody_ends_the_server_unless_that_is_enabled(serve: Make, door: str, method: str, command: str) -> None:
    answer = ask(serve({door: DOORS[door]}), method, command)
    assert answer.status_code == 403
    assert "allow_control" in answer.text


def test_where_it_is_enabled_a_key_must_allow_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    with TestClient(world.app) as client:
        for method, command in ASKED:
            assert ask(client, method, command, world.keys["speak"]).status_code == 403
            assert ask(client, method, command, world.keys["make"]).status_code == 403
            assert ask(client, method, command).status_code == 401
            assert world.commands == []
            assert ask(client, method, command, world.keys["control"]).json() == {"message": "success"}
            assert world.commands == [command]
            world.commands.clear()
        assert ask(client, "GET", "dance", world.keys["control"]).json() is None
    world.close()
