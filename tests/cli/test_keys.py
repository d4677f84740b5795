"""Who may use a server: nobody beyond this machine without a key, and whoever starts one is told so."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from myna.cli import serve
from tests.cli.conftest import CommandLine


@pytest.fixture
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that end as soon as they are started."""
    server = SimpleNamespace(addresses=["http://127.0.0.1:8000"], run=lambda: None, wants_restart=False)
    monkeypatch.setattr(serve, "build_server", lambda *_args, **_more: server)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_other_machines_are_not_listened_to_without_a_key(myna: CommandLine, host: str) -> None:
    answer = myna("serve", "--host", host)
    assert answer.code == 2
    assert f"{host} can be reached from other machines and there is no key yet" in answer.err


@pytest.mark.usefixtures("_still")
def test_a_server_without_a_key_says_so(myna: CommandLine) -> None:
    told = myna("serve")
    assert "listening on http://127.0.0.1:8000" in told.out
    assert "there is no key yet, so only this machine is answered" in told.out
    assert myna("keys", "add", "anna", "--scopes", "speak").code == 0
    assert "no key yet" not in myna("serve").out
    assert myna("serve", "--host", "0.0.0.0").code == 0
    assert myna("keys", "revoke", "anna").code == 0
    assert myna("serve", "--host", "0.0.0.0").code == 2
