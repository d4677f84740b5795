"""Training: it learns, it survives a kill at any point, it leaves what it should and no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch

from myna.checkpoints.native import read_weights
from myna.core.errors import Cancelled, NotFound, TrainingFailed
from myna.core.progress import silent
from myna.core.training import GptPlan, SovitsPlan
from myna.core.workspace import DatasetFolder
from myna.engine.training import clips, loop
from myna.engine.training import gpt as gpt_module
from myna.engine.training.gpt import train_gpt
from myna.engine.training.recipe import Moment, warm_cosine
from myna.engine.training.sovits import train_sovits
from myna.engine.weights import load_gpt, load_sovits
from tests.engine.voices import LITE, Recordings

TRAININGS: dict[str, Callable[..., Path]] = {"gpt": train_gpt, "sovits": train_sovits}
PLANS = {"gpt": GptPlan, "sovits": SovitsPlan}
NAMES = {"gpt": "buzz-e{epoch}.safetensors", "sovits": "buzz_e{epoch}_s{step}.safetensors"}
STEPS = 3
"""Steps of an epoch: three clips, twice, in batches of two."""


@pytest.fixture(autouse=True)
def _few_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "FEW_CLIPS", 0)
    for module in ("gpt", "gpt_batches", "sovits_data"):
        monkeypatch.setattr(f"myna.engine.training.{module}.repeats", lambda num: 2)


@pytest.fixture
def dataset(recordings: Recordings, tmp_path: Path) -> DatasetFolder:
    copytree(recordings.dataset.path, tmp_path / "buzz")
    return DatasetFolder(tmp_path / "buzz")


def train(kind: str, dataset: DatasetFolder, models: Path, weights: str = "weights", **more: Any) -> Path:
    progress = more.pop("progress", silent)
    given: dict[str, Any] = {"epochs": 2, "batch_size": 2, "save_every": 1, "seed": 5, "device": "cpu"}
    plan = PLANS[kind](models=models, **(given | more))
    return TRAININGS[kind](dataset, dataset.path.parent / weights, version=LITE, plan=plan, progress=progress)


def run_of(kind: str, dataset: DatasetFolder) -> Path:
    return dataset.gpt_run(LITE) if kind == "gpt" else dataset.sovits_run(LITE)


def curve(kind: str, dataset: DatasetFolder) -> list[dict[str, float]]:
    """The points, without what differs from run to run."""
    lines = (run_of(kind, dataset) / "losses.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "speed"} for line in lines]


@pytest.mark.parametrize("kind", TRAININGS)
def test_weights_curve_and_progress(kind: str, dataset: DatasetFolder, models: Path) -> None:
    told: list[tuple[float, str]] = []
    last = train(kind, dataset, models, epochs=5, save_every=2, progress=lambda *one: told.append(one))
    saved = {path.name for path in last.parent.iterdir()}
    assert saved == {NAMES[kind].format(epoch=epoch, step=STEPS * epoch) for epoch in (2, 4, 5)}
    assert last.name == NAMES[kind].format(epoch=5, step=5 * STEPS)
    points = curve(kind, dataset)
    assert [point["step"] for point in points] == list(range(1, 5 * STEPS + 1))
    assert [point["epoch"] for point in points] == [1 + number // STEPS for number in range(5 * STEPS)]
    assert {"loss", "accuracy" if kind == "gpt" else "flow"} <= set(points[0])
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert f"epoch 5 of 5, step {5 * STEPS} of {5 * STEPS}, loss" in told[-1][1]
    assert told[-1][1].endswith("clips/s, 0 s left")
    assert read_weights(last).provenance["clips"] == 3


@pytest.mark.parametrize("kind", TRAININGS)
def test_it_learns(kind: str, dataset: DatasetFolder, models: Path) -> None:
    train(kind, dataset, models, epochs=8, save_every=8, learning_rate=1e-2)
    name = "loss" if kind == "gpt" else "prior"
    losses = [point[name] for point in curve(kind, dataset)]
    assert sum(losses[-STEPS:]) < 0.9 * sum(losses[:STEPS])


@pytest.mark.parametrize("kind", TRAININGS)
@pytest.mark.parametrize("kills", [(1,), (STEPS,), (STEPS + 1, STEPS + 2)])
def test_a_killed_training_ends_like_one_that_was_not(
    kind: str, kills: tuple[int, ...], dataset: DatasetFolder, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_SAVE_SECONDS", 0.0 if len(kills) > 1 else 60.0)
    for kill in kills:
        with pytest.raises(Cancelled):
            train(kind, dataset, models, progress=_stop_at(kind, kill, dataset))
    resumed = train(kind, dataset, models)
    points = curve(kind, dataset)
    copytree(dataset.path, dataset.path.parent / "twin" / "buzz", ignore=lambda *_: ["logs_s1_lite", "logs_s2_lite"])
    twin = DatasetFolder(dataset.path.parent / "twin" / "buzz")
    straight = train(kind, twin, models)
    assert resumed.name == straight.name
    assert points == curve(kind, twin)
    first, second = read_weights(resumed).tensors, read_weights(straight).tensors
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=0, msg=name)


def _stop_at(kind: str, step: int, dataset: DatasetFolder) -> Callable[[float, str], None]:
    def progress(fraction: float, note: str) -> None:
        path = run_of(kind, dataset) / "losses.jsonl"
        if "epoch" in note and len(path.read_text().splitlines()) >= step:
            raise Cancelled("stopped")

    return progress


def test_a_finished_training_is_not_repeated_but_can_be_extended(dataset: DatasetFolder, models: Path) -> None:
    last = train("gpt", dataset, models)
    points = curve("gpt", dataset)
    assert train("gpt", dataset, models) == last
    assert curve("gpt", dataset) == points
    longer = train("gpt", dataset, models, epochs=3)
    assert longer.name == "buzz-e3.safetensors"
    assert curve("gpt", dataset)[: len(points)] == points


def test_another_training_begins_anew(dataset: DatasetFolder, models: Path) -> None:
    train("gpt", dataset, models)
    first = curve("gpt", dataset)
    train("gpt", dataset, models, seed=6)
    second = curve("gpt", dataset)
    assert len(second) == len(first)
    assert second != first


def test_a_damaged_state_is_no_state(dataset: DatasetFolder, models: Path) -> None:
    train("gpt", dataset, models)
    points = curve("gpt", dataset)
    (dataset.gpt_run(LITE) / "state.safetensors").write_bytes(b"half of it")
    train("gpt", dataset, models)
    assert curve("gpt", dataset) == points


def test_training_changes_what_it_should(dataset: DatasetFolder, models: Path) -> None:
    before, after = load_sovits(LITE, None, models), load_sovits(LITE, train("sovits", dataset, models), models)
    moved = {
        name.split(".")[0]
        for (name, old), new in zip(before.state_dict().items(), after.state_dict().values(), strict=True)
        if not torch.equal(old, new)
    }
    assert moved == {"enc_p", "ref_enc", "bridge", "wns1", "linear_mel", "cfm", "pitch"}
    readers = [{k: v for k, v in net.state_dict().items() if k.startswith("pitch.reader")} for net in (before, after)]
    assert all(torch.equal(old, readers[1][name]) for name, old in readers[0].items()), "what reads the pitch stays"
    assert all(
        not torch.equal(old, new)
        for old, new in zip(
            load_gpt(LITE, None, models).parameters(),
            load_gpt(LITE, train("gpt", dataset, models, learning_rate=2e-3), models).parameters(),
            strict=True,
        )
        if old.numel() > 1
    )


def test_a_loss_that_is_no_number_ends_the_training(
    dataset: DatasetFolder, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(net: torch.nn.Module, *_: object) -> tuple[torch.Tensor, dict[str, float]]:
        return next(net.parameters()).sum() * float("nan"), {}

    monkeypatch.setattr(gpt_module, "gpt_loss", broken)
    with pytest.raises(TrainingFailed, match=r"not a number at step 3.* for the 3rd time in a row; lower the learning"):
        train("gpt", dataset, models)
    assert not (dataset.path.parent / "weights").exists()


@pytest.mark.parametrize("kind", TRAININGS)
def test_no_usable_clip_is_said(kind: str, dataset: DatasetFolder, models: Path) -> None:
    dataset.text_file.write_text("clip0.wav\t! !\tNone\tx\n")
    for path in dataset.wav32k.iterdir():
        path.unlink()
    with pytest.raises(TrainingFailed, match="none of the 1 clips can be used"):
        train(kind, dataset, models)
    dataset.text_file.unlink()
    with pytest.raises(NotFound, match="run extract_text_features first"):
        train(kind, dataset, models)


def test_the_schedule_warms_up_and_falls() -> None:
    rates = [warm_cosine(Moment(1, step, step, num_batches=100, epochs=1)) for step in range(100)]
    assert rates[0] == pytest.approx(0.1, rel=0.01)
    assert max(rates) == pytest.approx(1.0, rel=0.05)
    assert rates.index(max(rates)) == 9
    assert rates[-1] == pytest.approx(0.05, rel=0.05)
