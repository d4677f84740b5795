from __future__ import annotations

from pathlib import Path

import pytest

from myna.cli.clone import REMINDER
from tests.cli.conftest import CommandLine


@pytest.fixture
def clone(monkeypatch: pytest.MonkeyPatch, tone: Path) -> tuple[str | Path, ...]:
    """A `myna clone` whose steps take no time."""
    monkeypatch.setattr("myna.cli.clone.make_voice", lambda *_: None)
    return ("clone", tone, "--name", "anna")


def test_whoever_clones_is_reminded_once_beside_the_answer(myna: CommandLine, clone: tuple[str | Path, ...]) -> None:
    answer = myna(*clone)
    assert (answer.code, answer.err) == (0, f"{REMINDER}\n")
    assert "voice anna is ready" in answer.out


def test_who_has_consent_is_not_reminded(
    myna: CommandLine, clone: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert myna(*clone, "--i-have-consent").err == ""
    monkeypatch.setenv("MYNA_I_HAVE_CONSENT", "true")
    assert myna(*clone).err == ""
