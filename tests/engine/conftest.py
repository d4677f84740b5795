from __future__ import annotations

from pathlib import Path

import pytest

from myna.testing.tiny_base import write_tiny_base
from tests.engine.voices import Recordings, extract, record


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the tiny base."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny_base(folder)
    return folder


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Recordings:
    """Three clips with their whole dataset folder; tests only read it."""
    found = record(tmp_path_factory.mktemp("voice"))
    extract(found, models)
    return found
