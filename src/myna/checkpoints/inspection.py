"""What a model file is: kind, version, sizes, languages and training, for people who have one and wonder."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myna.checkpoints.conversion import sizes_of
from myna.checkpoints.mixing import is_finite
from myna.checkpoints.model_file import LORA, ModelFile, read_model
from myna.core.assets import ASSETS, Asset, size_text
from myna.core.errors import MynaError
from myna.core.versions import VERSIONS, GptSizes

_KINDS: Mapping[str, str] = {
    "gpt": "GPT: text to semantic tokens",
    "sovits": "SoVITS: semantic tokens to sound",
    LORA: "LoRA: what fine-tuning changed of a SoVITS base",
    "discriminator": "discriminator: needed to train SoVITS only",
    "content": "content encoder: speech to content features",
    "vocoder": "vocoder: mel to sound",
    "bert": "BERT: Chinese prosody",
    "voiceprint": "speaker net: tells who speaks",
    "super_resolution": "super-resolution: sound at 24 kHz to 48 kHz",
}
_TOLD = (
    ("name", ("name",)),
    ("name", ("train", "exp_name")),
    ("base", ("train", "pretrained_s2G")),
    ("base", ("train", "pretrained_s1")),
    ("epochs planned", ("train", "epochs")),
    ("batch size", ("train", "batch_size")),
    ("learning rate", ("train", "learning_rate")),
)
"""What official settings say of it, and where."""


_SHOWN_SIZES = (
    "phone_vocab semantic_vocab codes width layers heads hidden speaker_width decoder_width dit_width dit_depth"
).split()


@dataclass(frozen=True)
class Fact:
    """One line about a file."""

    name: str
    value: str


def inspect(path: Path) -> list[Fact]:
    """What ``path`` is; errors as in `read_model`, which say what a file is that is no model."""
    model = read_model(path)
    facts = [
        Fact("kind", _kind(model)),
        Fact("form", _form(model)),
        Fact("version", _version(model)),
        Fact("languages", _languages(model)),
        Fact("sizes", _sizes(model)),
        Fact("tensors", _tensors(model)),
        Fact("file", size_text(path.stat().st_size)),
        Fact("published as", _published(path)),
        *_training(model),
        Fact("damage", _damage(model)),
    ]
    return [fact for fact in facts if fact.value]


def _kind(model: ModelFile) -> str:
    kind = _KINDS.get(model.kind, "something else: tensors of no net that is known here")
    if model.is_training_state:
        return f"{kind}; a state to resume training from, with its optimizer"
    return f"{kind}, rank {model.lora_rank}" if model.kind == LORA else kind


def _form(model: ModelFile) -> str:
    if not model.is_official:
        return "Myna (safetensors)"
    return "GPT-SoVITS (torch)" if model.kind in ("gpt", "sovits", LORA, "discriminator") else "torch"


def _version(model: ModelFile) -> str:
    if model.kind not in ("gpt", "sovits", LORA):
        return model.version
    if not model.version:
        return "not told by the file" if model.kind == "gpt" else "v3 or v4, whose tensors are alike"
    alike = [other.name for other in VERSIONS.values() if _fits(model, other.gpt) and not other.is_bundled]
    if model.kind == "gpt" and model.is_official and len(alike) > 1:
        return f"{model.version} (GPTs of {', '.join(alike)} have the same make)"
    return model.version


def _fits(model: ModelFile, sizes: GptSizes) -> bool:
    embedding = model.tensors.get("ar_text_embedding.word_embeddings.weight")
    return embedding is not None and len(embedding) == sizes.phone_vocab


def _languages(model: ModelFile) -> str:
    is_spoken = model.kind in ("gpt", "sovits", LORA) and model.version in VERSIONS
    return ", ".join(VERSIONS[model.version].languages) if is_spoken else ""


def _sizes(model: ModelFile) -> str:
    if model.kind not in ("gpt", "sovits") or model.version not in VERSIONS:
        return ", ".join(f"{name} {value}" for name, value in (model.sizes or {}).items())
    try:
        sizes = sizes_of(model)
    except MynaError as error:
        return str(error)
    return ", ".join(f"{name} {getattr(sizes, name)}" for name in _SHOWN_SIZES if hasattr(sizes, name))


def _tensors(model: ModelFile) -> str:
    values = sum(tensor.numel() for tensor in model.tensors.values())
    types = Counter(str(tensor.dtype).removeprefix("torch.") for tensor in model.tensors.values())
    return f"{len(model.tensors)} with {values / 1e6:.2f} million values ({', '.join(types)})"


def _training(model: ModelFile) -> list[Fact]:
    told: dict[str, Any] = {
        name: value for name, value in model.provenance.items() if isinstance(value, str | int | float)
    }
    epoch, step = model.epoch_and_step
    told |= {"epoch": epoch or None, "step": step or None, "info": None}
    told["mixed from"] = " and ".join(
        f"{each['share']:.0%} {each['file']}" for each in model.provenance.get("mixed_from", ())
    )
    for name, place in _TOLD:
        value: Any = model.config
        for key in place:
            value = value.get(key) if isinstance(value, Mapping) else None
        told[name] = told.get(name) or value
    return [Fact(name, str(value)) for name, value in told.items() if value not in (None, "")]


def _damage(model: ModelFile) -> str:
    broken = [name for name, tensor in model.tensors.items() if not is_finite(tensor)]
    return f"values that are no numbers in {len(broken)} tensors, such as {broken[0]}" if broken else ""


def _published(path: Path) -> str:
    """Which published file this is, told by its size and then its checksum; empty for others."""
    size = path.stat().st_size
    alike = [(row, file) for row in ASSETS.values() for file in row.files if file.size == size and file.sha256]
    if not alike:
        return ""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    found: list[Asset] = [row for row, published in alike if published.sha256 == digest]
    return f"{found[0].name}, {found[0].purpose}" if found else ""
