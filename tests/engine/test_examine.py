"""Weights are read and built before anybody relies on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.assets import find_for
from myna.core.errors import BadCheckpoint, NotFound
from myna.engine.examine import examine
from myna.engine.library import Library


def test_weights_tell_their_version_and_are_kept(tmp_path: Path) -> None:
    library = Library(tmp_path, "cpu")
    gpt = find_for("lite", "gpt", tmp_path)
    assert examine(library, gpt, "gpt") == "lite"
    assert examine(library, find_for("lite", "sovits", tmp_path), "sovits") == "lite"


def test_what_cannot_speak_is_refused(tmp_path: Path) -> None:
    library = Library(tmp_path, "cpu")
    with pytest.raises(BadCheckpoint, match="holds no SoVITS weights but GPT"):
        examine(library, find_for("lite", "gpt", tmp_path), "sovits")
    with pytest.raises(NotFound):
        examine(library, tmp_path / "none.ckpt", "gpt")
    broken = tmp_path / "broken.ckpt"
    broken.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(BadCheckpoint):
        examine(library, broken, "gpt")
