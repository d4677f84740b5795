"""Official small checkpoints, in and out; names map one to one; LoRAs merge as the official program merges them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from myna.checkpoints.identify import identify
from myna.checkpoints.keys import gpt_name, merge_lora, official_gpt_name, peft_name, sovits_name
from myna.checkpoints.official import read_gpt, read_sovits, write_gpt, write_sovits
from myna.core.errors import BadCheckpoint, UnknownChoice, WorkspaceError
from tests.checkpoints import torch_files as make

FILES = Path(__file__).parent / "files"
KEYS = Path(__file__).parents[1] / "parity" / "models" / "keys"
GPT_CONFIG = {"data": {"max_sec": 54}, "model": {"hidden_dim": 512, "EOS": 1024}, "output_dir": "logs/x"}
SOVITS_CONFIG = {
    "data": {"filter_length": 2048, "sampling_rate": 32000, "hop_length": 640, "win_length": 2048, "n_speakers": 300},
    "train": {"segment_size": 20480, "betas": (0.8, 0.99)},
    "model": {"gin_channels": 512, "upsample_rates": [10, 8], "mel": None},
}


def key_list(name: str) -> list[str]:
    return list(json.loads((KEYS / name).read_text()))


@pytest.mark.parametrize("name", ["s1_v1.json", "s1_v2.json"])
def test_gpt_names_are_one_to_one(name: str) -> None:
    official = key_list(name)
    ours = [gpt_name(key) for key in official]
    assert len(set(ours)) == len(official) == 295
    assert [official_gpt_name(key) for key in ours] == official
    assert not any(key.startswith("model.") for key in ours)


def test_sovits_names_are_one_to_one() -> None:
    ours = key_list("s2G_v3.json")
    wrapped = [peft_name(key) for key in ours]
    assert len(set(wrapped)) == len(ours)
    assert [sovits_name(key) for key in wrapped] == ours
    adapted = [key for key in wrapped if ".base_layer." in key]
    assert len(adapted) == 22 * 4 * 2
    assert "cfm.base_model.model.estimator.transformer_blocks.0.attn.to_out.0.base_layer.bias" in adapted
    assert all(
        key.startswith("cfm.base_model.model.") == our.startswith("cfm.")
        for key, our in zip(wrapped, ours, strict=True)
    )


def test_every_name_of_an_official_lora_file_has_its_place() -> None:
    saved = json.loads((Path(__file__).parent / "keys" / "s2G_v3_lora_saved.json").read_text())
    base = {key: torch.zeros(4, 4) for key in key_list("s2G_v3.json")}
    lora = {
        key: torch.ones(4, 2) if "lora_B" in key else torch.ones(2, 4) if "lora_A" in key else torch.ones(4, 4)
        for key in saved
    }
    merged = merge_lora(base, lora)
    assert merged.keys() == base.keys()
    to_q = "cfm.estimator.transformer_blocks.3.attn.to_q.weight"
    assert torch.equal(merged[to_q], torch.full((4, 4), 2.0))
    assert torch.equal(merged["bridge.0.weight"], torch.ones(4, 4))
    assert torch.equal(merged["enc_p.text_embedding.weight"], torch.zeros(4, 4))
    assert not base[to_q].any()


def test_merging_adds_the_product_in_full_precision() -> None:
    torch.manual_seed(0)
    whole, a, b = torch.randn(6, 5).half(), torch.randn(2, 5).half(), torch.randn(6, 2).half()
    prefix = "cfm.base_model.model.estimator.attn.to_k"
    lora = {f"{prefix}.lora_A.default.weight": a, f"{prefix}.lora_B.default.weight": b}
    merged = merge_lora({"cfm.estimator.attn.to_k.weight": whole}, lora)["cfm.estimator.attn.to_k.weight"]
    assert merged.dtype == torch.float16
    assert torch.equal(merged, (whole.float() + b.float() @ a.float()).half())


@pytest.mark.parametrize(
    "shapes",
    [
        {"A": (2, 5)},
        {"B": (6, 2)},
        {"A": (3, 5), "B": (6, 2)},
        {"A": (2, 4), "B": (6, 2)},
        {"A": (2, 5, 1), "B": (6, 2)},
    ],
)
def test_a_lora_that_does_not_fit_is_refused(shapes: dict[str, tuple[int, ...]]) -> None:
    prefix = "cfm.base_model.model.estimator.attn.to_k"
    lora = {f"{prefix}.lora_{letter}.default.weight": torch.ones(shape) for letter, shape in shapes.items()}
    with pytest.raises(BadCheckpoint, match=r"cfm\.estimator\.attn\.to_k\.weight"):
        merge_lora({"cfm.estimator.attn.to_k.weight": torch.ones(6, 5)}, lora)
    with pytest.raises(BadCheckpoint, match="no such tensor"):
        merge_lora({}, lora)


def test_reads_an_official_gpt_file() -> None:
    gpt = read_gpt(FILES / "s1_v2.ckpt")
    assert list(gpt.tensors) == ["ar_text_position.alpha"]
    assert gpt.info == "GPT-e15"
    assert gpt.symbols == "v2"
    assert gpt.config["train"]["seed"] == 1234


@pytest.mark.parametrize(
    ("name", "symbols", "version", "rank"),
    [
        ("s2_v1.pth", "v1", "v1", None),
        ("s2_v2.pth", "v2", "v2", None),  # 732 rows overrule the size of this tiny file, as in the official reader
        ("s2_v2Pro.pth", "v2", "v2Pro", None),
        ("s2_v2ProPlus.pth", "v2", "v2ProPlus", None),
        ("s2_v3.pth", "v2", "v3", 32),
        ("s2_v4.pth", "v2", "v4", 32),
    ],
)
def test_reads_official_sovits_files(name: str, symbols: str, version: str, rank: int | None) -> None:
    sovits = read_sovits(FILES / name)
    assert (sovits.identity.symbols, sovits.identity.version) == (symbols, version)
    assert sovits.identity.is_lora is (rank is not None)
    assert sovits.lora_rank == rank
    assert sovits.info == "3epoch_120iteration"
    assert sovits.config["data"]["sampling_rate"] == 32000


def test_other_checkpoints_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="resume training"):
        read_sovits(FILES / "G_233333333333.pth")
    with pytest.raises(BadCheckpoint, match="is a GPT file"):
        read_sovits(FILES / "s1_v2.ckpt")
    with pytest.raises(BadCheckpoint, match="no tensor of a GPT file"):
        read_gpt(FILES / "s2_v1.pth")
    path = tmp_path / "x.pth"
    for content in (
        {"a": 1},
        {"weight": {"a": 1}, "config": {}},
        {"weight": {"a": torch.ones(1)}, "config": [1]},
        {"weight": {"enc_p.text_embedding.weight": torch.ones(5, 2)}, "config": {}},
    ):
        path.write_bytes(make.torch_bytes(content))
        with pytest.raises(BadCheckpoint, match=r"x\.pth"):
            read_sovits(path)


def test_a_gpt_file_round_trips_and_official_code_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "GPT_weights" / "voice-e15.ckpt"
    tensors = {
        "bert_proj.weight": torch.randn(3, 4),
        "ar_text_embedding.word_embeddings.weight": torch.randn(512, 2)[:, :1],
    }
    write_gpt(path, tensors, GPT_CONFIG, epoch=15)
    theirs = torch.load(path, weights_only=True)
    assert list(theirs) == ["weight", "config", "info"]
    assert theirs["weight"].keys() == {f"model.{name}" for name in tensors}
    assert theirs["config"]["data"]["max_sec"] == 54
    ours = read_gpt(path)
    assert ours.config == GPT_CONFIG
    assert (ours.info, ours.symbols) == ("GPT-e15", "v1")
    assert all(torch.equal(ours.tensors[name], tensor.half()) for name, tensor in tensors.items())


def official_load(path: Path) -> dict[str, Any]:
    """As the official program opens a file, but without running what it says."""
    import io

    data = path.read_bytes()
    content: dict[str, Any] = torch.load(io.BytesIO(b"PK" + data[2:]), weights_only=True)
    return content


@pytest.mark.parametrize(
    ("version", "head"), [("v1", b"PK"), ("v2", b"PK"), ("v2Pro", b"05"), ("v2ProPlus", b"06"), ("v3", b"02")]
)
def test_whole_sovits_files_round_trip(tmp_path: Path, version: str, head: bytes) -> None:
    path = tmp_path / "voice_e8_s120.pth"
    rows = 322 if version == "v1" else 732
    tensors = {"enc_p.text_embedding.weight": torch.randn(rows, 2), "enc_q.pre.weight": torch.ones(2)}
    write_sovits(path, tensors, SOVITS_CONFIG, version=version, epoch=8, step=120)
    assert path.read_bytes()[:2] == head
    assert official_load(path)["weight"].keys() == {"enc_p.text_embedding.weight"}
    assert official_load(path)["info"] == "8epoch_120iteration"
    sovits = read_sovits(path)
    assert sovits.identity.version == version
    assert not sovits.identity.is_lora
    assert sovits.config["train"]["betas"] == [0.8, 0.99]
    assert torch.equal(sovits.tensors["enc_p.text_embedding.weight"], tensors["enc_p.text_embedding.weight"].half())


def test_whole_v4_weights_go_out_as_a_lora_that_replaces_all(tmp_path: Path) -> None:
    path = tmp_path / "voice.pth"
    shapes = dict.fromkeys(key_list("s2G_v3.json"), (2, 2))
    shapes["enc_p.text_embedding.weight"] = (732, 2)
    tuned = {key: torch.randn(shape) for key, shape in shapes.items()}
    write_sovits(path, tuned, SOVITS_CONFIG, version="v4", epoch=1, step=2)
    assert path.read_bytes()[:2] == b"04"
    assert identify(path).is_lora
    assert official_load(path)["lora_rank"] == 1
    sovits = read_sovits(path)
    base = {key: torch.zeros(shape) for key, shape in shapes.items()}
    merged = merge_lora(base, sovits.tensors)
    assert merged.keys() == tuned.keys()
    assert all(torch.equal(merged[key], tuned[key].half()) for key in tuned)


@pytest.mark.parametrize(("version", "head"), [("v3", b"03"), ("v4", b"04")])
def test_lora_files_round_trip(tmp_path: Path, version: str, head: bytes) -> None:
    path = tmp_path / "voice_e8_s120_l32.pth"
    name = "cfm.base_model.model.estimator.attn.to_q.lora_A.default.weight"
    write_sovits(path, {name: torch.ones(32, 4)}, SOVITS_CONFIG, version=version, epoch=8, step=120, lora_rank=32)
    assert path.read_bytes()[:2] == head
    sovits = read_sovits(path)
    assert sovits.identity.is_lora
    assert sovits.lora_rank == 32
    assert list(sovits.tensors) == [name]


def test_what_official_readers_could_not_use_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "voice.pth"
    with pytest.raises(UnknownChoice, match="v2ProPlus"):
        write_sovits(path, {}, SOVITS_CONFIG, version="lite", epoch=1, step=1)
    with pytest.raises(UnknownChoice, match="choose one of: v3, v4"):
        write_sovits(path, {}, SOVITS_CONFIG, version="v2", epoch=1, step=1, lora_rank=8)
    with pytest.raises(ValueError, match="lacks data hop_length"):
        data = {key: value for key, value in SOVITS_CONFIG["data"].items() if key != "hop_length"}
        write_sovits(path, {}, {**SOVITS_CONFIG, "data": data}, version="v3", epoch=1, step=1)
    with pytest.raises(ValueError, match="lacks model"):
        write_gpt(path, {}, {"data": {"max_sec": 54}}, epoch=1)
    with pytest.raises(ValueError, match="cannot hold a PosixPath"):
        write_gpt(path, {}, {**GPT_CONFIG, "output_dir": tmp_path}, epoch=1)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WorkspaceError):
        write_gpt(tmp_path / "file" / "x.ckpt", {}, GPT_CONFIG, epoch=1)
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_a_view_does_not_drag_its_base_into_the_file(tmp_path: Path) -> None:
    write_gpt(tmp_path / "a.ckpt", {"x": torch.zeros(1_000_000)[:3]}, GPT_CONFIG, epoch=1)
    assert (tmp_path / "a.ckpt").stat().st_size < 5000
