"""Small denoising nets with random weights, in files of the published forms."""

from __future__ import annotations

import re
from pathlib import Path

import torch

from myna.core.assets import asset
from myna.core.workspace import make_folder
from myna.models.frcrn import Frcrn, FrcrnSizes
from myna.models.mossformer2 import MossFormer2, MossSizes

FRCRN = FrcrnSizes(width=8, memory=20)
MOSS = MossSizes(width=32, layers=2, bands=20)

_PARTS = r"\.(encoder|decoder|fsmn_enc|fsmn_dec|se_layer_enc|se_layer_dec)\.(\d)\."


def frcrn_weights() -> dict[str, torch.Tensor]:
    """Under the published names, the tables of the transform with them."""
    torch.manual_seed(4)
    weights = {re.sub(_PARTS, r".\1\2.", name): tensor for name, tensor in Frcrn(FRCRN).state_dict().items()}
    tables = {"stft.weight": (642, 1, 640), "istft.weight": (642, 1, 640), "istft.window": (1, 640, 1)}
    return weights | {name: torch.zeros(shape) for name, shape in tables.items()}


def store_clearvoice_frcrn(models: Path) -> Path:
    """As ClearVoice publishes it: the state of a training on several processors."""
    state = {"model": {f"module.{name}": tensor for name, tensor in frcrn_weights().items()}}
    return _stored(models, "FRCRN_SE_16K", {**state, "epoch": 88, "optimizer": {"param_groups": [{"lr": 1e-4}]}})


def store_official_frcrn(models: Path) -> Path:
    """As ModelScope publishes what the official program takes: weights only, the parts of its lists named twice."""
    weights = frcrn_weights()
    lists = {"encoder": "encoders", "decoder": "decoders", "se_layer_enc": "se_layers_enc", "fsmn_enc": "fsmn_enc"}
    again = {
        f"{net}.{lists[part]}.{number}.{rest}": tensor
        for name, tensor in weights.items()
        for net, part, number, rest in re.findall(
            r"^(unet2?)\.(encoder|decoder|se_layer_enc|fsmn_enc)(\d)\.(.*)$", name
        )
    }
    return _stored(models, "speech_frcrn_ans_cirm_16k", weights | again)


def store_mossformer2(models: Path) -> Path:
    """As ClearVoice publishes it: weights only."""
    torch.manual_seed(4)
    return _stored(models, "MossFormer2_SE_48K", MossFormer2(MOSS).state_dict())


def _stored(models: Path, name: str, held: dict[str, object]) -> Path:
    row = asset(name)
    path = make_folder(models / row.file) / row.files[0].path
    torch.save(held, path)
    return path
