"""Dataset folders for the published versions, of clips and features that are made up, and small bases to train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from myna.audio.io import write_wav
from myna.checkpoints.official import write_sovits
from myna.checkpoints.tensor_file import write_tensor
from myna.core.assets import asset
from myna.core.training import SovitsPlan
from myna.core.versions import ModelVersion, version
from myna.core.workspace import DatasetFolder, write_text
from myna.engine.training.sovits_export import official_settings
from myna.models.build import build_discriminators, build_sovits
from myna.testing.tiny_base import TINY_CONTENT, tiny_vits
from tests.engine.voices import buzz

RATE = 32_000
VITS, FLOW = ("v1", "v2", "v2Pro", "v2ProPlus"), ("v3", "v4")
SPEAKER_WIDTH = 80


def tiny(name: str) -> ModelVersion:
    """A published version with nets as small as they can be."""
    record = version(name)
    if record.vits is not None:
        return replace(record, vits=tiny_vits(record))
    assert record.flow is not None
    sizes = replace(
        record.flow,
        content_width=TINY_CONTENT.width,
        hidden=16,
        filter=16,
        layers=2,
        mrte_width=16,
        mrte_heads=2,
        style_hidden=16,
        speaker_width=16,
        feature_width=16,
        wavenet_layers=1,
        dit_width=32,
        dit_depth=2,
        dit_heads=2,
        dit_conv_layers=1,
    )
    return replace(record, flow=sizes)


def write_published_base(models: Path, record: ModelVersion, seed: int = 0) -> Path:
    """A base of random weights where the published one belongs, in its form; with discriminators where it has some."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = build_sovits(record)
        for weight in net.parameters():
            if not weight.any():  # zero gates would keep a flow from learning anything in a few steps
                torch.nn.init.normal_(weight, std=0.1)
        judges = build_discriminators(record) if record.vits is not None else None
    kind = {"vits": "sovits", "flow": "sovits"}[record.decoder]
    base = models / asset(f"{record.name}_{kind}").file
    base.parent.mkdir(parents=True, exist_ok=True)
    if judges is None:
        settings = official_settings(record, net.sizes, SovitsPlan(), "base")
        write_sovits(base, net.state_dict(), settings, version=record.name, epoch=0, step=0)
    else:
        # The published bases have what only training needs; files of trained voices have not.
        torch.save({"weight": net.state_dict(), "config": {}, "info": ""}, base)
        place = models / asset(f"{record.name}_discriminator").file
        torch.save({"weight": judges.state_dict()}, place)
    return base


def write_published(folder: Path, record: ModelVersion, seconds: Sequence[float] = (1.4, 1.6, 1.5)) -> DatasetFolder:
    """A dataset folder as the official program leaves it, of clips so long."""
    dataset, rng = DatasetFolder(folder), np.random.default_rng(0)
    lines = []
    for number, length in enumerate(seconds):
        clip, num_samples = f"clip{number}.wav", int(length * RATE)
        write_wav(dataset.wav32k / clip, buzz(num_samples / RATE, seed=number), RATE)
        content = rng.standard_normal((1, TINY_CONTENT.width, num_samples // 640 - 1)).astype(np.float16)
        write_tensor(dataset.content / f"{clip}.pt", content)
        write_tensor(dataset.speaker / f"{clip}.pt", rng.standard_normal((1, SPEAKER_WIDTH)).astype(np.float16))
        lines.append(f"{clip}\tAA1 B IY0 .\tNone\ttext\n")
    write_text(dataset.text_file, "".join(lines))
    return dataset


def plan(models: Path, **more: Any) -> SovitsPlan:
    """A short training on the CPU, in float32."""
    given: dict[str, Any] = {"models": models, "epochs": 1, "batch_size": 2, "device": "cpu", "precision": "fp32"}
    return SovitsPlan(**(given | more))
