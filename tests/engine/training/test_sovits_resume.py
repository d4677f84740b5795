"""SoVITS trainings that were stopped end like those that were not, to the last bit: both sides of a GAN, a LoRA."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from myna.checkpoints.native import read_weights
from myna.core.errors import Cancelled
from myna.core.progress import Progress, silent
from myna.core.workspace import DatasetFolder
from myna.engine.training.sovits import train_sovits
from tests.engine.training.published import plan, tiny, write_published, write_published_base

WISHES: dict[str, dict[str, Any]] = {"v2Pro": {}, "v4": {}, "v3": {"recipe": "official", "lora_rank": 0}}


@pytest.mark.parametrize("name", WISHES)
def test_a_stopped_training_ends_like_one_that_was_not(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("vits_data", "sovits_data"):
        monkeypatch.setattr(f"myna.engine.training.{module}.repeats", lambda num: 1)
    record = tiny(name)
    write_published_base(tmp_path / "models", record)

    def train(folder: str, progress: Progress = silent) -> Path:
        dataset = DatasetFolder(tmp_path / folder / "buzz")
        if not dataset.path.is_dir():
            write_published(dataset.path, record)
        told = plan(tmp_path / "models", epochs=2, precision="auto", learning_rate=1e-3, **WISHES[name])
        return train_sovits(dataset, tmp_path / folder, version=record, plan=told, progress=progress)

    with pytest.raises(Cancelled):
        train("stopped", _stop_at("step 3 of 4"))
    resumed, straight = read_weights(train("stopped")).tensors, read_weights(train("straight")).tensors
    assert resumed.keys() == straight.keys()
    for tensor, value in straight.items():
        torch.testing.assert_close(resumed[tensor], value, rtol=0, atol=0, msg=tensor)
    assert _losses(tmp_path / "stopped") == _losses(tmp_path / "straight")


def _losses(folder: Path) -> list[dict[str, Any]]:
    (path,) = (folder / "buzz").glob("logs_s2*/losses.jsonl")
    points = [json.loads(line) for line in path.read_text().splitlines()]
    return [{name: value for name, value in point.items() if name != "speed"} for point in points]


def _stop_at(note: str) -> Progress:
    def progress(fraction: float, told: str) -> None:
        if note in told:
            raise Cancelled("stopped")

    return progress
