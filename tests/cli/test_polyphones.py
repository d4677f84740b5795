"""``myna doctor`` says by which of the two ways Chinese polyphones are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from myna.cli.doctor import languages
from myna.engine.features.reading import POLYPHONES
from tests.text.extras import INSTALLED, needs

if "zh" in INSTALLED:
    from myna.text.zh import polyphone

pytestmark = needs("zh")


@pytest.fixture(autouse=True)
def _phrases_afterwards() -> Iterator[None]:
    yield
    polyphone.use_reader(None)


def chinese(models: Path) -> str:
    return next(about for language, about in languages(models) if language == "zh")


def test_without_the_model_phrases_decide_and_its_place_is_named(tmp_path: Path) -> None:
    wanted = f"can be read; polyphones by pypinyin phrases (by g2pW, were its model in {tmp_path / POLYPHONES})"
    assert chinese(tmp_path) == wanted


def test_with_the_model_it_is_named(tmp_path: Path) -> None:
    folder = tmp_path / POLYPHONES
    folder.mkdir(parents=True)
    (folder / "g2pW.onnx").write_bytes(b"")
    assert chinese(tmp_path) == "can be read; polyphones by g2pW"
