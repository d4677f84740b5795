"""Weights by a formula, a song by another, and small nets in the forms of the published files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import yaml

from myna.models.separation.roformer import USUAL_BANDS

RATE = 44_100
SPARSE = 441
"""Every so manieth sample is in the record."""

ROFORMER = {
    "dim": 16,
    "depth": 1,
    "stereo": True,
    "num_stems": 1,
    "time_transformer_depth": 1,
    "freq_transformer_depth": 2,
    "dim_head": 8,
    "heads": 2,
    "attn_dropout": 0.1,
    "flash_attn": True,
    "dim_freqs_in": 1025,
    "stft_n_fft": 2048,
    "stft_hop_length": 441,
    "stft_win_length": 2048,
    "stft_normalized": False,
    "mask_estimator_depth": 2,
    "multi_stft_resolutions_window_sizes": (4096, 2048, 1024, 512, 256),
}
BANDS = {"bs_roformer": {"freqs_per_bands": USUAL_BANDS}, "mel_band_roformer": {"num_bands": 60, "sample_rate": RATE}}


def song(seconds: float = 4.0) -> np.ndarray:
    """Rising tones and a hiss that differ between the channels, (T, 2)."""
    moments = np.arange(int(seconds * RATE)) / RATE
    left = 0.3 * np.sin(2 * np.pi * (220 * moments + 300 * moments**2)) + 0.1 * np.sin(2 * np.pi * 9000 * moments)
    right = 0.3 * np.sin(2 * np.pi * (330 * moments + 200 * moments**2))
    hiss = np.random.default_rng(1).uniform(-0.1, 0.1, (len(moments), 2)) * np.sin(2 * np.pi * moments)[:, None]
    return (np.stack([left, right], axis=1) + hiss).astype(np.float32)


def filled(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights of these names and shapes that keep sound at its level; rotary frequencies are as they must be."""
    choice = np.random.default_rng(seed)
    tensors = {}
    for name, shape in sorted(shapes.items()):
        values = choice.standard_normal(shape)
        if name.endswith("num_batches_tracked"):
            tensors[name] = torch.tensor(1)
            continue
        if name.endswith("freqs"):
            values = 1 / 10000 ** (np.arange(0, 2 * shape[0], 2) / (2 * shape[0]))
        elif name.endswith("running_var"):
            values = 0.5 + np.abs(values)
        elif len(shape) > 1:
            values *= np.sqrt((1500 if name == "out.weight" else 2) / np.prod(shape[1:]))
        else:
            values = 0.1 * values + (1 if name.endswith(("weight", "gamma")) else 0)
        tensors[name] = torch.from_numpy(np.asarray(values, np.float32))
    return tensors


def shapes_of(net: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}


def write_roformer(folder: Path, kind: str, tensors: Mapping[str, torch.Tensor], **changes: object) -> Path:
    """A checkpoint and its config, as they are published."""
    weights = folder / "uvr5_weights" / f"small_{kind}.ckpt"
    weights.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(tensors), weights)
    config = {
        "audio": {"chunk_size": RATE, "sample_rate": RATE},
        "model": {**ROFORMER, **BANDS[kind]},
        "training": {"instruments": ["vocals", "other"], "target_instrument": "vocals"},
        "inference": {"batch_size": 1, "num_overlap": 2},
    }
    for path, value in changes.items():
        section, _, name = path.partition("__")
        config[section][name] = value
    # With its tuples, as the published ones have them.
    weights.with_suffix(".yaml").write_text(yaml.dump(config))
    return weights
