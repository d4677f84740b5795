"""Mixing two fine-tunes: every number lies between theirs; strangers are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from myna.checkpoints.conversion import merge
from myna.checkpoints.mixing import kinship, mix
from myna.checkpoints.model_file import ModelFile, read_model
from myna.checkpoints.native import write_weights
from myna.core.errors import BadInput, Conflict
from tests.checkpoints import tiny_models as tiny


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.make_small(monkeypatch)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[ModelFile, ModelFile]:
    """Two fine-tunes of one base."""
    base = tiny.sovits_tensors()
    first = tiny.write_small_sovits(tmp_path / "a.pth", tensors=tiny.nudged(base, seed=1))
    second = tiny.write_small_sovits(tmp_path / "b.pth", tensors=tiny.nudged(base, seed=2))
    return read_model(first), read_model(second)


def test_every_number_lies_between(pair: tuple[ModelFile, ModelFile]) -> None:
    first, second = pair
    mixed = mix(first, second, 0.3)
    assert mixed.tensors.keys() == first.tensors.keys()
    for name, tensor in mixed.tensors.items():
        one, other = first.tensors[name].float(), second.tensors[name].float()
        assert tensor.dtype == first.tensors[name].dtype
        torch.testing.assert_close(tensor.float(), 0.7 * one + 0.3 * other, rtol=2e-3, atol=1e-5)
    for weight, whole in ((0.0, first), (1.0, second)):
        assert all(
            torch.equal(tensor, whole.tensors[name]) for name, tensor in mix(first, second, weight).tensors.items()
        )
    swapped = mix(second, first, 0.7)
    for name, tensor in mixed.tensors.items():
        torch.testing.assert_close(tensor, swapped.tensors[name], rtol=2e-3, atol=1e-4)


def test_what_is_written_tells_what_it_is_made_of(pair: tuple[ModelFile, ModelFile], tmp_path: Path) -> None:
    made = merge(pair[0].path, pair[1].path, tmp_path / "c.safetensors", weight=0.25)
    assert (made.kind, made.version) == ("sovits", "v3")
    told = read_model(tmp_path / "c.safetensors").provenance["mixed_from"]
    assert [(each["file"], each["share"]) for each in told] == [("a.pth", 0.75), ("b.pth", 0.25)]
    official = merge(pair[0].path, tmp_path / "c.safetensors", tmp_path / "d.pth", weight=0.5)
    assert official.version == read_model(tmp_path / "d.pth").version == "v3"


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan"), float("inf")])
def test_weights_that_are_no_share(pair: tuple[ModelFile, ModelFile], tmp_path: Path, weight: float) -> None:
    with pytest.raises(BadInput, match=r"weight .* is out of range; give the second model's share, 0 to 1"):
        merge(pair[0].path, pair[1].path, tmp_path / "c.pth", weight=weight)
    assert not (tmp_path / "c.pth").exists()


def test_unlike_kinds_versions_and_sizes(pair: tuple[ModelFile, ModelFile], tmp_path: Path) -> None:
    first, _ = pair
    gpt = read_model(tiny.write_small_gpt(tmp_path / "g.ckpt"))
    with pytest.raises(Conflict, match=r"unlike kinds cannot be mixed: .*a\.pth is sovits, .*g\.ckpt is gpt"):
        mix(first, gpt, 0.5)
    with pytest.raises(Conflict, match=r"unlike versions cannot be mixed: .* is v3, .* is v4"):
        mix(first, replace(first, version="v4"), 0.5)
    name = "bridge.0.bias"
    wider = replace(first, tensors=first.tensors | {name: torch.ones(17)})
    with pytest.raises(Conflict, match=r"unlike sizes .*: bridge\.0\.bias has the shapes \(16,\) and \(17,\)"):
        mix(first, wider, 0.5)
    fewer = replace(first, tensors={key: value for key, value in first.tensors.items() if key != name})
    with pytest.raises(Conflict, match=r"unlike make cannot be mixed: only .*a\.pth has bridge\.0\.bias"):
        mix(fewer, first, 0.5)
    spoilt = replace(first, tensors=first.tensors | {name: torch.full((16,), float("inf"))})
    with pytest.raises(BadInput, match="holds values that are no numbers, in bridge"):
        mix(first, spoilt, 0.5)


def test_unlike_parents(pair: tuple[ModelFile, ModelFile], tmp_path: Path) -> None:
    first, second = pair
    codebook = next(name for name in first.tensors if name.endswith("_codebook.embed"))
    other = replace(second, tensors=second.tensors | {codebook: second.tensors[codebook] + 0.1})
    with pytest.raises(Conflict, match=r"unlike parents .*: quantizer.*, which training leaves alone, differs"):
        mix(first, other, 0.5)
    coarser = {
        name: tensor.float() * (1 + 1e-6) for name, tensor in second.tensors.items() if name.startswith("quantizer.")
    }
    mix(first, replace(second, tensors=second.tensors | coarser), 0.5)
    told = [replace(model, provenance={"base": base}) for model, base in ((first, "x.pth"), (second, "y.pth"))]
    with pytest.raises(Conflict, match=r"unlike parents cannot be mixed: .* comes from x\.pth, .* from y\.pth"):
        mix(*told, 0.5)
    strangers = [tiny.write_small_gpt(tmp_path / f"{seed}.ckpt", tiny.gpt_tensors(seed)) for seed in (0, 1)]
    with pytest.raises(Conflict, match=r"their weights have nothing in common \(cosine -?0\.\d\d\)"):
        mix(read_model(strangers[0]), read_model(strangers[1]), 0.5)
    kin = tiny.write_small_gpt(tmp_path / "kin.ckpt", tiny.nudged(tiny.gpt_tensors(0)))
    mix(read_model(strangers[0]), read_model(kin), 0.5)


def test_kinship_is_the_cosine_of_all_matrices() -> None:
    one = {"a": torch.tensor([[3.0, 4.0]]), "bias": torch.ones(5), "count": torch.ones(2, 2, dtype=torch.long)}
    assert kinship(one, one) == pytest.approx(1.0)
    assert kinship(one, one | {"a": torch.tensor([[4.0, -3.0]])}) == pytest.approx(0.0)
    assert kinship(one, one | {"a": torch.tensor([[-3.0, -4.0]])}) == pytest.approx(-1.0)
    zero = {"a": torch.zeros(1, 2)}
    assert (kinship(zero, zero), kinship(zero, one)) == (1.0, 0.0)


def test_only_trained_models_are_mixed(tmp_path: Path) -> None:
    whole = tiny.sovits_tensors()
    lora = read_model(tiny.write_small_lora(tmp_path / "l.pth", whole[tiny.TO_Q]))
    with pytest.raises(BadInput, match="is a LoRA; put it into its base first: myna convert IN OUT --merged"):
        mix(lora, lora, 0.5)
    write_weights(tmp_path / "v.safetensors", {"lstm.weight_ih_l0": torch.ones(2)}, {}, {})
    other = read_model(tmp_path / "v.safetensors")
    with pytest.raises(BadInput, match="is no trained GPT or SoVITS"):
        mix(other, other, 0.5)
