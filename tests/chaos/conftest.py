from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.harness import ROOT, Yard
from tests.jobs.conftest import postgres_server, url

__all__ = ["postgres_server", "url"]


@pytest.fixture(autouse=True)
def _children_find_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}")


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Over SQLite."""
    yard = Yard(f"sqlite:///{tmp_path / 'jobs.sqlite'}", tmp_path / "yard")
    yield yard
    yard.store.close()


@pytest.fixture
def any_yard(url: str, tmp_path: Path) -> Iterator[Yard]:
    """Over SQLite, and over PostgreSQL."""
    yard = Yard(url, tmp_path / "yard")
    yield yard
    yard.store.close()
