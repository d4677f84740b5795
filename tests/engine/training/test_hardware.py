"""fp16 without a GPU to try it on: the scaling of gradients, on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from myna.checkpoints.native import read_weights
from myna.core.errors import Cancelled, InstallationError
from myna.core.progress import silent
from myna.engine.training.hardware import Hardware, _buckets
from myna.engine.training.loop import Training
from tests.engine.training.toy import plan, toy_recipe


def scaled(folder: Path, scale: float = 1024.0) -> Training[list[int], object]:
    """A training whose gradients are scaled as those of fp16 are."""
    training = Training(toy_recipe(folder / "weights"), plan(), folder / "run")
    training.hardware._accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=2)
    return training


def test_scaled_gradients_are_unscaled_before_they_are_clipped(tmp_path: Path) -> None:
    ours = read_weights(scaled(tmp_path / "scaled").train(silent)).tensors
    plain = Training(toy_recipe(tmp_path / "weights"), plan(), tmp_path / "run").train(silent)
    for name, value in read_weights(plain).tensors.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-5, atol=1e-6)


def test_the_scale_is_resumed(tmp_path: Path) -> None:
    def stop(fraction: float, note: str) -> None:
        if "step 4 of" in note:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        scaled(tmp_path).train(stop)
    resumed = scaled(tmp_path, scale=1.0)
    resumed._resume()
    resumed.teller.end()
    assert resumed.hardware.state()["scale"] == 1024.0 * 4


def test_a_step_whose_scaled_gradients_overflow_is_left_out(tmp_path: Path) -> None:
    hardware = Hardware(torch.device("cpu"), "fp32")
    hardware._accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**126)
    net = nn.Linear(1, 1)
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    before = net.weight.detach().clone()
    hardware.backward((net(torch.tensor([[1e6]])) * 100).sum())
    hardware.step(optimiser, 1.0)
    assert torch.equal(net.weight, before)
    assert hardware.state()["scale"] == 2.0**125


def test_gpus_that_cannot_talk_to_each_other_are_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise NotImplementedError('these GPUs do not support it.\n  Please set `NCCL_P2P_DISABLE="1"`')

    monkeypatch.setattr("myna.engine.training.hardware.Accelerator", refuse)
    with pytest.raises(InstallationError, match=r'^these GPUs do not support it. Please set `NCCL_P2P_DISABLE="1"`$'):
        Hardware(torch.device("cpu"), "fp32")


def test_buckets_hold_every_tensor_once_and_one_type_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.engine.training.hardware._BUCKET", 10)
    tensors = [torch.zeros(4), torch.zeros(7, dtype=torch.half), torch.zeros(6), torch.zeros(25), torch.zeros(1)]
    buckets = _buckets(tensors)
    assert sorted(len(one) for bucket in buckets for one in bucket) == [1, 4, 6, 7, 25]
    assert all(len({one.dtype for one in bucket}) == 1 for bucket in buckets)
    assert [sum(len(one) for one in bucket) for bucket in buckets] == [7, 10, 25, 1]
