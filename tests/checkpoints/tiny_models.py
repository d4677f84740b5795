"""Model files of every form with nets so small that a test makes several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from myna.checkpoints.official import write_gpt, write_sovits
from myna.checkpoints.official_config import gpt_config, sovits_config
from myna.core.versions import VERSIONS, GptSizes, version
from myna.models.build import build_gpt, build_sovits
from myna.testing.tiny_base import tiny_vits

GPT = GptSizes(phone_vocab=732, width=16, heads=2, layers=1, feed_forward=64)
TO_Q = "cfm.estimator.transformer_blocks.0.attn.to_q.weight"

Tensors = dict[str, torch.Tensor]


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give v2, v2Pro, v3 and v4 nets of a few thousand numbers."""
    for name in ("v2", "v2Pro"):
        monkeypatch.setitem(VERSIONS, name, replace(version(name), vits=tiny_vits(version(name))))
    for name in ("v3", "v4"):
        record = version(name)
        assert record.flow is not None
        small = dict.fromkeys(("content_width", "hidden", "filter", "mrte_width", "style_hidden", "speaker_width"), 16)
        flow = replace(
            record.flow, **small, codes=8, layers=2, mrte_heads=2, feature_width=16, wavenet_layers=1, dit_width=32,
            dit_depth=1, dit_heads=2, dit_conv_layers=1,
        )  # fmt: skip
        monkeypatch.setitem(VERSIONS, name, replace(record, flow=flow))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def gpt_tensors(seed: int = 0) -> Tensors:
    with seeded(seed):
        return {name: value.half() for name, value in build_gpt(replace(version("v3"), gpt=GPT)).state_dict().items()}


def sovits_tensors(name: str = "v3", seed: int = 0) -> Tensors:
    with seeded(seed):
        return {name: value.half() for name, value in build_sovits(version(name)).state_dict().items()}


def nudged(tensors: Tensors, amount: float = 0.01, seed: int = 1) -> Tensors:
    """A fine-tune of ``tensors``: all but the frozen parts differ a little."""
    with seeded(seed):
        return {
            name: value
            if name.startswith(("quantizer.", "ssl_proj."))
            else (value + amount * torch.randn(value.shape)).to(value.dtype)
            for name, value in tensors.items()
        }


def write_small_gpt(path: Path, tensors: Tensors | None = None, folder: str = "", epoch: int = 15) -> Path:
    config: dict[str, Any] = gpt_config(GPT)
    if folder:
        config["train"] |= {"half_weights_save_dir": folder, "exp_name": "anna"}
    write_gpt(path, tensors or gpt_tensors(), config, epoch)
    return path


def write_small_sovits(path: Path, name: str = "v3", tensors: Tensors | None = None) -> Path:
    config = sovits_config(name) | {"name": "anna"}
    write_sovits(path, tensors or sovits_tensors(name), config, version=name, epoch=8, step=120)
    return path


def lora_tensors(whole: torch.Tensor, rank: int = 2) -> Tensors:
    prefix = "cfm.base_model.model.estimator.transformer_blocks.0.attn.to_q"
    with seeded(5):
        return {
            f"{prefix}.lora_A.default.weight": torch.randn(rank, whole.shape[1]).half(),
            f"{prefix}.lora_B.default.weight": torch.randn(whole.shape[0], rank).half(),
            "bridge.0.bias": torch.full((16,), 0.5).half(),
        }


def write_small_lora(path: Path, whole: torch.Tensor, name: str = "v3") -> Path:
    tensors = lora_tensors(whole)
    write_sovits(path, tensors, sovits_config(name), version=name, epoch=3, step=30, lora_rank=2)
    return path
