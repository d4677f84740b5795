"""The small checkpoints that GPT-SoVITS trains and loads, in and out.

A GPT file (``.ckpt``) is ``{weight: {"model.…": half}, config: dict, info: "GPT-eN"}``; a SoVITS file (``.pth``) is
``{weight: {…: half}, config, info: "Nepoch_Miteration"[, lora_rank]}``, its first two bytes replaced for some
generations. Official SoVITS files hold their config as an object of the official program's own class; here it is read
as a dict, and written as one: every official reader takes that too, and so do readers that refuse foreign classes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from myna.checkpoints.identify import HEADS, Identity, identify
from myna.checkpoints.keys import Tensors, gpt_name, official_gpt_name, peft_name
from myna.checkpoints.restricted import read_torch
from myna.core.errors import BadCheckpoint, UnknownChoice
from myna.core.workspace import write_bytes

_PHONES = "enc_p.text_embedding.weight"
_GPT_PHONES = "ar_text_embedding.word_embeddings.weight"
SYMBOLS_BY_ROWS: Mapping[int, str] = MappingProxyType({322: "v1", 512: "v1", 732: "v2"})
"""Phone tables by the rows of an embedding; GPT files of v1 have room for 512."""

_TRAINING_ONLY = "enc_q"
_REQUIRED = {
    "GPT": {"data": ("max_sec",), "model": ()},
    "SoVITS": {
        "data": ("filter_length", "sampling_rate", "hop_length", "win_length", "n_speakers"),
        "train": ("segment_size",),
        "model": (),
    },
}
"""What the official readers take out of a config; without it they stop."""


@dataclass(frozen=True)
class _Form:
    """How a generation's whole (not LoRA) weights are written so that the official reader knows them.

    ``is_wrapped``: there is no head for whole weights of this generation, but one for its LoRAs. A LoRA file may
    replace any tensor of the base, so whole weights go out as a LoRA without small matrices, under the wrapped names.
    """

    head: bytes
    is_wrapped: bool = False


_FORMS: Mapping[str, _Form] = MappingProxyType(
    {
        "v1": _Form(b"PK"),
        "v2": _Form(b"PK"),
        "v2Pro": _Form(b"05"),
        "v2ProPlus": _Form(b"06"),
        "v3": _Form(b"02"),
        "v4": _Form(b"04", is_wrapped=True),
    }
)
_LORA_HEADS: Mapping[str, bytes] = MappingProxyType(
    {identity.version: head for head, identity in HEADS.items() if identity.is_lora}
)
_NO_RANK = 1
"""Rank of the LoRA that a wrapped file declares: the official reader wants one, and leaves its matrices at zero."""


@dataclass(frozen=True)
class GptCheckpoint:
    """A GPT file: tensors under our names with the file's dtype, its config and its phone table."""

    tensors: dict[str, torch.Tensor]
    config: dict[str, Any]
    info: str
    symbols: str


@dataclass(frozen=True)
class SovitsCheckpoint:
    """A SoVITS file. Where ``identity.is_lora``, the tensors are to be put into the base by `keys.merge_lora`."""

    tensors: dict[str, torch.Tensor]
    config: dict[str, Any]
    info: str
    identity: Identity
    lora_rank: int | None = None


def read_gpt(path: Path) -> GptCheckpoint:
    """Read an official GPT file; errors as in `read_torch`, and `BadCheckpoint` where it is another kind of file."""
    return gpt_from(path, read_torch(path))


def gpt_from(path: Path, content: Mapping[str, Any]) -> GptCheckpoint:
    """As `read_gpt`, from what `read_torch` found in ``path``."""
    weight, config, info, _ = _parts(path, content)
    try:
        tensors = {gpt_name(name): tensor for name, tensor in weight.items()}
    except BadCheckpoint as error:
        raise BadCheckpoint(f"{path}: {error}") from error
    return GptCheckpoint(tensors, config, info, _symbols(path, tensors.get(_GPT_PHONES), otherwise="v2"))


def read_sovits(path: Path) -> SovitsCheckpoint:
    """Read an official SoVITS file of any generation.

    Errors as in `read_torch` and `identify`, and `BadCheckpoint` where it is another kind of file.
    """
    return sovits_from(path, read_torch(path))


def sovits_from(path: Path, content: Mapping[str, Any]) -> SovitsCheckpoint:
    """As `read_sovits`, from what `read_torch` found in ``path``."""
    identity = identify(path)
    weight, config, info, rank = _parts(path, content)
    if weight and all(name.startswith("model.") for name in weight):
        raise BadCheckpoint(f"{path} is a GPT file; a SoVITS file was expected")
    # As in the official reader, the rows of the embedding overrule the file's size, but never its head.
    symbols = _symbols(path, weight.get(_PHONES), otherwise=identity.symbols)
    if _FORMS[identity.version].head == b"PK":
        identity = replace(identity, symbols=symbols, version=symbols)
    return SovitsCheckpoint(weight, config, info, identity, rank)


def write_gpt(path: Path, tensors: Tensors, config: Mapping[str, Any], epoch: int) -> None:
    """Write a GPT file that the official program loads: tensors under our names, stored in half precision.

    ``config`` is a plain nested dict with what the official reader needs (``data.max_sec``, ``model``). Raises
    ``ValueError`` where that is missing, `WorkspaceError` where the file cannot be written.
    """
    _check_config("GPT", config)
    weight = {official_gpt_name(name): tensor for name, tensor in tensors.items()}
    _write(path, {"weight": _halves(weight), "config": plain_config(config), "info": f"GPT-e{epoch}"}, b"PK")


def write_sovits(
    path: Path,
    tensors: Tensors,
    config: Mapping[str, Any],
    *,
    version: str,
    epoch: int,
    step: int,
    lora_rank: int | None = None,
) -> None:
    """Write a SoVITS file that the official program loads as a model of ``version``.

    Without ``lora_rank`` the tensors are the whole net under our names; with it they are a LoRA's, already under peft's
    names. What only training needs (``enc_q``) is left out, the rest stored in half precision. v4 has no form for whole
    weights: they go out as a LoRA that replaces every tensor of the base. Raises `UnknownChoice` for the version,
    ``ValueError`` for a config without what the official reader needs, and `WorkspaceError`.
    """
    _check_config("SoVITS", config)
    forms: Mapping[str, object] = _FORMS if lora_rank is None else _LORA_HEADS
    if version not in forms:
        raise UnknownChoice("version of a SoVITS file", version, forms)
    weight = {name: tensor for name, tensor in tensors.items() if _TRAINING_ONLY not in name}
    content: dict[str, Any] = {
        "weight": weight,
        "config": plain_config(config),
        "info": f"{epoch}epoch_{step}iteration",
    }
    if lora_rank is not None:
        head = _LORA_HEADS[version]
        content["lora_rank"] = lora_rank
    else:
        head = _FORMS[version].head
        if _FORMS[version].is_wrapped:
            content["weight"] = {peft_name(name): tensor for name, tensor in weight.items()}
            content["lora_rank"] = _NO_RANK
    content["weight"] = _halves(content["weight"])
    _write(path, content, head)


def _parts(path: Path, content: Mapping[str, Any]) -> tuple[dict[str, torch.Tensor], dict[str, Any], str, int | None]:
    """Weights, config, info and LoRA rank of a small checkpoint."""
    weight, config, info = content.get("weight"), content.get("config"), content.get("info", "")
    if not isinstance(weight, dict) or not isinstance(config, dict):
        kind = (
            "a checkpoint to resume training from" if "optimizer" in content or "loops" in content else "another file"
        )
        raise BadCheckpoint(f"{path} is {kind}; a trained model with 'weight' and 'config' was expected")
    if not all(isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in weight.items()):
        raise BadCheckpoint(f"{path}: its 'weight' holds something else than named tensors")
    rank = content.get("lora_rank")
    return weight, config, str(info), int(rank) if isinstance(rank, int | str) and str(rank).isdigit() else None


def _symbols(path: Path, embedding: torch.Tensor | None, otherwise: str) -> str:
    """The phone table that an embedding was trained with."""
    if embedding is None:
        return otherwise
    rows = embedding.shape[0] if embedding.dim() else 0
    if rows not in SYMBOLS_BY_ROWS:
        known = ", ".join(map(str, SYMBOLS_BY_ROWS))
        raise BadCheckpoint(f"{path}: a phone embedding of {rows} rows; the known tables have {known}")
    return SYMBOLS_BY_ROWS[rows]


def _check_config(kind: str, config: Mapping[str, Any]) -> None:
    for section, names in _REQUIRED[kind].items():
        missing = [name for name in names if name not in config.get(section, {})]
        if section not in config or missing:
            raise ValueError(f"the config of a {kind} file lacks {section} {', '.join(missing)}".rstrip())


def _halves(tensors: Tensors) -> dict[str, torch.Tensor]:
    """Copies in half precision on the CPU, so that no view drags its base into the file."""
    return {name: tensor.detach().to("cpu", torch.float16, copy=True).contiguous() for name, tensor in tensors.items()}


def plain_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config as plain dicts, lists, texts and numbers; raises ``ValueError`` for anything else."""
    return {str(key): _copy(item) for key, item in config.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain_config(value)
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a config cannot hold a {type(value).__name__}")


def _write(path: Path, content: dict[str, Any], head: bytes) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    data = buffer.getbuffer()
    data[:2] = head
    write_bytes(path, bytes(data))
