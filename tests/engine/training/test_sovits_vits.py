"""The VITS kind: it learns, both sides take turns, what is read and written is the official program's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch

from myna.audio.io import decode
from myna.checkpoints.identify import identify
from myna.checkpoints.restricted import read_torch
from myna.core.errors import BadCheckpoint, BadInput, MissingAsset, TrainingFailed, UnknownChoice
from myna.core.progress import silent
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.dsp import magnitudes, spectrogram
from myna.engine.features.left_out import left_out
from myna.engine.training.sovits import train_sovits
from myna.engine.training.sovits_vits import SLOW_PARTS, beside, parameter_groups
from myna.engine.training.vits_data import VitsData, collate, read_vits_rows
from myna.engine.training.vits_loss import VitsLosses
from myna.engine.weights import load_discriminators, load_sovits, load_vits
from myna.models.build import build_discriminators, build_sovits
from myna.models.sovits_vits import SovitsVits
from tests.engine.training.published import VITS, plan, tiny, write_published, write_published_base
from tests.parity.models.golden import HERE


@pytest.fixture(autouse=True)
def _few_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.engine.training.vits_data.repeats", lambda num: 1)


def prepared(tmp_path: Path, name: str) -> tuple[ModelVersion, DatasetFolder, Path]:
    record = tiny(name)
    write_published_base(tmp_path / "models", record)
    return record, write_published(tmp_path / "buzz", record), tmp_path / "models"


def train(tmp_path: Path, record: ModelVersion, dataset: DatasetFolder, models: Path, **more: Any) -> Path:
    wishes = plan(models, **more)
    return train_sovits(dataset, tmp_path / "weights", version=record, plan=wishes, progress=silent)


def curve(dataset: DatasetFolder, record: ModelVersion) -> list[dict[str, float]]:
    return [json.loads(line) for line in (dataset.sovits_run(record) / "losses.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", VITS)
def test_every_version_trains_and_is_written_in_both_forms(name: str, tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, name)
    last = train(tmp_path, record, dataset, models, export="both", learning_rate=1e-2)
    assert last.name == "buzz_e1_s2.safetensors"
    points = curve(dataset, record)
    assert [point["step"] for point in points] == [1, 2]
    assert {"discriminator", "generator", "adversarial", "feature", "mel", "kl"} <= set(points[0])
    official = last.with_suffix(".pth")
    content = read_torch(official)
    assert (content["info"], content["config"]["name"]) == ("1epoch_2iteration", "buzz")
    assert {tensor.dtype for tensor in content["weight"].values()} == {torch.float16}
    assert not any("enc_q" in tensor for tensor in content["weight"])
    heads = {"v1": b"PK", "v2": b"PK", "v2Pro": b"05", "v2ProPlus": b"06"}
    assert official.read_bytes()[:2] == heads[name]
    if record.has_speaker_vector:
        assert identify(official).version == name
    before = load_sovits(record, None, models)
    ours, theirs = load_sovits(record, last, models), load_sovits(record, official, models)
    changed = set()
    for tensor, value in theirs.state_dict().items():
        torch.testing.assert_close(value, ours.state_dict()[tensor], rtol=1e-3, atol=1e-3, msg=tensor)
        if not torch.allclose(ours.state_dict()[tensor], before.state_dict()[tensor], rtol=0, atol=2e-3):
            changed.add(tensor.split(".")[0])
    assert {"enc_p", "dec", "flow", "ref_enc"} <= changed
    assert not changed & {"ssl_proj", "quantizer"}


@pytest.mark.parametrize("name", ["v2Pro", "v4"])
def test_a_folder_of_the_official_program_is_trained_on(name: str, tmp_path: Path) -> None:
    copytree(HERE / "cases" / "dataset_s2", tmp_path / "buzz")
    record = tiny(name)
    if record.vits is not None:
        wide = replace(record.vits, content_width=768, speaker_net_width=20480)
        record = replace(record, vits=wide)
    elif record.flow is not None:
        record = replace(record, flow=replace(record.flow, content_width=768))
    write_published_base(tmp_path / "models", record)
    last = train(tmp_path, record, DatasetFolder(tmp_path / "buzz"), tmp_path / "models", export="official")
    assert last.suffix == ".pth"
    reasons = {one.file: one.reason for one in left_out(DatasetFolder(tmp_path / "buzz"), "train_sovits")}
    assert reasons.keys() == {"short.wav", "edge.wav", "c.wav", "no_audio.wav"}
    assert "0.59 s long" in reasons["short.wav"]
    assert "5-wav32k/no_audio.wav is missing" in reasons["no_audio.wav"]


def test_it_learns(tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, "v2")
    train(tmp_path, record, dataset, models, epochs=12, learning_rate=2e-3, batch_size=4, precision="auto")
    points = curve(dataset, record)
    assert points[-1]["mel"] < 0.8 * points[0]["mel"]
    assert points[-1]["kl"] < points[0]["kl"]


def test_a_trained_file_is_trained_further_with_the_bases_encoder(tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, "v2")
    trained = train(tmp_path, record, dataset, models, export="official")
    net = load_vits(record, trained, models)
    torch.testing.assert_close(net.enc_q.pre.weight, load_vits(record, None, models).enc_q.pre.weight)
    again = train(tmp_path, record, dataset, models, base=trained, seed=2)
    assert again.is_file()


def test_discriminators_beside_the_base_come_first(tmp_path: Path) -> None:
    assert beside(tmp_path / "s2G488k.pth") is None
    for name in ("s2D488k.pth", "D_233333333333.pth"):
        (tmp_path / name).touch()
    assert beside(tmp_path / "s2G488k.pth") == tmp_path / "s2D488k.pth"
    assert beside(tmp_path / "G_233333333333.pth") == tmp_path / "D_233333333333.pth"
    assert beside(tmp_path / "mine.safetensors") is None
    record = tiny("v2")
    judges = build_discriminators(record)
    torch.save(
        {"model": judges.state_dict(), "iteration": 3, "optimizer": {}, "learning_rate": 1e-4}, tmp_path / "D_1.pth"
    )
    found = load_discriminators(record, tmp_path / "D_1.pth", tmp_path)
    torch.testing.assert_close(found.state_dict(), judges.state_dict())
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(BadCheckpoint):
        load_discriminators(record, tmp_path / "list.pth", tmp_path)
    with pytest.raises(BadCheckpoint, match="does not fit"):
        load_discriminators(record, write_published_base(tmp_path, record), tmp_path)


def test_missing_discriminators_are_named(tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, "v2")
    next(models.rglob("s2D*.pth")).unlink()
    with pytest.raises(MissingAsset, match=r"s2D2333k.pth is missing .*myna fetch v2"):
        train(tmp_path, record, dataset, models)


def test_plans_that_cannot_be_are_refused(tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, "v2")
    with pytest.raises(BadInput, match="version 'v2' has no LoRA"):
        train(tmp_path, record, dataset, models, lora_rank=32)
    with pytest.raises(UnknownChoice, match=r"lora_rank 48.*16, 32, 64, 128"):
        train(tmp_path, record, dataset, models, lora_rank=48)
    assert not (tmp_path / "weights").exists()


def test_parts_that_read_text_learn_slowly(tmp_path: Path) -> None:
    net = build_sovits(tiny("v2"))
    net.ssl_proj.requires_grad_(False)
    groups = parameter_groups(net, 1e-4, 0.4)
    assert [group["lr"] for group in groups] == pytest.approx([1e-4, 4e-5, 4e-5, 4e-5])
    names = {id(weight): name for name, weight in net.named_parameters()}
    for group, part in zip(groups[1:], SLOW_PARTS, strict=True):
        assert {names[id(weight)] for weight in group["params"]} == {
            name for name, _ in net.named_parameters() if name.startswith(f"{part}.")
        }
    assert sum(len(group["params"]) for group in groups) == len(names) - 2, "all but those of ssl_proj"


def test_a_step_of_one_side_leaves_the_other_alone(tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, "v2")
    net, judges = load_vits(record, None, models).train(), load_discriminators(record, None, models).train()
    batch = collate(read_vits_rows(dataset, record, net, silent))
    assert record.mel is not None
    losses = VitsLosses(net, judges, record.mel)
    loss, _ = losses.judging(batch)
    loss.backward()
    assert all(weight.grad is not None for weight in judges.parameters())
    assert all(weight.grad is None for weight in net.parameters())
    judges.zero_grad()
    calls: list[int] = []
    net.register_forward_pre_hook(lambda *_: calls.append(1))
    loss, terms = losses.generating(batch)
    assert not calls, "what it made for the discriminators is used again"
    torch.testing.assert_close(torch.stack(list(terms.values())).sum(), loss.detach())
    loss.backward()
    assert all(weight.grad is None for weight in judges.parameters())
    assert all(weight.requires_grad for weight in judges.parameters())
    assert net.enc_q.pre.weight.grad is not None
    losses.generating(batch)
    assert calls, "another batch, or the same one again, is made anew"


def test_the_spectrogram_of_a_batch_is_that_of_each_clip(tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, "v2")
    rows = read_vits_rows(dataset, record, load_vits(record, None, models), silent)
    batch = collate(rows)
    spec = magnitudes(batch.sound.float() / 32768, 2048, 640)
    assert spec.shape[-1] == int(batch.frames.max())
    for row, one in zip(rows, spec, strict=True):
        samples = torch.from_numpy(decode(dataset.wav32k / row.clip, 32000).samples)[None]
        whole = spectrogram(samples, 2048, 640)[0]
        assert row.frames == 2 * len(row.codes) <= whole.shape[-1]
        torch.testing.assert_close(one[:, : row.frames], whole[:, : row.frames], rtol=1e-3, atol=1e-3)


def test_official_batches_are_filled_up_and_padded(tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, "v2")
    net = load_vits(record, None, models)
    rows = read_vits_rows(dataset, record, net, silent, is_official=True)
    assert [row.frames for row in rows] == [70, 80, 75]
    assert [len(row.codes) for row in rows] == [35, 40, 38]
    mended = read_vits_rows(dataset, record, net, silent)
    assert [row.frames for row in mended] == [68, 78, 74]
    data = VitsData(rows, 2, 1, is_official=True)
    assert [len(batch) for batch in data.draws(1)] == [2, 2], "three clips, one of them twice"
    batch = collate(rows, is_official=True)
    assert batch.frames.tolist() == [80, 75, 70]
    assert batch.codes.shape[1] == 41
    assert batch.sound.shape[1] == 82 * 640 + 2 * 704
    own = VitsData(mended, 2, 1)
    assert sorted(place for batch in own.draws(1) for place in batch) == [0, 1, 2]
    assert own.clips((1, 0)) == ["clip1.wav", "clip0.wav"]
    assert own.draws(3) == VitsData(mended, 2, 1).draws(3)


def test_clips_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    record = tiny("v2Pro")
    write_published_base(tmp_path / "models", record)
    dataset = write_published(tmp_path / "buzz", record, (1.4, 1.5, 0.65, 1.6))
    (dataset.speaker / "clip0.wav.pt").unlink()
    (dataset.content / "clip1.wav.pt").write_bytes(b"damaged")
    net = build_sovits(record)
    assert isinstance(net, SovitsVits)
    assert [row.clip for row in read_vits_rows(dataset, record, net.eval(), silent)] == ["clip3.wav"]
    reasons = {one.file: one.reason for one in left_out(dataset, "train_sovits")}
    assert "7-sv_cn/clip0.wav.pt is missing" in reasons["clip0.wav"]
    assert "clip1.wav.pt" in reasons["clip1.wav"]
    assert "more than 0.64 s" in reasons["clip2.wav"]
    (dataset.speaker / "clip3.wav.pt").unlink()
    with pytest.raises(TrainingFailed, match="none of the 4 clips can be used"):
        read_vits_rows(dataset, record, net, silent)
