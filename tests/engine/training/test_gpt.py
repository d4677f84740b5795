"""Fine-tuning the GPT of every version: it learns, in the right steps, and its weights are read by either program."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from myna.checkpoints.official import write_gpt
from myna.checkpoints.official_config import gpt_config
from myna.checkpoints.restricted import read_torch
from myna.core.errors import BadCheckpoint, BadInput, Cancelled, TrainingFailed
from myna.core.progress import silent
from myna.core.training import GptPlan
from myna.core.versions import VERSIONS, ModelVersion, version
from myna.core.workspace import DatasetFolder, write_text
from myna.engine.training import gpt as gpt_module
from myna.engine.training.gpt import train_gpt
from myna.engine.training.gpt_batches import GptData
from myna.engine.training.gpt_data import read_gpt_rows
from myna.engine.training.gpt_objective import published_loss
from myna.engine.training.optim import ScaledAdam, learning_rate
from myna.engine.weights import load_gpt, save_net
from myna.models.build import build_gpt
from myna.text.symbols import symbols
from tests.engine.voices import LITE, Recordings
from tests.parity.models.golden import HERE, published_shapes

PUBLISHED = [name for name in VERSIONS if name != LITE.name]
FILES = HERE.parents[1] / "checkpoints" / "files"
NUM_CLIPS = 11
STEPS = 6
"""Batches of an epoch: eleven clips, twice, four in a batch."""


@pytest.fixture(autouse=True)
def _few_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("gpt", "gpt_batches"):
        monkeypatch.setattr(f"myna.engine.training.{module}.repeats", lambda num: 2)


def tiny(name: str) -> ModelVersion:
    """The version with a very small GPT, of a shape that official settings can tell."""
    record = version(name)
    return replace(record, gpt=replace(record.gpt, width=16, heads=2, layers=2, feed_forward=64))


def write_base(path: Path, name: str) -> Path:
    """A base of random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        net = build_gpt(tiny(name))
    save_net(path, net, version=version(name), provenance={"base": "random"})
    return path


def write_clips(folder: Path, count: int = NUM_CLIPS) -> DatasetFolder:
    """A dataset folder of clips of 1.6 s and more, whose tokens say their phones."""
    dataset, table = DatasetFolder(folder), symbols("v1")
    lines, tokens = [], ["item_name\tsemantic_audio"]
    for number in range(count):
        ids = [(7 * number + 3 * place) % 300 for place in range(8 + number)]
        lines.append(f"clip{number}\t{' '.join(table[index] for index in ids)}\tNone\ttext\n")
        said = " ".join(str(index) for index in ids for _ in range(5))
        tokens.append(f"clip{number}\t{said}")
    write_text(dataset.text_file, "".join(lines))
    write_text(dataset.semantic_file, "\n".join(tokens) + "\n")
    return dataset


@pytest.fixture
def dataset(tmp_path: Path) -> DatasetFolder:
    return write_clips(tmp_path / "spoken")


def train(dataset: DatasetFolder, name: str = "v2", **more: Any) -> Path:
    folder = dataset.path.parent
    base = more.pop("base", folder / f"{name}.safetensors")
    if not base.exists():
        write_base(base, name)
    progress, weights = more.pop("progress", silent), more.pop("weights", "weights")
    given: dict[str, Any] = {"epochs": 2, "batch_size": 4, "save_every": 1, "seed": 5, "device": "cpu"}
    plan = GptPlan(base=base, models=folder, **({"precision": "fp32"} | given | more))
    return train_gpt(dataset, folder / weights, version=tiny(name), plan=plan, progress=progress)


def curve(dataset: DatasetFolder, name: str = "v2") -> list[dict[str, float]]:
    path = dataset.gpt_run(version(name)) / "losses.jsonl"
    points = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in point.items() if key != "speed"} for point in points]


def weights_of(path: Path, name: str = "v2") -> dict[str, torch.Tensor]:
    return load_gpt(tiny(name), path, path.parent).state_dict()


@pytest.mark.parametrize("dpo", [False, True])
@pytest.mark.parametrize("name", PUBLISHED)
def test_every_version_trains(name: str, dpo: bool, dataset: DatasetFolder) -> None:
    last = train(dataset, name, dpo=dpo)
    assert last == dataset.path.parent / "weights" / "spoken-e2.safetensors"
    points = curve(dataset, name)
    assert len(points) == 2 * (STEPS if not dpo else 11), "with the preference, batches are halved"
    assert all(("preference" in point) == dpo for point in points)
    before, after = weights_of(dataset.path.parent / f"{name}.safetensors", name), weights_of(last, name)
    still = {key for key in before if torch.equal(before[key], after[key]) and before[key].numel() > 1}
    assert still <= {"bert_proj.weight"}, "no clip has prosody, everything else is learnt"


def test_the_bundled_net_learns_preference_too(recordings: Recordings, models: Path, tmp_path: Path) -> None:
    shutil.copytree(recordings.dataset.path, tmp_path / "buzz")
    dataset = DatasetFolder(tmp_path / "buzz")
    plan = GptPlan(models=models, epochs=2, batch_size=4, dpo=True, device="cpu", precision="fp32")
    train_gpt(dataset, tmp_path / "weights", version=LITE, plan=plan, progress=silent)
    points = curve(dataset, "lite")
    assert len(points) == 2 * 3
    assert all(point["preference"] > 0 for point in points)


@pytest.mark.parametrize("dpo", [False, True])
def test_it_learns(dpo: bool, dataset: DatasetFolder) -> None:
    train(dataset, epochs=8, save_every=8, learning_rate=0.1, dpo=dpo)
    losses = [point["per_token"] for point in curve(dataset)]
    assert sum(losses[-STEPS:]) < 0.8 * sum(losses[:STEPS])
    assert losses[0] == pytest.approx(6.93, abs=0.6), "a loss per token, as unsure as chance in the beginning"


def plain_official(dataset: DatasetFolder, base: Path, epochs: int) -> dict[str, torch.Tensor]:
    """The official loop, written out: gradients add up, and the optimiser steps at batches 4, 8, ... of an epoch."""
    net = load_gpt(version("v2"), base, base.parent).train()
    rows = read_gpt_rows(dataset, version("v2"), None, silent)
    data = GptData(rows, 4, 0, end_token=1024, bert_width=1024, is_official=True)
    optimiser = ScaledAdam(net.parameters())
    num_steps = 0
    for epoch in range(1, epochs + 1):
        for index, draw in enumerate(data.draws(epoch)):
            published_loss(net, data.load(draw), is_official=True)[0].backward()  # type: ignore[no-untyped-call]
            if index > 0 and index % 4 == 0:
                optimiser.param_groups[0]["lr"] = learning_rate(num_steps)
                optimiser.step()
                optimiser.zero_grad()
                num_steps += 1
    return net.state_dict()


def test_the_official_recipe_steps_as_the_official_loop(
    dataset: DatasetFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpt_module, "DROPOUT", 0.0)
    last = train(dataset, recipe="official", epochs=3)
    wanted = plain_official(dataset, dataset.path.parent / "v2.safetensors", 3)
    for name, value in weights_of(last).items():
        torch.testing.assert_close(value, wanted[name].half().float(), rtol=1e-4, atol=1e-6, msg=name)
    mended = weights_of(train(dataset, epochs=3, weights="mended"))
    assert not torch.equal(mended["ar_predict_layer.weight"], weights_of(last)["ar_predict_layer.weight"])


def test_the_official_recipe_has_the_official_precision(dataset: DatasetFolder) -> None:
    exact = weights_of(train(dataset, recipe="official", precision="fp32", weights="exact"))
    shutil.rmtree(dataset.gpt_run(version("v2")))
    usual = weights_of(train(dataset, recipe="official", precision="auto", weights="usual"))
    assert all(torch.equal(value, usual[name]) for name, value in exact.items())


def test_four_batches_an_epoch_are_enough_but_officially_never_make_a_step(tmp_path: Path) -> None:
    dataset = write_clips(tmp_path / "few", count=8)
    before = weights_of(write_base(tmp_path / "v2.safetensors", "v2"))
    after = weights_of(train(dataset))
    assert not torch.equal(before["ar_predict_layer.weight"], after["ar_predict_layer.weight"])
    with pytest.raises(TrainingFailed, match="4 batches"):
        train(dataset, recipe="official")


def test_few_clips_and_large_batches_train_but_not_one(tmp_path: Path) -> None:
    assert train(write_clips(tmp_path / "few", count=3), epochs=1, batch_size=64).name == "few-e1.safetensors"
    with pytest.raises(TrainingFailed, match=r"only one clip can be used \(clip0\)"):
        train(write_clips(tmp_path / "one", count=1))


@pytest.mark.parametrize("recipe", ["myna", "official"])
def test_a_killed_training_ends_like_one_that_was_not(recipe: str, dataset: DatasetFolder) -> None:
    def stop_at(step: int) -> Callable[[float, str], None]:
        def progress(_fraction: float, note: str) -> None:
            if note.startswith("epoch") and len(curve(dataset)) >= step:
                raise Cancelled("stopped")

        return progress

    more: dict[str, Any] = {"recipe": recipe, "epochs": 3, "dpo": True}
    for step in (3, 13):
        with pytest.raises(Cancelled):
            train(dataset, progress=stop_at(step), **more)
    resumed, points = weights_of(train(dataset, **more)), curve(dataset)
    twin = write_clips(dataset.path.parent / "twin" / "spoken")
    straight = weights_of(train(twin, base=dataset.path.parent / "v2.safetensors", **more))
    assert curve(twin) == points
    assert all(torch.equal(value, straight[name]) for name, value in resumed.items())


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_are_written_in_the_official_form_and_read_again(name: str, dataset: DatasetFolder) -> None:
    last = train(dataset, name, epochs=1, export="both")
    official = last.with_suffix(".ckpt")
    content = read_torch(official)
    assert list(content) == ["weight", "config", "info"]
    assert content["info"] == "GPT-e1"
    assert {tensor.dtype for tensor in content["weight"].values()} == {torch.float16}
    assert all(key.startswith("model.") for key in content["weight"])
    assert content["config"]["model"]["phoneme_vocab_size"] == version(name).gpt.phone_vocab
    assert content["config"]["train"]["exp_name"] == "spoken"
    ours = weights_of(last, name)
    theirs = weights_of(official, name)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    alone = train(dataset, name, epochs=1, export="official", weights="alone")
    assert [path.name for path in alone.parent.iterdir()] == ["spoken-e1.ckpt"]
    assert train(dataset, name, epochs=1, base=alone, weights="again").is_file(), "it is a base, too"


def test_official_files_have_the_published_names(dataset: DatasetFolder) -> None:
    last = train(dataset, epochs=1, export="official")
    published = published_shapes("s1_v2")
    in_two_layers = {key for key in published if not key.startswith("model.h.layers.") or int(key.split(".")[3]) < 2}
    assert set(read_torch(last)["weight"]) == in_two_layers


@pytest.mark.parametrize(("mine", "other"), [("v2", "v1"), ("v1", "v2ProPlus")])
def test_a_base_of_another_version_is_refused_before_the_first_step(
    mine: str, other: str, dataset: DatasetFolder
) -> None:
    folder, record = dataset.path.parent, tiny(other)
    write_gpt(folder / "other.ckpt", build_gpt(record).state_dict(), gpt_config(record.gpt), epoch=3)
    with pytest.raises(BadCheckpoint, match=rf"other\.ckpt says it has .*gpt models of version {mine} have"):
        train(dataset, mine, base=folder / "other.ckpt")
    write_base(folder / "ours.safetensors", other)
    with pytest.raises(BadCheckpoint, match=f"a gpt model of version {other}; a gpt model of version {mine} is needed"):
        train(dataset, mine, base=folder / "ours.safetensors")
    assert not dataset.gpt_run(version(mine)).exists()


def test_other_files_than_a_gpt_are_no_base(dataset: DatasetFolder) -> None:
    with pytest.raises(BadCheckpoint, match=r"holds a sovits model; a gpt model of version v2 is needed"):
        train(dataset, base=FILES / "s2_v2.pth")
    (dataset.path.parent / "torn.ckpt").write_bytes(b"PK")
    with pytest.raises(BadCheckpoint, match=r"torn\.ckpt"):
        train(dataset, base=dataset.path.parent / "torn.ckpt")


@pytest.mark.parametrize("more", [{"recipe": "official"}, {"export": "official"}, {"export": "both"}])
def test_what_the_bundled_net_has_not_is_said(more: dict[str, Any], dataset: DatasetFolder) -> None:
    with pytest.raises(BadInput, match=r"version 'lite' has no official .*choose .* 'myna'"):
        train_gpt(dataset, dataset.path / "weights", version=LITE, plan=GptPlan(device="cpu", **more), progress=silent)


def test_compiling_is_for_gpus(dataset: DatasetFolder) -> None:
    with pytest.raises(BadInput, match="compile is for GPUs; the device is cpu"):
        train(dataset, compile=True)
