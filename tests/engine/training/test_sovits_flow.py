"""The flow kind: LoRA and whole nets, what they change, and their files, which speak as the trained net does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch

from myna.checkpoints.identify import identify
from myna.checkpoints.restricted import read_torch
from myna.core.errors import BadInput, UnknownChoice
from myna.core.progress import silent
from myna.core.versions import ModelVersion, version
from myna.core.workspace import DatasetFolder
from myna.engine.training.flow_loss import FlowStepDraws, flow_loss
from myna.engine.training.lora import adapt, flow_of, hold_coarsely, lora_tensors, rank_of
from myna.engine.training.sovits import train_sovits
from myna.engine.training.sovits_data import FlowData, read_flow_rows
from myna.engine.weights import load_flow
from myna.models.build import build_sovits
from myna.models.sovits_flow import FlowDraws, SovitsFlow
from tests.engine.training.published import FLOW, plan, tiny, write_published, write_published_base
from tests.engine.voices import LITE, Recordings
from tests.parity.models.golden import HERE, published_shapes


@pytest.fixture(autouse=True)
def _few_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.engine.training.sovits_data.repeats", lambda num: 1)


def prepared(tmp_path: Path, name: str) -> tuple[ModelVersion, DatasetFolder, Path]:
    record = tiny(name)
    write_published_base(tmp_path / "models", record)
    return record, write_published(tmp_path / "buzz", record), tmp_path / "models"


def train(tmp_path: Path, record: ModelVersion, dataset: DatasetFolder, models: Path, **more: Any) -> Path:
    wishes = plan(models, **more)
    return train_sovits(dataset, tmp_path / "weights", version=record, plan=wishes, progress=silent)


def changes(before: SovitsFlow, after: SovitsFlow) -> set[str]:
    """The parts in which two nets differ, and of the flow the layers."""
    others = after.state_dict()
    found = {name for name, value in before.state_dict().items() if not torch.allclose(value, others[name], atol=2e-3)}
    return {name.split(".")[-2] if ".attn.to_" in name else name.split(".")[0] for name in found}


@pytest.mark.parametrize("name", FLOW)
def test_a_lora_by_default_speaks_as_the_trained_net_in_both_forms(name: str, tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, name)
    last = train(tmp_path, record, dataset, models, export="both", learning_rate=3e-2)
    assert last.name == "buzz_e1_s2_l32.safetensors"
    official = last.with_suffix(".pth")
    assert official.read_bytes()[:2] == {"v3": b"03", "v4": b"04"}[name]
    told = identify(official)
    assert (told.version, told.is_lora) == (name, True)
    content = read_torch(official)
    assert (content["info"], content["lora_rank"]) == ("1epoch_2iteration", 32)
    matrix = "cfm.base_model.model.estimator.transformer_blocks.1.attn.to_out.0.lora_B.default.weight"
    assert content["weight"][matrix].any()
    base, ours, theirs = (load_flow(record, path, models) for path in (None, last, official))
    for tensor, value in theirs.state_dict().items():
        torch.testing.assert_close(value, ours.state_dict()[tensor], rtol=1e-2, atol=1e-2, msg=tensor)
    assert changes(base, ours) == {"to_q", "to_k", "to_v", "0", "bridge", "wns1"}


def test_the_bundled_net_takes_a_lora_too(models: Path, recordings: Recordings, tmp_path: Path) -> None:
    copytree(recordings.dataset.path, tmp_path / "buzz")
    wishes: dict[str, Any] = {"lora_rank": 16, "learning_rate": 3e-2, "save_every": 1}
    last = train(tmp_path, LITE, DatasetFolder(tmp_path / "buzz"), models, **wishes)
    assert last.name == "buzz_e1_s2_l16.safetensors"
    found = changes(load_flow(LITE, None, models), load_flow(LITE, last, models))
    assert {"bridge", "wns1", "linear_mel", "ref_enc"} <= found
    assert not found & {"enc_p", "ssl_proj", "quantizer"}


@pytest.mark.parametrize("name", FLOW)
def test_whole_nets_are_trained_and_written_too(name: str, tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, name)
    wishes: dict[str, Any] = {"lora_rank": 0, "learning_rate": 3e-2, "grad_ckpt": True, "recipe": "official"}
    last = train(tmp_path, record, dataset, models, export="both", **wishes)
    assert last.name == "buzz_e1_s2.safetensors"
    base, ours, theirs = (load_flow(record, path, models) for path in (None, last, last.with_suffix(".pth")))
    for tensor, value in theirs.state_dict().items():
        torch.testing.assert_close(value, ours.state_dict()[tensor], rtol=1e-3, atol=1e-3, msg=tensor)
    assert {"cfm", "bridge", "wns1"} <= changes(base, ours)
    assert not changes(base, ours) & {"enc_p", "ref_enc", "quantizer", "ssl_proj", "linear_mel"}


def test_it_learns(tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, "v4")
    train(tmp_path, record, dataset, models, epochs=25, lora_rank=0, learning_rate=3e-3, batch_size=4)
    points = [json.loads(line) for line in (dataset.sovits_run(record) / "losses.jsonl").read_text().splitlines()]
    losses = [point["loss"] for point in points]
    assert sum(losses[-6:]) < 0.7 * sum(losses[:6])


def test_a_lora_holds_what_an_official_one_holds() -> None:
    with torch.device("meta"):
        net = build_sovits(version("v3"))
        assert isinstance(net, SovitsFlow)
        adapt(net, 32)
    found = {name: tuple(value.shape) for name, value in lora_tensors(net).items()}
    assert found == published_shapes("s2G_v3_lora_r32_saved", HERE / "keys")


def test_a_lora_begins_as_its_base_and_teaches_only_itself(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = build_sovits(tiny("v3"))
    assert isinstance(net, SovitsFlow)
    net.eval()
    features, prompt = torch.randn(1, 16, 20), torch.randn(1, 100, 4)
    noise = torch.randn(1, 100, 20)
    plain = net.cfm.sample(features, None, prompt, steps=2, noise=noise)
    adapt(net, 16)
    assert flow_of(net).estimator is net.cfm.estimator
    torch.testing.assert_close(net.cfm.sample(features, None, prompt, steps=2, noise=noise), plain)
    taught = {name.split(".")[-3] for name, weight in net.cfm.named_parameters() if weight.requires_grad}
    assert taught == {"lora_A", "lora_B"}


def test_fixed_matrices_are_held_as_they_are_multiplied(tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, "v4")
    found = []
    for is_coarse in (False, True):
        torch.manual_seed(0)
        net = load_flow(record, None, models)
        adapt(net, 16)
        if is_coarse:
            hold_coarsely(net, "bf16")
            kinds = {weight.dtype for weight in net.cfm.parameters() if not weight.requires_grad}
            assert kinds == {torch.bfloat16, torch.float32}, "norms stay"
            assert {weight.dtype for weight in net.cfm.parameters() if weight.requires_grad} == {torch.float32}
        rows = read_flow_rows(dataset, record, net, None, silent)
        data = FlowData(rows, 3, net.sizes, 0, takes_stretches=False)
        with torch.autocast("cpu", torch.bfloat16):
            loss, _ = flow_loss(net, data.load(data.draws(1)[0]))
        loss.backward()
        found.append(loss.detach())
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    hold_coarsely(net, "fp32")


def test_which_ranks_there_are() -> None:
    v3, v2 = version("v3"), version("v2")
    wishes = ((v3, None), (v2, None), (LITE, None), (v3, 128), (v3, 0))
    assert [rank_of(one, plan(Path("m"), lora_rank=rank)) for one, rank in wishes] == [32, 0, 0, 128, 0]
    with pytest.raises(UnknownChoice, match=r"lora_rank 8; choose one of: 0 \(all weights\), 16, 32, 64, 128"):
        rank_of(v3, plan(Path("m"), lora_rank=8))
    with pytest.raises(BadInput, match="version 'v2' has no LoRA"):
        rank_of(v2, plan(Path("m"), lora_rank=16))


def test_a_lora_wants_the_versions_base(tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, "v3")
    whole = train(tmp_path, record, dataset, models, lora_rank=0)
    with pytest.raises(BadInput, match=r"a LoRA is put on the version's base s2Gv3\.pth"):
        train(tmp_path, record, dataset, models, base=whole)
    assert train(tmp_path, record, dataset, models, base=models / "s2Gv3.pth").is_file()


def test_the_bundled_net_has_no_official_form(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="version 'lite' has no official form"):
        train(tmp_path, LITE, DatasetFolder(tmp_path), tmp_path, export="official")


@pytest.mark.parametrize(("name", "rate"), [("v3", 1.875), ("v4", 2.0)])
def test_whole_clips_are_their_own_reference(name: str, rate: float, tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, name)
    net = load_flow(record, None, models)
    rows = read_flow_rows(dataset, record, net, None, silent)
    assert [row.frames for row in rows] == [68, 78, 74]
    assert [len(row.mel) for row in rows] == [int(row.frames * rate) for row in rows]
    data = FlowData(rows, 3, net.sizes, 0, takes_stretches=False)
    batch = data.load(data.draws(1)[0])
    assert batch.frames is not None
    assert batch.frames.tolist() == batch.reference_lens.tolist()
    assert sorted(batch.frames.tolist()) == [68, 74, 78]
    assert batch.reference.shape == (3, 704, 78)
    official = read_flow_rows(dataset, record, net, None, silent, is_official=True)
    data = FlowData(official, 3, net.sizes, 0, takes_stretches=False, is_official=True)
    batch = data.load(data.draws(1)[0])
    assert batch.codes.shape[1] == 41
    assert batch.mel.shape[-1] >= int(82 * rate)


def test_padding_is_heard_only_in_the_official_recipe(tmp_path: Path) -> None:
    record, dataset, models = prepared(tmp_path, "v4")
    net = load_flow(record, None, models)
    torch.manual_seed(0)
    for weight in net.cfm.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    rows = read_flow_rows(dataset, record, net, None, silent)
    data = FlowData(rows[:1], 1, net.sizes, 0, takes_stretches=False)
    batch = data.load(data.draws(1)[0])
    longer = replace(
        batch,
        codes=torch.nn.functional.pad(batch.codes, (0, 20)),
        mel=torch.nn.functional.pad(batch.mel, (0, 80)),
    )
    found = {}
    for hears in (False, True):
        flow_of(net).estimator.masks_padding = not hears
        for kind, one in (("alone", batch), ("padded", longer)):
            noise = torch.randn(1, 100, 400, generator=torch.Generator().manual_seed(1))[..., : one.mel.shape[-1]]
            draws = FlowStepDraws(torch.tensor([0.3]), FlowDraws(torch.tensor([0.5]), noise))
            found[hears, kind] = float(flow_loss(net.eval(), one, draws=draws)[0].detach())
    assert found[False, "alone"] == pytest.approx(found[False, "padded"], rel=1e-4)
    assert found[False, "alone"] == pytest.approx(found[True, "alone"], rel=1e-4)
    assert found[True, "alone"] != pytest.approx(found[True, "padded"], rel=1e-3)
