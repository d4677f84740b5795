"""Several devices: real processes that train together, here on the CPU; and how they are told and stopped."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch

from myna.checkpoints.native import read_weights
from myna.core.errors import BadInput, CallerError, Cancelled, TrainingFailed
from myna.core.progress import silent
from myna.core.training import GptPlan, SovitsPlan
from myna.core.workspace import DatasetFolder
from myna.engine.training import launch
from myna.engine.training.devices import devices_of, precision_on
from myna.engine.training.gpt import train_gpt
from myna.engine.training.hardware import Hardware
from myna.engine.training.launch import run_together, run_training
from myna.engine.training.sovits import train_sovits
from tests.engine.training.toy import plan, train_toy
from tests.engine.voices import LITE, Recordings


def two(folder: Path, name: str = "voice", **more: Any) -> Any:
    return launch._Job(train_toy, DatasetFolder(folder / name), folder / "together", LITE, plan(**more), ["cpu", "cpu"])


def one(folder: Path, **more: Any) -> Path:
    return run_training(
        train_toy, DatasetFolder(folder / "alone"), folder / "one", version=LITE, plan=plan(**more), progress=silent
    )


def losses(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "losses.jsonl").read_text().splitlines()]


def test_two_processes_learn_as_one_with_batches_twice_as_large(tmp_path: Path) -> None:
    told: list[tuple[float, str]] = []
    together = run_together(two(tmp_path, batch_size=2), lambda *line: told.append(line))
    alone = one(tmp_path, batch_size=4)
    assert together.name == alone.name == "toy_e3_s9.safetensors"
    ours, theirs = read_weights(together).tensors, read_weights(alone).tensors
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-6, atol=1e-6, msg=name)
    assert [fraction for fraction, _ in told] == pytest.approx([step / 9 for step in range(1, 10)])
    assert "epoch 3 of 3, step 9 of 9, loss" in told[-1][1]
    assert {path.name for path in together.parent.iterdir()} == {path.name for path in alone.parent.iterdir()}
    assert len(losses(tmp_path / "voice" / "run")) == 9
    assert not (tmp_path / "of the others").exists(), "only the first process writes"


def test_stopped_together_they_leave_a_state_and_go_on_to_the_same_weights(tmp_path: Path) -> None:
    def stop(fraction: float, note: str) -> None:
        if "step 4 of" in note:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        run_together(two(tmp_path, batch_size=2, epochs=15, save_every=15), stop)
    done = len(losses(tmp_path / "voice" / "run"))
    assert 4 <= done < 45
    assert (tmp_path / "voice" / "run" / "state.safetensors").is_file()
    told: list[str] = []
    run_together(two(tmp_path, batch_size=2, epochs=15, save_every=15), lambda fraction, note: told.append(note))
    assert f"step {done + 1} of 45" in told[0]


def test_a_processs_error_is_the_trainings(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match="unknown toy 'bear'; choose one of: car, doll"):
        run_together(two(tmp_path, "refused"), silent)


def test_a_process_that_dies_ends_the_training(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed):
        run_together(two(tmp_path, "killed", epochs=500), silent)


def test_weights_are_asked_for_by_signal_there_too(tmp_path: Path) -> None:
    def progress(fraction: float, note: str) -> None:
        if "step 2 of" in note:
            os.kill(os.getpid(), signal.SIGUSR1)

    run_together(two(tmp_path, batch_size=2, epochs=60, save_every=60), progress)
    assert len(list((tmp_path / "together").iterdir())) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gpu_numbers": "0-1"}, "device cpu and gpu_numbers 0-1 exclude each other"),
        ({"gpu_numbers": "0-1", "device": "auto"}, "GPU 0 is not there; this machine has none that can be used"),
        ({"gpu_numbers": "0,1", "device": "auto"}, "give numbers with - between them, as 0-1-2"),
        ({"device": "cuda:7"}, "device 'cuda:7' is not there; choose one of: auto, cpu"),
        ({"precision": "fp16"}, "precision fp16 needs a GPU; choose auto, bf16 or fp32"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_read(
    given: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadInput, match=message):
        one(tmp_path, **given)
    assert not list(tmp_path.iterdir())


def test_gpus_are_named_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    found = devices_of(plan(device="auto", gpu_numbers="0-2"))
    assert [str(device) for device in found] == ["cuda:0", "cuda:2"]
    with pytest.raises(BadInput, match="GPU 5 is not there; there are: 0, 1, 2"):
        devices_of(plan(device="auto", gpu_numbers="0-5"))
    with pytest.raises(BadInput, match="names a GPU twice"):
        devices_of(plan(device="auto", gpu_numbers="1-1"))


def test_an_unknown_precision_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'auto', 'bf16', 'fp16' or 'fp32'"):
        plan(precision="int3")


def test_trainings_of_another_precision_follow_each_other(tmp_path: Path) -> None:
    assert precision_on(torch.device("cpu"), "bf16") == "bf16"
    first = one(tmp_path, precision="bf16")
    before = read_weights(first).tensors
    second = one(tmp_path, precision="fp32")
    assert first == second, "another precision begins anew"
    after = read_weights(second).tensors
    assert any(not torch.equal(value, after[name]) for name, value in before.items())
    hardware = Hardware(torch.device("cpu"), "bf16")
    with hardware.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    assert (hardware.count, hardware.rank, hardware.state()) == (1, 0, {})


@pytest.mark.parametrize("trainer", [train_gpt, train_sovits])
def test_the_trainers_train_together(trainer: Any, tmp_path: Path, recordings: Recordings, models: Path) -> None:
    copytree(recordings.dataset.path, tmp_path / "buzz")
    kind = GptPlan if trainer is train_gpt else SovitsPlan
    given = kind(models=models, epochs=1, batch_size=20, device="cpu", sample_text="", precision="fp32")
    dataset = DatasetFolder(tmp_path / "buzz")
    job = launch._Job(trainer, dataset, tmp_path / "together", LITE, given, ["cpu", "cpu"])
    weights = run_together(job, silent)
    assert weights.is_file()
    assert all(value.isfinite().all() for value in read_weights(weights).tensors.values() if value.is_floating_point())
    run = dataset.gpt_run(LITE) if trainer is train_gpt else dataset.sovits_run(LITE)
    assert len(losses(run)) in (3, 4), "half of the batches of one process"
