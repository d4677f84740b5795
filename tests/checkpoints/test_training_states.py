"""Checkpoints to resume training from: read whole, optimizer and all, and told for what they are."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch

from myna.checkpoints.model_file import read_model
from myna.checkpoints.restricted import read_torch
from tests.checkpoints import torch_files as make


def trained() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = torch.nn.Linear(3, 2)
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, betas=(0.8, 0.99), eps=1e-9)
        net(torch.ones(1, 3)).sum().backward()
        optimizer.step()
    return net, optimizer


def lightning_state() -> dict[str, Any]:
    """What Lightning 2 writes around the official GPT: all that its pickle names."""
    net, optimizer = trained()
    score = torch.tensor(0.75)
    config = make.AttributeDict(model={"head": 16}, output_dir=Path("logs/anna/logs_s1_v2"), data={"max_sec": 54})
    monitor = "ModelCheckpoint{'monitor': 'top_3_acc', 'mode': 'max', 'every_n_train_steps': 0}"
    by_path = {"logs/epoch=3.ckpt": score}
    return {
        "epoch": 3,
        "global_step": 120,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": OrderedDict((f"model.{name}", tensor) for name, tensor in net.state_dict().items()),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4, "completed": 3}}}},
        "callbacks": {monitor: {"best_k_models": by_path, "kth_value": torch.tensor(float("inf")), "dirpath": "x"}},
        "optimizer_states": [optimizer.state_dict() | {"more": defaultdict(dict, {0: {"delta": torch.zeros(2)}})}],
        "lr_schedulers": [{"base_lrs": [0.01], "_step_count": 121, "lr": 0.002}],
        "MixedPrecision": {"scale": 65536.0, "growth_tracker": 7},
        "hparams_name": "kwargs",
        "hyper_parameters": make.AttributeDict(config=config, device=torch.device("cuda", 0), is_train=True),
    }


def test_a_lightning_state_is_read_as_plain_data(tmp_path: Path) -> None:
    state = lightning_state()
    content = read_torch(make.written(tmp_path, make.lightning_bytes(state)))
    assert list(content) == list(state)
    assert torch.equal(content["state_dict"]["model.weight"], state["state_dict"]["model.weight"])
    optimizer = content["optimizer_states"][0]
    assert torch.equal(optimizer["state"][0]["exp_avg"], state["optimizer_states"][0]["state"][0]["exp_avg"])
    assert optimizer["param_groups"][0]["betas"] == (0.8, 0.99)
    assert torch.equal(optimizer["more"][0]["delta"], torch.zeros(2))
    parameters = content["hyper_parameters"]
    assert type(parameters) is dict
    assert type(parameters["config"]) is dict
    assert parameters["config"]["output_dir"] == "logs/anna/logs_s1_v2"
    assert parameters["device"] == "cuda:0"
    assert content["callbacks"][next(iter(state["callbacks"]))]["kth_value"] == float("inf")


def test_a_lightning_state_is_told_for_what_it_is(tmp_path: Path) -> None:
    found = read_model(make.written(tmp_path, make.lightning_bytes(lightning_state())))
    assert (found.kind, found.is_training_state, found.info) == ("gpt", True, "GPT-e3")
    assert set(found.tensors) == {"weight", "bias"}


@pytest.mark.parametrize("legacy", [False, True])
def test_a_sovits_state_is_read_with_its_optimizer(tmp_path: Path, legacy: bool) -> None:
    net, optimizer = trained()
    weights = OrderedDict({"enc_p.text_embedding.weight": torch.zeros(732, 4), **net.state_dict()})
    state = {"model": weights, "iteration": 7, "optimizer": optimizer.state_dict(), "learning_rate": 1e-4}
    path = make.written(tmp_path, make.torch_bytes(state, legacy))
    assert torch.equal(
        read_torch(path)["optimizer"]["state"][1]["exp_avg_sq"], optimizer.state_dict()["state"][1]["exp_avg_sq"]
    )
    found = read_model(path)
    assert (found.kind, found.is_training_state, found.info) == ("sovits", True, "7epoch_0iteration")


def test_paths_of_newer_pythons_are_texts(tmp_path: Path) -> None:
    body = b"cpathlib._local\nPosixPath\n(X\x01\x00\x00\x00/X\x03\x00\x00\x00tmptR"
    assert read_torch(make.written(tmp_path, make.zip_bytes(make.named(body)))) == {"weight": "/tmp"}
