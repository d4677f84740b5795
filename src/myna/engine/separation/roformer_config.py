"""What a Roformer's file is: told by the ``.yaml`` beside it, else by its own weights and the usual values.

The published configs hold tuples in YAML of Python's own dialect; nothing else of that dialect is understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from myna.core.errors import BadCheckpoint
from myna.engine.separation.separator import RATE_HZ
from myna.models.separation.roformer import RoformerSizes

_USUAL_CHUNK = 352_800
_MOST_OVERLAP = 64


@dataclass(frozen=True)
class RoformerConfig:
    """The net's sizes, and how it is used.

    ``chunk`` samples go through the net at a time, each a ``overlap``-th of that later than the one before. The net
    gives ``target`` alone, and the rest is called by ``other``; or, where ``target`` is empty, all ``instruments``.
    """

    sizes: RoformerSizes
    chunk: int = _USUAL_CHUNK
    overlap: int = 2
    instruments: tuple[str, ...] = ("vocals", "other")
    target: str = "vocals"

    @property
    def stems(self) -> tuple[str, ...]:
        """What comes out, what the net is for first."""
        if not self.target:
            return self.instruments
        others = [name for name in self.instruments if name != self.target]
        return (self.target, others[0] if others else "other")


class _Loader(yaml.SafeLoader):
    """Safe YAML, with tuples."""


def _tuple(loader: _Loader, node: yaml.SequenceNode) -> tuple[object, ...]:
    return tuple(loader.construct_sequence(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _tuple)


def read_config(file: Path) -> Mapping[str, Any]:
    """The mapping in a config file; raises `BadCheckpoint`."""
    loader = None
    try:
        loader = _Loader(file.read_text(encoding="utf-8"))
        content = loader.get_single_data()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadCheckpoint(f"{file} is no config that can be read: {str(error).splitlines()[0]}") from None
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise BadCheckpoint(f"{file} does not say what the net is like: it has no section `model`")
    return content


def config_of(tensors: Mapping[str, Tensor], weights: Path, config: Path | None) -> RoformerConfig:
    """The config of the net whose ``tensors`` the file ``weights`` holds; raises `BadCheckpoint`."""
    if config is None:
        told = told_by_weights(tensors, weights)
        if told.num_stems == 1:
            return RoformerConfig(told)
        return RoformerConfig(told, instruments=tuple(f"stem{n}" for n in range(1, told.num_stems + 1)), target="")
    content = read_config(config)
    sizes = _sizes(content["model"], config)
    audio, training, inference = (_section(content, name) for name in ("audio", "training", "inference"))
    if audio.get("sample_rate", RATE_HZ) != RATE_HZ:
        raise BadCheckpoint(f"{config}: the net works at {audio['sample_rate']} Hz; only {RATE_HZ} Hz is done here")
    instruments = tuple(map(_stem_name, training.get("instruments") or ("vocals", "other")))
    target = _stem_name(training.get("target_instrument") or "")
    chunk, overlap = audio.get("chunk_size", _USUAL_CHUNK), inference.get("num_overlap", 2)
    is_usable = isinstance(chunk, int) and chunk >= sizes.stft_n_fft and isinstance(overlap, int)
    if not is_usable or not 1 <= overlap <= _MOST_OVERLAP:
        raise BadCheckpoint(f"{config}: chunks of {chunk!r:.20} samples, {overlap!r:.20} over each other, cannot be")
    if sizes.num_stems != (1 if target else len(instruments)):
        raise BadCheckpoint(f"{config}: the net gives {sizes.num_stems} stems, called {', '.join(instruments)}")
    return RoformerConfig(sizes, chunk, overlap, instruments, target)


def told_by_weights(tensors: Mapping[str, Tensor], path: Path) -> RoformerSizes:
    """Sizes as far as weights show them, the usual ones of both kinds otherwise; raises `BadCheckpoint`."""
    try:
        width = tensors["band_split.to_features.0.1.weight"].shape[0]
        bands = _count(tensors, r"band_split\.to_features\.(\d+)\.")
        layers = _count(tensors, r"mask_estimators\.0\.to_freqs\.0\.0\.(\d+)\.weight")
        sizes = RoformerSizes(
            dim=width,
            depth=_count(tensors, r"layers\.(\d+)\."),
            num_stems=_count(tensors, r"mask_estimators\.(\d+)\."),
            time_transformer_depth=_count(tensors, r"layers\.0\.0\.layers\.(\d+)\."),
            freq_transformer_depth=_count(tensors, r"layers\.0\.1\.layers\.(\d+)\."),
            dim_head=2 * tensors["layers.0.0.layers.0.0.rotary_embed.freqs"].shape[0],
            heads=tensors["layers.0.0.layers.0.0.to_gates.weight"].shape[0],
            mlp_expansion_factor=tensors["mask_estimators.0.to_freqs.0.0.0.weight"].shape[0] // width,
        )
        if "final_norm.gamma" not in tensors:
            return replace(sizes, freqs_per_bands=(), num_bands=bands, mask_estimator_depth=layers - 1)
        widths = tuple(tensors[f"band_split.to_features.{band}.0.gamma"].shape[0] for band in range(bands))
    except (KeyError, IndexError) as error:
        raise BadCheckpoint(f"{path} is no Roformer for separation: it lacks {error}") from None
    halves = 2 * sizes.channels  # two numbers for each bin of each channel
    return replace(sizes, freqs_per_bands=tuple(band // halves for band in widths), mask_estimator_depth=layers)


def _count(tensors: Mapping[str, Tensor], pattern: str) -> int:
    """How many different numbers ``pattern`` finds in the names."""
    return len({found[1] for name in tensors if (found := re.match(pattern, name))})


def _section(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = content.get(name)
    return section if isinstance(section, dict) else {}


def _sizes(model: Mapping[str, Any], config: Path) -> RoformerSizes:
    """The section ``model``: what is not about the net's form (dropout, losses) is left alone."""
    if model.get("linear_transformer_depth"):
        raise BadCheckpoint(f"{config}: linear attention (linear_transformer_depth) is not known here")
    known = {field.name for field in fields(RoformerSizes)}
    told = {name: tuple(value) if isinstance(value, list) else value for name, value in model.items() if name in known}
    is_mel = "num_bands" in told
    usual = {"freqs_per_bands": ()} if is_mel else {}
    sizes = RoformerSizes(**{**_LIBRARY_DEFAULTS, "mask_estimator_depth": 1 if is_mel else 2, **usual, **told})
    for field in fields(RoformerSizes):
        value, wanted = getattr(sizes, field.name), getattr(RoformerSizes(), field.name)
        parts = value if isinstance(wanted, tuple) else (value,)
        is_right = type(value) is type(wanted) and all(isinstance(part, int) and 0 <= part < 2**20 for part in parts)
        if not is_right:
            raise BadCheckpoint(f"{config}: {field.name} cannot be {value!r:.40}")
    return sizes


_LIBRARY_DEFAULTS: Mapping[str, Any] = {
    "stereo": False,
    "time_transformer_depth": 2,
    "freq_transformer_depth": 2,
    "stft_hop_length": 512,
}
"""What the published nets' code takes where a config does not say it, as far as that is not usual."""


def _stem_name(name: object) -> str:
    """A stem's name, fit for a file's."""
    return "".join(char if char.isalnum() or char in "_- " else "_" for char in str(name))[:40]
