"""What is wrong with the data is said before the first step."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.errors import TrainingFailed
from myna.core.progress import silent
from myna.engine.training.loop import Training
from myna.engine.training.telling import notes_of
from tests.engine.training.toy import ToyData, plan, toy_recipe


def test_one_clip_is_too_few_however_often_it_is_repeated(tmp_path: Path) -> None:
    data = ToyData(4, 2)
    data.clips = lambda draw: ["only.wav"] * len(draw)  # type: ignore[method-assign]
    with pytest.raises(TrainingFailed, match=r"only one clip can be used \(only.wav\), and a voice is learnt from 2"):
        Training(toy_recipe(tmp_path, data=data), plan(), tmp_path / "run").train(silent)
    assert data.loaded == []
    assert not list(tmp_path.iterdir())


def test_a_batch_larger_than_the_data_is_lowered_and_said(tmp_path: Path) -> None:
    data = ToyData(5, 64)
    Training(toy_recipe(tmp_path, data=data), plan(batch_size=64), tmp_path / "run").train(silent)
    assert notes_of(tmp_path / "run") == ("batches have 5 rows instead of 64: there are not enough for more",)
    assert len(data.draws(1)) == 1


def test_data_that_does_not_name_its_clips_is_trained_on(tmp_path: Path) -> None:
    data = ToyData()
    data.clips = lambda draw: ()  # type: ignore[method-assign]
    Training(toy_recipe(tmp_path, data=data), plan(), tmp_path / "run").train(silent)
    assert notes_of(tmp_path / "run") == ()
