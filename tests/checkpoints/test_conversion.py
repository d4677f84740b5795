"""From form to form and back: the same numbers, the same settings, and nothing written that could not be loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from myna.checkpoints.conversion import check_fits, convert, write_model
from myna.checkpoints.identify import identify
from myna.checkpoints.model_file import LORA, ModelFile, read_model
from myna.checkpoints.native import write_weights
from myna.checkpoints.official_config import gpt_config, sizes_of_gpt, sovits_config
from myna.core.assets import asset
from myna.core.errors import BadCheckpoint, BadInput, MissingAsset, MynaError, UnknownChoice
from myna.core.versions import GptSizes, version
from myna.engine.weights import load_gpt, load_sovits
from tests.checkpoints import tiny_models as tiny
from tests.checkpoints.tiny_models import Tensors

KEYS = Path(__file__).parents[1] / "parity" / "models" / "keys"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.make_small(monkeypatch)


def same(first: Tensors, second: Tensors) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def to(source: Path, target: Path, **more: object) -> ModelFile:
    convert(source, target, models=target.parent / "models", **more)  # type: ignore[arg-type]
    return read_model(target)


def test_a_gpt_goes_out_and_comes_back(tmp_path: Path) -> None:
    official = tiny.write_small_gpt(tmp_path / "a.ckpt", folder="GPT_weights_v4")
    first = read_model(official)
    assert (first.kind, first.version, first.is_official, first.epoch_and_step) == ("gpt", "v4", True, (15, 0))
    ours = to(official, tmp_path / "b.safetensors")
    assert (ours.kind, ours.version, ours.is_official, ours.info) == ("gpt", "v4", False, "GPT-e15")
    assert same(ours.tensors, tiny.gpt_tensors())
    net = load_gpt(version("v4"), tmp_path / "b.safetensors", tmp_path)
    assert net.sizes == tiny.GPT
    back = to(tmp_path / "b.safetensors", tmp_path / "c.ckpt")
    assert same(back.tensors, first.tensors)
    assert (back.config, back.info, back.version) == (first.config, first.info, "v4")
    assert torch.load(tmp_path / "c.ckpt", weights_only=True)["config"]["train"]["exp_name"] == "anna"


def test_a_gpt_is_of_the_version_that_its_folder_or_its_owner_names(tmp_path: Path) -> None:
    plain = tiny.write_small_gpt(tmp_path / "a.ckpt")
    assert read_model(plain).version == "v2"
    assert read_model(tiny.write_small_gpt(tmp_path / "b.ckpt", folder="GPT_weights_v2ProPlus")).version == "v2ProPlus"
    assert read_model(tiny.write_small_gpt(tmp_path / "c.ckpt", folder="GPT_weights_mine")).version == "v2"
    assert to(plain, tmp_path / "d.safetensors", version_name="v3").version == "v3"
    with pytest.raises(BadInput, match="is a gpt model of version v2; it cannot pass for v1"):
        to(plain, tmp_path / "e.safetensors", version_name="v1")
    with pytest.raises(UnknownChoice, match="v9"):
        to(plain, tmp_path / "e.safetensors", version_name="v9")
    assert not (tmp_path / "e.safetensors").exists()


@pytest.mark.parametrize("name", ["v2", "v2Pro", "v3", "v4"])
def test_a_sovits_goes_out_and_comes_back(tmp_path: Path, name: str) -> None:
    official = tiny.write_small_sovits(tmp_path / "a.pth", name)
    ours = to(official, tmp_path / "b.safetensors")
    assert (ours.kind, ours.version, ours.epoch_and_step) == ("sovits", name, (8, 120))
    whole = tiny.sovits_tensors(name)
    assert same(ours.tensors, {key: whole[key] for key in whole if not key.startswith("enc_q.")})
    load_sovits(version(name), tmp_path / "b.safetensors", tmp_path)
    back = to(tmp_path / "b.safetensors", tmp_path / "c.pth")
    assert (back.kind, back.version, back.info, back.config) == ("sovits", name, ours.info, ours.config)
    assert same(back.tensors, ours.tensors)
    assert (tmp_path / "c.pth").read_bytes()[:2] == official.read_bytes()[:2]


def test_a_net_that_was_trained_here_gets_official_settings(tmp_path: Path) -> None:
    record = version("v3")
    about = {"epoch": 4, "step": 9}
    for kind, sizes, tensors in (("gpt", tiny.GPT, tiny.gpt_tensors()), ("sovits", record.flow, tiny.sovits_tensors())):
        config = {"kind": kind, "version": "v3", "sizes": vars(sizes)}
        write_weights(tmp_path / f"{kind}.safetensors", tensors, config, about)
    gpt = to(tmp_path / "gpt.safetensors", tmp_path / "gpt.ckpt")
    assert gpt.config == gpt_config(tiny.GPT)
    assert gpt.info == "GPT-e4"
    sovits = to(tmp_path / "sovits.safetensors", tmp_path / "sovits.pth")
    assert sovits.config == sovits_config("v3")
    assert sovits.info == "4epoch_9iteration"


def test_settings_of_published_sizes_are_the_published_settings() -> None:
    sizes = GptSizes(phone_vocab=732)
    model = gpt_config(sizes)["model"]
    assert (model["hidden_dim"], model["n_layer"], model["head"], model["EOS"]) == (512, 24, 16, 1024)
    assert sizes_of_gpt(gpt_config(sizes)) == sizes
    assert sizes_of_gpt({"model": {"hidden_dim": "512"}}) is None
    pro = sovits_config("v2ProPlus")["model"]
    assert (pro["gin_channels"], pro["upsample_initial_channel"], pro["upsample_kernel_sizes"][0]) == (1024, 768, 20)
    plain = sovits_config("v2")["model"]
    assert (plain["gin_channels"], plain["version"], plain["upsample_kernel_sizes"][0]) == (512, "v2", 16)


def test_a_lora_stays_one_or_goes_into_its_base(tmp_path: Path) -> None:
    whole = tiny.sovits_tensors()
    lora = tiny.write_small_lora(tmp_path / "a.pth", whole[tiny.TO_Q])
    assert (read_model(lora).kind, read_model(lora).lora_rank) == (LORA, 2)
    ours = to(lora, tmp_path / "b.safetensors")
    assert (ours.kind, ours.version, ours.lora_rank) == (LORA, "v3", 2)
    assert same(ours.tensors, tiny.lora_tensors(whole[tiny.TO_Q]))
    back = to(tmp_path / "b.safetensors", tmp_path / "c.pth")
    assert same(back.tensors, ours.tensors)
    assert (back.lora_rank, back.info) == (2, "3epoch_30iteration")
    with pytest.raises(MissingAsset, match=r"s2Gv3\.pth is missing .*myna fetch v3"):
        to(lora, tmp_path / "d.pth", merge=True)
    tiny.write_small_sovits(tmp_path / "models" / asset("v3_sovits").file)
    high, wide = (next(ours.tensors[name].float() for name in ours.tensors if part in name) for part in ("_A.", "_B."))
    for made in (
        to(lora, tmp_path / "d.pth", merge=True),
        to(tmp_path / "b.safetensors", tmp_path / "e.pth", merge=True),
    ):
        assert (made.kind, made.lora_rank, identify(made.path).is_lora) == ("sovits", None, False)
        assert torch.equal(made.tensors[tiny.TO_Q], (whole[tiny.TO_Q].float() + wide @ high).half())
        assert torch.equal(made.tensors["bridge.0.bias"], torch.full((16,), 0.5).half())
        assert made.tensors.keys() == whole.keys()


def test_a_lora_wants_the_base_that_it_was_trained_on(tmp_path: Path) -> None:
    whole = tiny.sovits_tensors()
    lora = tiny.write_small_lora(tmp_path / "a.pth", whole[tiny.TO_Q])
    other = tiny.write_small_sovits(tmp_path / "v4.pth", "v4")
    gpt = tiny.write_small_gpt(tmp_path / "gpt.ckpt")
    target = tmp_path / "out.pth"
    with pytest.raises(BadCheckpoint, match="of version v4; the LoRA wants a sovits model of version v3"):
        to(lora, target, merge=True, base=other)
    with pytest.raises(BadCheckpoint, match="is a gpt model"):
        to(lora, target, merge=True, base=gpt)
    with pytest.raises(BadInput, match="is no LoRA, so there is nothing to merge"):
        to(gpt, tmp_path / "out.ckpt", merge=True, base=other)
    with pytest.raises(BadInput, match="would be written over what it is made from"):
        to(lora, other, merge=True, base=other)
    assert not target.exists()


def test_a_training_state_becomes_a_model(tmp_path: Path) -> None:
    whole = {name: tensor.float() for name, tensor in tiny.sovits_tensors().items()}
    state = {"model": whole, "iteration": 7, "optimizer": {"state": {}, "param_groups": []}, "learning_rate": 1e-4}
    torch.save(state, tmp_path / "G_7.pth")
    found = read_model(tmp_path / "G_7.pth")
    assert (found.kind, found.version, found.is_training_state, found.epoch_and_step) == ("sovits", "", True, (7, 0))
    with pytest.raises(BadInput, match="does not say its version; add --version"):
        to(tmp_path / "G_7.pth", tmp_path / "a.pth")
    made = to(tmp_path / "G_7.pth", tmp_path / "a.pth", version_name="v4")
    assert (made.version, made.info) == ("v4", "7epoch_0iteration")
    assert same(made.tensors, tiny.sovits_tensors())
    lightning = {"state_dict": {f"model.{name}": tensor for name, tensor in tiny.gpt_tensors().items()}, "epoch": 3}
    torch.save({**lightning, "global_step": 5, "loops": {}, "optimizer_states": []}, tmp_path / "epoch=3.ckpt")
    gpt = read_model(tmp_path / "epoch=3.ckpt")
    assert (gpt.kind, gpt.version, gpt.is_training_state, gpt.epoch_and_step) == ("gpt", "v2", True, (3, 0))


def test_half_precision_spares_what_must_stay_exact(tmp_path: Path) -> None:
    whole = {name: tensor.float() + 1e-4 for name, tensor in tiny.sovits_tensors().items()}
    config = {"kind": "sovits", "version": "v3", "sizes": None}
    write_weights(tmp_path / "a.safetensors", whole, config, {})
    kept = to(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert same(kept.tensors, whole)
    half = to(tmp_path / "a.safetensors", tmp_path / "c.safetensors", half=True)
    for name, tensor in half.tensors.items():
        assert tensor.dtype == (torch.float32 if name.startswith("quantizer.") else torch.float16), name
    assert (tmp_path / "c.safetensors").stat().st_size < 0.6 * (tmp_path / "b.safetensors").stat().st_size


def test_targets_that_cannot_be_written(tmp_path: Path) -> None:
    gpt, sovits = tiny.write_small_gpt(tmp_path / "a.ckpt"), tiny.write_small_sovits(tmp_path / "a.pth")
    before = {path: path.read_bytes() for path in (gpt, sovits)}
    with pytest.raises(BadInput, match=r"x\.onnx has no suffix .*choose one of: \.safetensors, \.ckpt, \.pth"):
        to(gpt, tmp_path / "x.onnx")
    with pytest.raises(BadInput, match="would be written over"):
        to(gpt, gpt)
    (tmp_path / "link.ckpt").symlink_to(gpt)
    with pytest.raises(BadInput, match="would be written over"):
        to(gpt, tmp_path / "link.ckpt")
    with pytest.raises(BadInput, match=r"\.pth cannot hold .*a gpt model; suffixes that can: \.safetensors, \.ckpt"):
        to(gpt, tmp_path / "x.pth")
    with pytest.raises(BadInput, match=r"\.ckpt cannot hold .*a sovits model"):
        to(sovits, tmp_path / "x.ckpt")
    bundled = {"kind": "gpt", "version": "lite", "sizes": vars(tiny.GPT)}
    write_weights(tmp_path / "lite.safetensors", tiny.gpt_tensors(), bundled, {})
    with pytest.raises(UnknownChoice, match="unknown version for an official file 'lite'; choose one of: v1, v2"):
        to(tmp_path / "lite.safetensors", tmp_path / "x.ckpt")
    torch.save({"conv_pre.weight": torch.ones(1), "resblocks.0.weight": torch.ones(1)}, tmp_path / "vocoder.pth")
    with pytest.raises(BadInput, match="is a vocoder file; only gpt and sovits models"):
        to(tmp_path / "vocoder.pth", tmp_path / "x.safetensors")
    assert {path: path.read_bytes() for path in before} == before
    assert not list(tmp_path.glob("x.*"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ar_predict_layer.weight": None}, r"lacks 1 weights \(the first is ar_predict_layer\.weight\)"),
        ({"extra.weight": torch.ones(2)}, r"has unknown 1 weights \(the first is extra\.weight\)"),
        ({"bert_proj.bias": torch.ones(17)}, r"has bert_proj\.bias of shape \(17,\), not \(16,\)"),
        ({"bert_proj.bias": torch.full((16,), float("nan"))}, "values that are no numbers, in bert_proj.bias"),
    ],
)
def test_nets_that_could_not_be_loaded_are_not_written(
    tmp_path: Path, change: dict[str, torch.Tensor | None], says: str
) -> None:
    changed = {name: value for name, value in (tiny.gpt_tensors() | change).items() if value is not None}
    source = tiny.write_small_gpt(tmp_path / "a.ckpt", changed)
    with pytest.raises(BadCheckpoint, match=says):
        to(source, tmp_path / "b.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]


@pytest.mark.parametrize(
    ("keys", "kind", "version_name"),
    [
        ("s1_v1", "gpt", "v1"),
        ("s1_v2", "gpt", "v2Pro"),
        ("s2G_v1", "sovits", "v1"),
        ("s2G_v2", "sovits", "v2"),
        ("s2G_v2Pro", "sovits", "v2Pro"),
        ("s2G_v2ProPlus", "sovits", "v2ProPlus"),
        ("s2G_v3", "sovits", "v3"),
        ("s2G_v3", "sovits", "v4"),
    ],
)
def test_published_tensors_fit_their_version_and_no_other(
    monkeypatch: pytest.MonkeyPatch, keys: str, kind: str, version_name: str
) -> None:
    monkeypatch.undo()  # nets of the published sizes, without numbers
    listed = json.loads((KEYS / f"{keys}.json").read_text(encoding="utf-8"))
    tensors = {
        name.removeprefix("model.") if kind == "gpt" else name: torch.empty(shape, device="meta")
        for name, (shape, _dtype) in listed.items()
    }
    model = ModelFile(Path("a.pth"), kind, version_name, tensors, is_official=True)
    check_fits(model)
    saved = {name: tensor for name, tensor in tensors.items() if not name.startswith("enc_q.")}
    check_fits(replace(model, tensors=saved))
    with pytest.raises(BadCheckpoint, match=r"^a\.pth"):
        check_fits(replace(model, version={"v1": "v2", "v2": "v1", "v3": "v2", "v4": "v2"}.get(version_name, "v1")))


def test_sizes_that_no_net_has_are_refused(tmp_path: Path) -> None:
    config = {"kind": "gpt", "version": "v3", "sizes": {"wide": 3}}
    write_weights(tmp_path / "a.safetensors", tiny.gpt_tensors(), config, {})
    with pytest.raises(BadCheckpoint, match="names sizes that this version of Myna does not know: wide"):
        to(tmp_path / "a.safetensors", tmp_path / "b.ckpt")


def test_official_settings_that_only_claim_layers_are_refused_at_once(tmp_path: Path) -> None:
    settings = gpt_config(replace(tiny.GPT, layers=10**9))
    official = tiny.write_small_gpt(tmp_path / "a.ckpt")
    model = replace(read_model(official), config=settings)
    with pytest.raises(BadCheckpoint, match="says its layers is 1000000000, which its weights cannot be"):
        check_fits(model)


def test_writing_needs_a_known_version(tmp_path: Path) -> None:
    model = read_model(tiny.write_small_gpt(tmp_path / "a.ckpt"))
    with pytest.raises(MynaError, match="unknown model version"):
        write_model(tmp_path / "b.safetensors", replace(model, version="v7"))
    assert not (tmp_path / "b.safetensors").exists()
