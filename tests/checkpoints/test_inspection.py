"""What people are told about a file."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from myna.checkpoints.inspection import inspect
from myna.checkpoints.native import write_weights
from myna.core.assets import ASSETS, AssetFile, bundled
from myna.core.errors import BadCheckpoint, NotFound
from tests.checkpoints import tiny_models as tiny
from tests.checkpoints import torch_files as make

FILES = Path(__file__).parent / "files"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.make_small(monkeypatch)


def told(path: Path) -> dict[str, str]:
    return {fact.name: fact.value for fact in inspect(path)}


def test_an_official_gpt(tmp_path: Path) -> None:
    facts = told(tiny.write_small_gpt(tmp_path / "a.ckpt", folder="GPT_weights_v2Pro"))
    assert facts["kind"] == "GPT: text to semantic tokens"
    assert facts["form"] == "GPT-SoVITS (torch)"
    assert facts["version"].startswith("v2Pro (GPTs of v2, v2Pro, v2ProPlus, v3, v4 have the same make)")
    assert facts["languages"] == "zh, en, ja, ko, yue"
    assert "phone_vocab 732, semantic_vocab 1025, width 16, layers 1" in facts["sizes"]
    assert facts["tensors"].endswith("(float16)")
    assert (facts["epoch"], facts["name"], facts["batch size"]) == ("15", "anna", "8")
    assert "damage" not in facts
    assert "published as" not in facts


@pytest.mark.parametrize(
    ("name", "version", "kind"),
    [
        ("s2_v1.pth", "v1", "SoVITS"),
        ("s2_v2.pth", "v2", "SoVITS"),
        ("s2_v2Pro.pth", "v2Pro", "SoVITS"),
        ("s2_v2ProPlus.pth", "v2ProPlus", "SoVITS"),
        ("s2_v3.pth", "v3", "LoRA"),
        ("s2_v4.pth", "v4", "LoRA"),
    ],
)
def test_files_of_the_official_writers(name: str, version: str, kind: str) -> None:
    facts = told(FILES / name)
    assert (facts["version"], facts["kind"].split(":")[0]) == (version, kind)
    assert (facts["epoch"], facts["step"], facts["name"], facts["learning rate"]) == ("3", "120", "small", "0.0001")
    assert facts["kind"].endswith(", rank 32") == (kind == "LoRA")


def test_a_file_of_ours_tells_where_it_comes_from() -> None:
    facts = told(bundled("lite/sovits.safetensors"))
    assert (facts["version"], facts["form"], facts["languages"]) == ("lite", "Myna (safetensors)", "en")
    assert facts["licence"].startswith("MIT")
    assert told(bundled("voiceprint/ge2e.safetensors"))["kind"] == "speaker net: tells who speaks"


def test_damage_is_told(tmp_path: Path) -> None:
    broken = tiny.gpt_tensors() | {"bert_proj.bias": torch.full((16,), float("nan"))}
    facts = told(tiny.write_small_gpt(tmp_path / "a.ckpt", broken))
    assert facts["damage"] == "values that are no numbers in 1 tensors, such as bert_proj.bias"


def test_states_to_resume_from_and_nets_that_are_not_known() -> None:
    facts = told(FILES / "G_233333333333.pth")
    assert facts["kind"] == (
        "something else: tensors of no net that is known here; a state to resume training from, with its optimizer"
    )
    assert facts["epoch"] == "7"


def test_a_published_file_is_told_by_its_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "renamed.pth"
    torch.save({"conv_pre.weight": torch.ones(3), "resblocks.0.bias": torch.ones(1)}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    row = replace(ASSETS["v4_vocoder"], files=(AssetFile("", path.stat().st_size, digest),))
    monkeypatch.setitem(ASSETS, "v4_vocoder", row)
    facts = told(path)
    assert (facts["kind"], facts["published as"]) == ("vocoder: mel to sound", "v4_vocoder, mel to sound")
    monkeypatch.setitem(ASSETS, "v4_vocoder", replace(row, files=(AssetFile("", path.stat().st_size, "0" * 64),)))
    assert "published as" not in told(path)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.wav", b"RIFF" + bytes(60), "is a WAV sound; a model file"),
        ("a.pth", b"version https://git-lfs.github.com/spec/v1\noid", "is a Git LFS pointer, not the file itself"),
        ("a.ckpt", b"", "is empty"),
        ("a.pth", b"words " * 20, "no torch file"),
        ("a.pth", make.torch_bytes([1, 2]), "holds a list; a dictionary of named tensors was expected"),
        ("a.pth", make.torch_bytes({"a": 1}), "is a torch file, but of no model"),
        ("a.pt", make.torch_bytes(torch.ones(2, 3)), r"holds one tensor \(2, 3\), as a data set's features do"),
        ("a.safetensors", b"\x08" + bytes(7) + b"{}      ", "does not say what it holds"),
        (
            "a.pth",
            make.torch_bytes({"a": make.Runs(print, "executed")}),
            r"asks for '__builtin__\.print'; nothing of it was executed",
        ),
    ],
)
def test_something_else_is_named(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadCheckpoint, match=says) as caught:
        inspect(tmp_path / name)
    assert name in str(caught.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        inspect(tmp_path / "gone.pth")
    with pytest.raises(NotFound, match="is a folder; name a model file in it"):
        inspect(tmp_path)


def test_a_safetensors_file_of_strangers_is_no_model_of_ours(tmp_path: Path) -> None:
    write_weights(tmp_path / "a.safetensors", {"x": torch.ones(1)}, {"kind": "opera", "version": "v0"}, {})
    facts = told(tmp_path / "a.safetensors")
    assert facts["kind"].startswith("something else")
