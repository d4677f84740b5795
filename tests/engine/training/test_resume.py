"""A training goes on where it stopped, whatever stopped it: SIGKILL, a request, a full disk, a damaged state."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from myna.checkpoints.native import read_weights
from myna.core.errors import Cancelled, WorkspaceError
from myna.core.progress import silent
from myna.engine.training import loop
from myna.engine.training.loop import Training
from myna.engine.training.state import STATE
from tests.engine.training.toy import ToyData, duel_recipe, plan, toy_recipe
from tests.engine.voices import Recordings

ROOT = Path(__file__).resolve().parents[3]


def points(run: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "losses.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "speed"} for line in lines]


def assert_same_files(first: Path, second: Path) -> None:
    """Both folders hold the same weights, bit for bit, and nothing half written."""
    names = sorted(path.name for path in first.iterdir())
    others = sorted(path.name for path in second.iterdir())
    assert [name.removeprefix("un") for name in others] == names
    for name, other in zip(names, others, strict=True):
        ours, theirs = read_weights(first / name).tensors, read_weights(second / other).tensors
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(value, theirs[key]) for key, value in ours.items()), name


def kill(kind: str, folder: Path, *moments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.engine.training.killed", kind, str(folder), *moments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("kind", "moments"),
    [("toy", ("2", "state", "weights")), ("accumulated", ("2", "3")), ("duel", ("2", "5"))],
)
def test_a_training_killed_anywhere_ends_like_one_that_was_not(
    kind: str, moments: tuple[str, ...], tmp_path: Path
) -> None:
    kill(kind, tmp_path, *moments)
    assert points(tmp_path / "broken" / "run") == points(tmp_path / "unbroken" / "run")
    assert_same_files(tmp_path / "broken" / "weights", tmp_path / "unbroken" / "weights")
    assert not list((tmp_path / "broken").rglob(".part-*"))


@pytest.mark.parametrize("kind", ["gpt", "sovits"])
def test_the_trainers_too(kind: str, tmp_path: Path, recordings: Recordings, models: Path) -> None:
    shutil.copytree(recordings.dataset.path, tmp_path / "buzz")
    (tmp_path / "models").symlink_to(models)
    kill(kind, tmp_path, "3")
    runs = [next((tmp_path / name).glob("experiments/*/logs_s?_lite")) for name in ("broken", "unbroken")]
    assert points(runs[0]) == points(runs[1])
    folders = [next((tmp_path / name).glob("*_weights_lite")) for name in ("broken", "unbroken")]
    assert_same_files(*folders)


def stop_at(step: int) -> Any:
    def progress(fraction: float, note: str) -> None:
        if f"step {step} of" in note:
            raise Cancelled("stopped")

    return progress


@pytest.mark.parametrize("recipe", [toy_recipe, duel_recipe])
def test_a_cancelled_training_has_a_state_of_its_last_step(recipe: Any, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        Training(recipe(tmp_path / "weights"), plan(), tmp_path / "run").train(stop_at(4))
    resumed = Training(recipe(tmp_path / "weights"), plan(), tmp_path / "run")
    resumed.train(silent)
    Training(recipe(tmp_path / "others"), plan(), tmp_path / "unbroken").train(silent)
    assert points(tmp_path / "run") == points(tmp_path / "unbroken")
    assert_same_files(tmp_path / "weights", tmp_path / "others")


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        Training(toy_recipe(tmp_path), plan(), tmp_path / "run").train(stop_at(4))
    data = ToyData()
    Training(toy_recipe(tmp_path, data=data), plan(), tmp_path / "run").train(silent)
    assert len(data.loaded) == 9 - 4


def test_other_plans_begin_anew_and_more_epochs_go_on(tmp_path: Path) -> None:
    def trained(**more: Any) -> int:
        data = ToyData()
        Training(toy_recipe(tmp_path, data=data), plan(**more), tmp_path / "run").train(silent)
        return len(data.loaded)

    assert [trained(), trained(), trained(epochs=4), trained(epochs=4, seed=6)] == [9, 0, 3, 12]
    assert trained(epochs=4, seed=6, batch_size=3) == 12
    assert trained(epochs=4, seed=6, batch_size=3, recipe="official") == 12
    assert trained(epochs=4, seed=6, batch_size=3, recipe="official", save_every=3) == 0


@pytest.mark.parametrize("content", [b"", b"half of it"])
def test_a_damaged_state_is_no_state(content: bytes, tmp_path: Path) -> None:
    Training(toy_recipe(tmp_path), plan(), tmp_path / "run").train(silent)
    before = points(tmp_path / "run")
    (tmp_path / "run" / STATE).write_bytes(content)
    Training(toy_recipe(tmp_path), plan(), tmp_path / "run").train(silent)
    assert points(tmp_path / "run") == before


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files whose names hold one of the listed parts find no room."""
    full: list[str] = []
    write = Path.write_bytes

    def write_bytes(path: Path, data: Any) -> int:
        if any(part in path.name for part in full):
            write(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    return full


@pytest.mark.parametrize("name", [STATE, "_e2_"])
def test_a_full_disk_ends_the_training_and_leaves_what_was_saved(
    name: str, tmp_path: Path, full_disk: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "_SAVE_SECONDS", 0.0)
    monkeypatch.setattr(loop, "_SAVE_SHARE", 1e9)

    def progress(fraction: float, note: str) -> None:
        if "step 5 of" in note:
            full_disk.append(name)

    with pytest.raises(WorkspaceError, match="the disk is full; free some space and run the same command again"):
        Training(toy_recipe(tmp_path / "weights"), plan(), tmp_path / "run").train(progress)
    assert not list(tmp_path.rglob(".part-*"))
    assert [path.name for path in (tmp_path / "weights").iterdir()] == ["toy_e1_s3.safetensors"]
    full_disk.clear()
    Training(toy_recipe(tmp_path / "weights"), plan(), tmp_path / "run").train(silent)
    Training(toy_recipe(tmp_path / "others"), plan(), tmp_path / "unbroken").train(silent)
    assert_same_files(tmp_path / "weights", tmp_path / "others")


@pytest.mark.parametrize("by", ["signal", "file"])
def test_weights_are_saved_on_demand(by: str, tmp_path: Path) -> None:
    def progress(fraction: float, note: str) -> None:
        if "step 2 of" not in note:
            return
        if by == "signal":
            signal.raise_signal(signal.SIGUSR1)
        else:
            (tmp_path / "run" / "save_now").touch()

    before = signal.getsignal(signal.SIGUSR1)
    Training(toy_recipe(tmp_path / "weights"), plan(save_every=3), tmp_path / "run").train(progress)
    names = {path.name for path in (tmp_path / "weights").iterdir()}
    assert names == {"toy_e1_s2.safetensors", "toy_e3_s9.safetensors"}
    assert not (tmp_path / "run" / "save_now").exists()
    assert signal.getsignal(signal.SIGUSR1) == before


def test_an_interrupt_amid_a_step_writes_no_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge has stepped, the maker has not: a state of then would be of no step."""
    recipe = duel_recipe(tmp_path / "weights")
    step = recipe.phases[1].optimiser.step

    def interrupted(*args: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(recipe.phases[1].optimiser, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Training(recipe, plan(), tmp_path / "run").train(silent)
    assert not (tmp_path / "run" / STATE).exists()
    assert step is not interrupted


def test_only_the_newest_weights_stay_where_that_is_wished(tmp_path: Path) -> None:
    def progress(fraction: float, note: str) -> None:
        seen.append(sorted(path.name for path in (tmp_path / "weights").glob("*")))

    seen: list[list[str]] = []
    (tmp_path / "weights").mkdir()
    for name in ("other_e1_s3.safetensors", "toy_notes.txt"):
        (tmp_path / "weights" / name).write_text("not of this training")
    Training(toy_recipe(tmp_path / "weights"), plan(keep_latest=True), tmp_path / "run").train(progress)
    names = sorted(path.name for path in (tmp_path / "weights").iterdir())
    assert names == ["other_e1_s3.safetensors", "toy_e3_s9.safetensors", "toy_notes.txt"]
    assert "toy_e1_s3.safetensors" in seen[4], "the former stays until the next is written"
