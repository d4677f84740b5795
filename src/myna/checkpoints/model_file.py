"""A model file of either form, read whole: what it is, its tensors under our names, and what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from myna.checkpoints.identify import HEADS
from myna.checkpoints.keys import gpt_name, sovits_name
from myna.checkpoints.native import read_weights
from myna.checkpoints.official import SYMBOLS_BY_ROWS, gpt_from, sovits_from
from myna.checkpoints.restricted import read_object
from myna.core.errors import BadCheckpoint, NotFound, WorkspaceError

OFFICIAL_VERSIONS = frozenset(identity.version for identity in HEADS.values())
LORA = "sovits_lora"
"""Kind of a file that holds only what a LoRA changes of its base."""

_OTHERS = (
    ("discriminators.", "discriminator"),
    ("conv_pre_mag.", "super_resolution"),
    ("activation_post.", "vocoder"),
    ("resblocks.", "vocoder"),
    ("seg_1.", "voiceprint"),
    ("lstm.weight_ih_l0", "voiceprint"),
    ("feature_extractor.conv_layers.", "content"),
    ("embeddings.word_embeddings.", "bert"),
)
"""Kinds of published files that hold nothing but tensors, each by a part of a name that only they have."""

_FOREIGN = (
    (b"RIFF", "a WAV sound"),
    (b"fLaC", "a FLAC sound"),
    (b"OggS", "an Ogg sound"),
    (b"ID3", "an MP3 sound"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"GGUF", "a GGUF model"),
    (b"\x89PNG", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
)
"""Other files that people have, by how they begin."""

_EPOCH = re.compile(r"^(?:GPT-e(\d+)|(\d+)epoch_(\d+)iteration)$")
_WEIGHTS_FOLDER = re.compile(r"GPT_weights_(\w+)$")


@dataclass(frozen=True)
class ModelFile:
    """What a file holds. ``kind`` is that of `core.assets`, or `LORA`; ``version`` is empty where nothing tells it."""

    path: Path
    kind: str
    version: str
    tensors: dict[str, torch.Tensor]
    is_official: bool
    is_training_state: bool = False
    """Whether it is a checkpoint to resume training from, optimizer and all."""
    config: dict[str, Any] = field(default_factory=dict)
    """The official program's settings; empty where the file has none."""
    sizes: dict[str, Any] | None = None
    """What our nets are built from, in files of ours."""
    provenance: dict[str, Any] = field(default_factory=dict)
    info: str = ""
    """The official program's note on the training."""
    lora_rank: int | None = None

    @property
    def epoch_and_step(self) -> tuple[int, int]:
        """How long it was trained; 0 where the file does not say."""
        found = _EPOCH.match(self.info)
        epoch, step = (found[1] or found[2], found[3]) if found else (None, None)
        return int(epoch or self.provenance.get("epoch", 0)), int(step or self.provenance.get("step", 0))


def read_model(path: Path) -> ModelFile:
    """Read a model file of ours or of the official program.

    Raises `NotFound`, `WorkspaceError`, `LimitExceeded`, and `BadCheckpoint` for files that are damaged, hostile or
    something else, which is named where it is known.
    """
    start = _start(path)
    if start[8:9] == b"{":
        return _native(path)
    for head, what in _FOREIGN:
        if start.startswith(head):
            raise BadCheckpoint(f"{path} is {what}; a model file (.safetensors, .ckpt, .pth) was expected")
    content = read_object(path)
    if isinstance(content, torch.Tensor):
        shape = tuple(content.shape)
        raise BadCheckpoint(f"{path} holds one tensor {shape}, as a data set's features do; a model file was expected")
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise BadCheckpoint(f"{path} holds a {type(content).__name__}; a dictionary of named tensors was expected")
    return _official(path, content)


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except IsADirectoryError:
        raise NotFound(f"{path} is a folder; name a model file in it") from None
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error
    if not start:
        raise BadCheckpoint(f"{path} is empty; a model file was expected")
    return start


def _native(path: Path) -> ModelFile:
    weights = read_weights(path)
    kind, version, sizes = (weights.config.get(name) for name in ("kind", "version", "sizes"))
    if not isinstance(kind, str) or not isinstance(version, str):
        kind, version = _kind_of(weights.tensors), ""
    rank = weights.config.get("lora_rank")
    return ModelFile(
        path,
        kind,
        version,
        weights.tensors,
        is_official=False,
        config=dict(weights.provenance.get("official_config") or {}),
        sizes=sizes if isinstance(sizes, dict) else None,
        provenance=weights.provenance,
        info=str(weights.provenance.get("info", "")),
        lora_rank=rank if isinstance(rank, int) else None,
    )


def _official(path: Path, content: dict[str, Any]) -> ModelFile:
    """What `read_object` found in an official file."""
    if "weight" in content and "config" in content:
        weight = content["weight"]
        is_gpt = isinstance(weight, dict) and bool(weight) and all(str(name).startswith("model.") for name in weight)
        return _gpt(path, content) if is_gpt else _sovits(path, content)
    if "state_dict" in content:
        return _gpt_training(path, content)
    if "model" in content and "optimizer" in content:
        return _sovits_training(path, content)
    tensors = _tensors(path, content.get("generator", content))
    return ModelFile(path, _kind_of(tensors), "", tensors, is_official=True)


def _gpt(path: Path, content: dict[str, Any]) -> ModelFile:
    read = gpt_from(path, content)
    # GPT files of v2 and later are alike; the folder that the official program was told to save into tells them apart.
    train = read.config.get("train")
    folder = _WEIGHTS_FOLDER.search(str(train.get("half_weights_save_dir", "")) if isinstance(train, dict) else "")
    is_told = read.symbols != "v1" and folder is not None and folder[1] in OFFICIAL_VERSIONS
    version = folder[1] if folder and is_told else read.symbols
    return ModelFile(path, "gpt", version, read.tensors, is_official=True, config=read.config, info=read.info)


def _sovits(path: Path, content: dict[str, Any]) -> ModelFile:
    read = sovits_from(path, content)
    has_matrices = any(".lora_" in name for name in read.tensors)
    is_lora = read.identity.is_lora and has_matrices
    # A LoRA file without small matrices replaces the base's tensors: it is a whole net under other names.
    tensors = read.tensors if is_lora else {sovits_name(name): tensor for name, tensor in read.tensors.items()}
    return ModelFile(
        path,
        LORA if is_lora else "sovits",
        read.identity.version,
        tensors,
        is_official=True,
        config=read.config,
        info=read.info,
        lora_rank=read.lora_rank if is_lora else None,
    )


def _gpt_training(path: Path, content: dict[str, Any]) -> ModelFile:
    """A state of the trainer around the official GPT."""
    state = _tensors(path, content["state_dict"])
    tensors = {gpt_name(name): tensor for name, tensor in state.items()}
    info = f"GPT-e{content['epoch']}" if isinstance(content.get("epoch"), int) else ""
    embedding = tensors.get("ar_text_embedding.word_embeddings.weight")
    version = "" if embedding is None else SYMBOLS_BY_ROWS.get(len(embedding), "")
    return ModelFile(path, "gpt", version, tensors, is_official=True, is_training_state=True, info=info)


def _sovits_training(path: Path, content: dict[str, Any]) -> ModelFile:
    """``G_….pth`` or ``D_….pth``; ``iteration`` there counts epochs."""
    tensors = _tensors(path, content["model"])
    kind = _kind_of(tensors)
    info = f"{content['iteration']}epoch_0iteration" if isinstance(content.get("iteration"), int) else ""
    return ModelFile(path, kind, _generation(tensors), tensors, is_official=True, is_training_state=True, info=info)


def _tensors(path: Path, found: object) -> dict[str, torch.Tensor]:
    """``found`` itself, where it is a dictionary of named tensors."""
    if not isinstance(found, dict) or not found or not all(isinstance(each, torch.Tensor) for each in found.values()):
        raise BadCheckpoint(f"{path} is a torch file, but of no model: a dictionary of named tensors was expected")
    return {str(name): tensor for name, tensor in found.items()}


def _kind_of(tensors: Mapping[str, object]) -> str:
    """The kind of net that has such tensors; "unknown" where none is known."""
    if "enc_p.text_embedding.weight" in tensors or "cfm.estimator.proj_out.weight" in tensors:
        return "sovits"
    return next((kind for part, kind in _OTHERS if any(part in name for name in tensors)), "unknown")


def _generation(tensors: Mapping[str, torch.Tensor]) -> str:
    """The version that a whole SoVITS belongs to; empty for v3 and v4, whose tensors are alike, and for other nets."""
    phones, first = tensors.get("enc_p.text_embedding.weight"), tensors.get("dec.conv_pre.bias")
    if phones is None or first is None:
        return ""
    if "sv_emb.weight" in tensors:
        return "v2Pro" if len(first) == 512 else "v2ProPlus"
    return SYMBOLS_BY_ROWS.get(len(phones), "")
