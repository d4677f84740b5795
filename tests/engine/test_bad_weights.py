"""Model files that are not what they are given for: refused in one line that names file, reason and what was wanted."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from myna.checkpoints.conversion import convert
from myna.checkpoints.identify import HEADS
from myna.checkpoints.native import read_weights, write_weights
from myna.checkpoints.official import write_gpt, write_sovits
from myna.core import assets
from myna.core.errors import BadCheckpoint
from myna.core.speech import SpeechRequest, Voice
from myna.core.versions import FlowSizes, GptSizes, version
from myna.engine.library import Library
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.weights import load_gpt, load_sovits, save_net
from myna.models.build import build_gpt, build_sovits
from tests.checkpoints import torch_files as make
from tests.engine.voices import LITE, TEXTS, Recordings

Tensors = dict[str, torch.Tensor]
Spoil = Callable[[Tensors], object]

FLOW = FlowSizes(
    phone_vocab=732,
    content_width=8,
    codes=8,
    hidden=8,
    filter=8,
    layers=2,
    mrte_width=8,
    mrte_heads=2,
    style_hidden=8,
    speaker_width=8,
    feature_width=8,
    wavenet_layers=1,
    dit_width=16,
    dit_depth=1,
    dit_heads=2,
    dit_conv_layers=1,
)
TINY = replace(
    version("v3"),
    gpt=GptSizes(phone_vocab=732, width=16, heads=2, layers=2, feed_forward=16, bert_width=8),
    flow=FLOW,
)
CONFIG: dict[str, Any] = {
    "data": dict.fromkeys(("max_sec", "filter_length", "sampling_rate", "hop_length", "win_length", "n_speakers"), 1),
    "train": {"segment_size": 20480},
    "model": {},
}


def weights_of(kind: str) -> Tensors:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = build_gpt(TINY) if kind == "gpt" else build_sovits(TINY)
    return dict(net.state_dict())


def gpt_file(path: Path, tensors: Tensors, **settings: Any) -> Path:
    write_gpt(path, tensors, CONFIG | {"model": settings}, epoch=3)
    return path


def sovits_file(path: Path, tensors: Tensors, head: bytes = b"02", **settings: Any) -> Path:
    write_sovits(path, tensors, CONFIG | {"model": settings}, version="v3", epoch=3, step=9)
    path.write_bytes(head + path.read_bytes()[2:])
    return path


def refused(load: Callable[..., object], path: Path, reason: str, models: Path = Path("none")) -> None:
    """Loading fails in one line that names the file and has ``reason``, a regular expression, in it."""
    with pytest.raises(BadCheckpoint, match=reason) as caught:
        load(TINY, path, models)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_honest_files_are_loaded(tmp_path: Path) -> None:
    """So the refusals below are about what was spoilt."""
    tensors = weights_of("gpt")
    settings = {"hidden_dim": 16, "head": 2, "n_layer": 2, "vocab_size": 1025, "phoneme_vocab_size": 732, "dropout": 0}
    net = load_gpt(TINY, gpt_file(tmp_path / "a.ckpt", tensors, **settings), tmp_path)
    torch.testing.assert_close(net.bert_proj.weight, tensors["bert_proj.weight"].half().float())
    sovits = weights_of("sovits")
    for head in (b"02", b"PK"):
        path = sovits_file(tmp_path / "a.pth", sovits, head, gin_channels=8, n_heads=2, hidden_channels=8)
        bias = load_sovits(TINY, path, tmp_path).state_dict()["bridge.0.bias"]
        torch.testing.assert_close(bias, sovits["bridge.0.bias"].half().float())


def without(name: str) -> Spoil:
    return lambda tensors: tensors.pop(name)


def put(name: str, tensor: torch.Tensor) -> Spoil:
    return lambda tensors: tensors.update({name: tensor})


def spoil_number(name: str, value: float) -> Spoil:
    return lambda tensors: tensors[name].view(-1)[-1].fill_(value)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without("bert_proj.bias"), r"lacks 1 weights \(the first is bert_proj\.bias\)"),
        (put("hats.weight", torch.ones(3)), r"has unknown 1 weights \(the first is hats\.weight\)"),
        (put("bert_proj.bias", torch.ones(9)), r"bert_proj\.bias of shape \(9,\), not \(16,\)"),
        (put("bert_proj.bias", torch.ones(16, 1)), r"of shape \(16, 1\), not \(16,\)"),
        (spoil_number("bert_proj.weight", math.nan), r"bert_proj\.weight holds values that are no numbers"),
        (spoil_number("ar_predict_layer.weight", math.inf), r"ar_predict_layer\.weight holds values that are no"),
        (spoil_number("ar_predict_layer.weight", 1e6), r"no numbers"),  # too large for half precision
    ],
)
def test_spoilt_weights_are_refused(tmp_path: Path, spoil: Spoil, reason: str) -> None:
    tensors = weights_of("gpt")
    spoil(tensors)
    refused(load_gpt, gpt_file(tmp_path / "a.ckpt", tensors), reason)


@pytest.mark.parametrize(
    ("name", "value", "ours"),
    [("head", 4, 2), ("hidden_dim", 512, 16), ("n_layer", 24, 2), ("vocab_size", 7, 1025), ("head", "two\nheads", 2)],
)
def test_settings_that_disagree_with_the_net_are_refused(tmp_path: Path, name: str, value: object, ours: int) -> None:
    path = gpt_file(tmp_path / "a.ckpt", weights_of("gpt"), **{name: value})
    with pytest.raises(BadCheckpoint, match=rf"says it has {name} .*; gpt models of version v3 have {ours}"):
        load_gpt(TINY, path, tmp_path)


def test_one_kind_given_as_the_other_is_named(tmp_path: Path) -> None:
    gpt, sovits = weights_of("gpt"), weights_of("sovits")
    refused(
        load_sovits, gpt_file(tmp_path / "a.ckpt", gpt), "holds a gpt model; a sovits model of version v3 is needed"
    )
    refused(load_gpt, sovits_file(tmp_path / "a.pth", sovits), "holds a sovits model; a gpt model of version v3 is")
    other = tmp_path / "D.pth"
    torch.save({"model": {"discriminators.0.convs.0.bias": torch.ones(1)}, "optimizer": {}, "iteration": 1}, other)
    refused(load_sovits, other, "holds a discriminator model; a sovits")
    for content in ({"weight": 3, "config": {}}, {"a": 1}, [1], torch.ones(3)):
        torch.save(content, tmp_path / "x.pth")
        refused(load_sovits, tmp_path / "x.pth", "x.pth")
        refused(load_gpt, tmp_path / "x.pth", "x.pth")


@pytest.mark.parametrize("head", sorted(HEADS))
def test_a_head_of_another_generation_is_refused(tmp_path: Path, head: bytes) -> None:
    path = sovits_file(tmp_path / "a.pth", weights_of("sovits"), head)
    if HEADS[head].version == TINY.name:
        assert load_sovits(TINY, path, tmp_path)
    else:
        refused(load_sovits, path, f"marked as version {HEADS[head].version}; a sovits model of version v3 is needed")


@pytest.mark.parametrize("head", [b"07", b"\x00\x00", b"pk", b"MZ"])
def test_a_head_that_nobody_writes_is_refused(tmp_path: Path, head: bytes) -> None:
    refused(load_sovits, sovits_file(tmp_path / "a.pth", weights_of("sovits"), head), "no torch file")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    path = gpt_file(tmp_path / "a.ckpt", weights_of("gpt"))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refused(load_gpt, path, "a.ckpt")


def test_a_file_that_wants_to_run_something_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    mark = tmp_path / "was_here"
    torch.save({"weight": {"a": make.Runs(os.system, f"touch {mark}")}, "config": {}}, tmp_path / "a.pth")
    refused(load_sovits, tmp_path / "a.pth", r"asks for 'posix\.system'; nothing of it was executed")
    refused(load_gpt, tmp_path / "a.pth", "nothing of it was executed")
    assert not mark.exists()


def test_training_states_speak_too(tmp_path: Path) -> None:
    gpt, sovits = weights_of("gpt"), weights_of("sovits")
    state = {
        "state_dict": {f"model.{name}": tensor for name, tensor in gpt.items()},
        "epoch": 4,
        "optimizer_states": [],
    }
    torch.save(state, tmp_path / "epoch=4-step=9.ckpt")
    net = load_gpt(TINY, tmp_path / "epoch=4-step=9.ckpt", tmp_path)
    torch.testing.assert_close(net.bert_proj.weight, gpt["bert_proj.weight"])
    state = {"model": sovits, "iteration": 7, "optimizer": {"state": {}, "param_groups": []}, "learning_rate": 1e-4}
    torch.save(state, tmp_path / "G_7.pth")
    assert load_sovits(TINY, tmp_path / "G_7.pth", tmp_path).sizes == FLOW


def test_a_lora_is_put_into_its_base(tmp_path: Path) -> None:
    base = weights_of("sovits")
    torch.save({"weight": base, "config": CONFIG}, tmp_path / "s2Gv3.pth")
    name = "cfm.estimator.transformer_blocks.0.attn.to_q"
    wide, high = torch.full((16, 2), 0.5), torch.full((2, 16), 0.25)
    peft = f"{name.replace('cfm.', 'cfm.base_model.model.')}.lora_"
    lora = {f"{peft}A.default.weight": high, f"{peft}B.default.weight": wide, "bridge.0.bias": torch.ones(8)}
    path = tmp_path / "anna_e2_s100_l2.pth"
    write_sovits(path, lora, CONFIG, version="v3", epoch=2, step=100, lora_rank=2)
    net = load_sovits(TINY, path, tmp_path).state_dict()
    torch.testing.assert_close(net[f"{name}.weight"], base[f"{name}.weight"] + 0.25)
    torch.testing.assert_close(net["bridge.0.bias"], torch.ones(8))
    convert(path, tmp_path / "anna.safetensors", models=tmp_path)
    ours = load_sovits(TINY, tmp_path / "anna.safetensors", tmp_path).state_dict()
    torch.testing.assert_close(ours[f"{name}.weight"], net[f"{name}.weight"])
    other = replace(TINY, name="v4")
    with pytest.raises(BadCheckpoint, match="marked as version v3; a sovits model of version v4 is needed"):
        load_sovits(other, tmp_path / "anna.safetensors", tmp_path)
    lora[f"{peft}B.default.weight"] = torch.ones(3, 2)
    write_sovits(path, lora, CONFIG, version="v3", epoch=2, step=100, lora_rank=2)
    refused(load_sovits, path, "does not fit the base", tmp_path)


# --- files of ours ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes",
    [
        {"width": 10**9},
        {"layers": 10**6},
        {"layers": -1},
        {"layers": 2.5},
        {"width": "16"},
        {"heads": [2]},
        {"layers": 0},
        {"heads": 0},
        {"heads": 3},
        {"heads": None},
        {"follows_text": 1},
        {"width": True},
        [16],
        "tiny",
    ],
)
def test_sizes_that_are_only_claimed_are_refused(tmp_path: Path, sizes: object) -> None:
    config = {"kind": "gpt", "version": "v3", "sizes": sizes}
    write_weights(tmp_path / "a.safetensors", weights_of("gpt"), config, {})
    refused(load_gpt, tmp_path / "a.safetensors", r"says its|does not say|says that heads 3 share width 16")


def test_sizes_that_the_weights_do_not_have_are_refused(tmp_path: Path) -> None:
    """A wide net is not built to find that out: a row of 300 000 numbers would make it terabytes large."""
    tensors = weights_of("gpt") | {"long": torch.zeros(300_000, dtype=torch.float16)}
    config = {"kind": "gpt", "version": "v3", "sizes": {"width": 300_000, "heads": 2}}
    write_weights(tmp_path / "a.safetensors", tensors, config, {})
    refused(load_gpt, tmp_path / "a.safetensors", "does not fit the net")


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ({"hidden": 300_000}, "does not fit the net"),
        ({"dit_depth": 40}, "does not fit the net"),
        ({"dit_width": 24}, "of which no net can be built"),
        ({"mrte_heads": 3}, "mrte_heads 3 share mrte_width 8"),
        ({"frames_per_content": None}, "frames_per_content is None"),
    ],
)
def test_sizes_that_a_sovits_does_not_have_are_refused(tmp_path: Path, sizes: dict[str, int], reason: str) -> None:
    tensors = weights_of("sovits") | {"long": torch.zeros(300_000, dtype=torch.float16)}
    config = {"kind": "sovits", "version": "v3", "sizes": sizes}
    write_weights(tmp_path / "a.safetensors", tensors, config, {})
    refused(load_sovits, tmp_path / "a.safetensors", reason)


def test_spoilt_numbers_in_our_own_files_are_refused(tmp_path: Path) -> None:
    net = build_gpt(TINY)
    with torch.no_grad():
        net.bert_proj.bias[3] = math.nan
    save_net(tmp_path / "a.safetensors", net, version=TINY, provenance={})
    refused(load_gpt, tmp_path / "a.safetensors", r"bert_proj\.bias holds values that are no numbers")


# --- what was loaded before stays in service -------------------------------------------------------------------------


def test_a_failed_load_leaves_other_nets_in_service(models: Path, tmp_path: Path) -> None:
    library = Library(models, "cpu", capacity=1)
    good = library.gpt(LITE)
    (tmp_path / "bad.safetensors").write_bytes(b"not weights")
    for _ in range(3):
        with pytest.raises(BadCheckpoint):
            library.gpt(LITE, tmp_path / "bad.safetensors")
    assert library.gpt(LITE) is good


def test_a_voice_speaks_on_after_another_could_not_be_loaded(
    models: Path, recordings: Recordings, tmp_path: Path
) -> None:
    speaker = LocalSpeaker(models, "cpu")
    gpt = assets.find("lite_gpt", models)
    own = tmp_path / "own.safetensors"
    own.write_bytes(gpt.read_bytes())
    voice = Voice(reference=recordings.clips / "clip0.wav", reference_text=TEXTS[0], gpt=own)

    def said(whose: Voice) -> bytes:
        request = SpeechRequest(text="A short test.", voice=whose, seed=7, sampling_steps=1)
        return b"".join(chunk.samples.tobytes() for chunk in speaker.say(request))

    before = said(voice)
    stored = read_weights(own)
    spoilt = {name: torch.full_like(tensor, math.nan) for name, tensor in stored.tensors.items()}
    for kind, tensors in (("nan", spoilt), ("less", dict(list(stored.tensors.items())[1:]))):
        write_weights(tmp_path / f"{kind}.safetensors", tensors, stored.config, {})
        whose = voice.model_copy(update={"gpt": tmp_path / f"{kind}.safetensors"})
        with pytest.raises(BadCheckpoint, match=rf"{kind}\.safetensors"):
            speaker.say(SpeechRequest(text="A short test.", voice=whose))  # refused before the first piece is wanted
    assert said(voice) == before
