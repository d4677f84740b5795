"""What requests of the queue service become: which steps, on which GPUs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from myna.amqp.orders import Orders
from myna.amqp.requests import GptTrainRequest, OneClickRequest, SovitsTrainRequest
from myna.core.settings import Settings
from myna.core.workspace import Workspace
from myna.jobs.store import SqlJobStore
from myna.studio import Studio
from myna.testing.fake_speaker import FakeSpeaker

WHO = {"session_id": "s", "user_id": "u", "exp_name": "e"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlJobStore]:
    store = SqlJobStore(f"sqlite:///{tmp_path / 'jobs.sqlite'}")
    yield store
    store.close()


def steps(store: SqlJobStore, home: Path, stage: str, request: Any, **more: Any) -> dict[str, dict[str, Any]]:
    """The parameters of each step, by its name."""
    settings = Settings.model_validate({"home": home, "roots": [home], "speaks_version": more.pop("version", "v2")})
    studio = Studio(FakeSpeaker(), store, workspace=Workspace(home), logs=home, **more)
    job = Orders(studio, settings).take(stage, request)
    assert not job.error
    return dict(job.payload["steps"]) if "steps" in job.payload else {job.kind: dict(job.payload)}


def test_trainings_are_where_the_request_says(store: SqlJobStore, tmp_path: Path) -> None:
    sovits = SovitsTrainRequest(**WHO, gpu_numbers1Ba="1-0-1")
    assert steps(store, tmp_path, "1Ba", sovits, num_gpus=2)["train_sovits"]["gpu_numbers"] == "1-0"
    assert steps(store, tmp_path, "1Ba", sovits, num_gpus=0)["train_sovits"]["gpu_numbers"] == ""
    gpt = GptTrainRequest(**WHO, gpu_numbers="1")
    assert steps(store, tmp_path, "1Bb", gpt, num_gpus=2)["train_gpt"]["gpu_numbers"] == "1"


def test_one_click_has_numbers_for_every_step(store: SqlJobStore, tmp_path: Path) -> None:
    request = OneClickRequest(
        **WHO, inp=str(tmp_path), gpu_numbers1a="0", gpu_numbers1Ba="0-1", gpu_numbers1c="1", gpu_numbers1Ba_Ba="0-1",
        gpu_numbers="1", if_dpo=False, if_save_every_weights=False,
    )  # fmt: skip
    found = steps(store, tmp_path, "one_click", request, num_gpus=2)
    assert {name: step["gpu_numbers"] for name, step in found.items() if "gpu_numbers" in step} == {
        "extract_text_features": "0", "extract_audio_features": "0-1", "extract_speaker_vectors": "0-1",
        "extract_semantic_features": "1", "train_sovits": "0-1", "train_gpt": "1",
    }  # fmt: skip
    assert (found["train_gpt"]["dpo"], found["train_gpt"]["keep_latest"]) == (False, True)
    assert found["train_sovits"]["keep_latest"]
    assert (found["train_gpt"]["batch_size"], found["train_gpt"]["epochs"], found["train_gpt"]["save_every"]) == (
        3,
        15,
        5,
    )


def test_weights_are_kept_at_every_save_unless_told_otherwise(store: SqlJobStore, tmp_path: Path) -> None:
    assert not steps(store, tmp_path, "1Bb", GptTrainRequest(**WHO))["train_gpt"]["keep_latest"]


@pytest.mark.parametrize(("version", "judged"), [("v2", True), ("v4", False)])
def test_discriminators_that_are_here_are_begun_with(
    store: SqlJobStore, tmp_path: Path, version: str, judged: bool
) -> None:
    (tmp_path / "d.pth").write_bytes(b"weights")
    request = SovitsTrainRequest(**WHO, pretrained_s2D="d.pth")
    found = steps(store, tmp_path, "1Ba", request, version=version)["train_sovits"]["discriminator"]
    assert found == (str(tmp_path / "d.pth") if judged else None)
