"""Nets come back from their files as they were, and files that do not fit say so."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from myna.checkpoints.native import read_weights, write_weights
from myna.core import assets
from myna.core.errors import BadCheckpoint, BadInput, MissingAsset, NotFound
from myna.core.versions import VERSIONS, GptSizes, version
from myna.engine.device import autocast_type, describe_device, pick_device
from myna.engine.library import Library
from myna.engine.weights import load_flow, load_gpt, load_sovits, load_vocoder, save_net
from myna.models.build import build_gpt
from tests.engine.voices import LITE


def test_a_net_keeps_its_sizes_and_numbers(models: Path, tmp_path: Path) -> None:
    first = load_sovits(LITE, None, models)
    save_net(tmp_path / "own.safetensors", first, version=LITE, provenance={"epoch": 3})
    second = load_sovits(LITE, tmp_path / "own.safetensors", models)
    assert second.sizes == first.sizes
    assert second.sizes.dit_width == 32, "the tiny base's, not the version's"
    for name, value in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], value)
    stored = read_weights(tmp_path / "own.safetensors")
    assert stored.tensors["cfm.estimator.proj_out.weight"].dtype == torch.float16
    assert stored.tensors["quantizer.vq.layers.0._codebook.embed"].dtype == torch.float32
    assert stored.provenance == {"epoch": 3}


def test_a_net_from_before_it_was_told_the_pitch_still_loads(models: Path, tmp_path: Path) -> None:
    stored = read_weights(assets.find("lite_sovits", models))
    sizes = {name: value for name, value in stored.config["sizes"].items() if name != "has_pitch"}
    tensors = {name: value for name, value in stored.tensors.items() if not name.startswith("pitch.")}
    write_weights(tmp_path / "old.safetensors", tensors, {**stored.config, "sizes": sizes}, {})
    old = load_flow(LITE, tmp_path / "old.safetensors", models)
    assert old.pitch is None
    assert old.sizes == replace(load_flow(LITE, None, models).sizes, has_pitch=False)


def test_no_weights_are_drawn_that_the_file_replaces(models: Path) -> None:
    before = torch.get_rng_state()
    load_gpt(LITE, None, models)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_file_of_another_kind_or_version_is_named(models: Path, tmp_path: Path) -> None:
    gpt = assets.find("lite_gpt", models)
    with pytest.raises(BadCheckpoint, match="holds a gpt model of version lite; a sovits model"):
        load_sovits(LITE, gpt, models)
    with pytest.raises(BadCheckpoint, match="a gpt model of version v3 is needed"):
        load_gpt(version("v3"), gpt, models)


def test_gpts_of_one_make_serve_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An official file does not say which of these versions it was trained for; ours does, and need not be stricter."""
    sizes = GptSizes(phone_vocab=732, width=16, heads=2, layers=1, feed_forward=16, bert_width=8)
    for name in ("v2", "v2Pro", "v4"):
        monkeypatch.setitem(VERSIONS, name, replace(VERSIONS[name], gpt=sizes))
    net = build_gpt(VERSIONS["v2"])
    save_net(tmp_path / "own.safetensors", net, version=VERSIONS["v2"], provenance={})
    for name in ("v2", "v2Pro", "v4"):
        loaded = load_gpt(VERSIONS[name], tmp_path / "own.safetensors", tmp_path)
        torch.testing.assert_close(loaded.bert_proj.weight, net.bert_proj.weight, rtol=0, atol=1e-3)
    with pytest.raises(BadCheckpoint, match="a gpt model of version v1 is needed"):
        load_gpt(VERSIONS["v1"], tmp_path / "own.safetensors", tmp_path)
    other_table = replace(VERSIONS["v4"], name="v9", symbols="v1")
    with pytest.raises(BadCheckpoint, match="a gpt model of version v9 is needed"):
        load_gpt(other_table, tmp_path / "own.safetensors", tmp_path)


def test_damaged_weights_are_refused(models: Path, tmp_path: Path) -> None:
    stored = read_weights(assets.find("lite_gpt", models))
    for name, tensors, config in (
        ("less", dict(list(stored.tensors.items())[1:]), stored.config),
        ("more", stored.tensors | {"strange": torch.zeros(1)}, stored.config),
        ("sizes", stored.tensors, stored.config | {"sizes": {"hats": 3}}),
    ):
        write_weights(tmp_path / f"{name}.safetensors", tensors, config, {})
        with pytest.raises(BadCheckpoint, match=rf"{name}\.safetensors"):
            load_gpt(LITE, tmp_path / f"{name}.safetensors", models)


def test_an_official_file_that_does_not_fit_is_refused(models: Path) -> None:
    file = Path(__file__).parents[1] / "checkpoints" / "files" / "s1_v2.ckpt"
    with pytest.raises(BadCheckpoint, match="does not fit"):
        load_gpt(version("v3"), file, models)


def test_an_absent_base_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "bundled", lambda file: tmp_path / "nothing" / file)
    with pytest.raises(MissingAsset, match="install myna again"):
        load_gpt(LITE, None, tmp_path)
    with pytest.raises(MissingAsset, match=r"bigvgan_generator\.pt is missing .*450 MB.*myna fetch v3"):
        load_vocoder(version("v3"), tmp_path)


def test_the_library_reads_a_file_once_and_again_when_it_changes(models: Path, tmp_path: Path) -> None:
    library, path = Library(models, "cpu"), tmp_path / "gpt.safetensors"
    net = load_gpt(LITE, None, models)
    save_net(path, net, version=LITE, provenance={})
    first = library.gpt(LITE, path)
    assert library.gpt(LITE, path) is first
    assert library.gpt(LITE) is not first
    with torch.no_grad():
        net.ar_predict_layer.weight.add_(1.0)
    save_net(path, net, version=LITE, provenance={})
    os.utime(path, ns=(1, 1))
    read = library.gpt(LITE, path).gpt.ar_predict_layer.weight
    torch.testing.assert_close(read, net.ar_predict_layer.weight, rtol=0, atol=1e-2)
    with pytest.raises(NotFound, match="gone"):
        library.gpt(LITE, tmp_path / "gone.safetensors")


def test_the_library_forgets_what_was_not_used_for_longest(models: Path) -> None:
    library = Library(models, "cpu", capacity=2)
    gpt, content = library.gpt(LITE), library.content(LITE)
    assert library.gpt(LITE) is gpt
    library.sovits(LITE)
    assert library.gpt(LITE) is gpt
    assert library.content(LITE) is not content


def test_a_version_without_flow_cannot_be_loaded_as_one(models: Path) -> None:
    with pytest.raises(BadInput, match="no flow decoder"):
        load_flow(replace(LITE, flow=None), None, models)


def test_devices() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert describe_device("cpu") == f"cpu, {torch.get_num_threads()} threads"
    assert autocast_type(torch.device("cpu")) in (torch.bfloat16, torch.float32)
    for name in ("cuda:99", "tpu", "", "-1", "cuda:x"):
        with pytest.raises(BadInput, match="choose one of: auto, cpu"):
            pick_device(name)
