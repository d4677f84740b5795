"""From one form of a model file to another: official .ckpt and .pth, and our .safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from myna.checkpoints.fit import check_build, sizes_as_told
from myna.checkpoints.keys import merge_lora
from myna.checkpoints.mixing import check_weight, is_finite, mix
from myna.checkpoints.model_file import LORA, OFFICIAL_VERSIONS, ModelFile, read_model
from myna.checkpoints.native import halved, write_weights
from myna.checkpoints.official import plain_config, write_gpt, write_sovits
from myna.checkpoints.official_config import gpt_config, sizes_of_gpt, sovits_config
from myna.core.assets import find_for
from myna.core.errors import BadCheckpoint, BadInput, UnknownChoice
from myna.core.versions import FlowSizes, GptSizes, ModelVersion, VitsSizes, version
from myna.models.build import build_gpt, build_sovits

Sizes = GptSizes | FlowSizes | VitsSizes

FORMS: Mapping[str, tuple[str, ...]] = {
    ".safetensors": ("gpt", "sovits", LORA),
    ".ckpt": ("gpt",),
    ".pth": ("sovits", LORA),
}
"""The kinds of models that each form of file can hold."""

_TRAINING_ONLY = "enc_q."


def check_target(target: Path, *sources: Path) -> None:
    """Raise `BadInput` where ``target`` has no known suffix or is one of ``sources``."""
    if target.suffix not in FORMS:
        raise BadInput(f"{target.name} has no suffix that says what to write; choose one of: {', '.join(FORMS)}")
    for source in sources:
        if target.exists() and source.exists() and target.samefile(source):
            raise BadInput(f"{target} would be written over what it is made from; name another file")


def convert(
    source: Path,
    target: Path,
    *,
    models: Path,
    half: bool = False,
    merge: bool = False,
    base: Path | None = None,
    version_name: str = "",
) -> ModelFile:
    """Read ``source`` and write it in the form that the suffix of ``target`` names; returns what was written.

    ``merge`` puts a LoRA into its base: the file ``base``, None: the published one in the folder ``models``.
    ``version_name`` says what the file itself does not: which version a GPT was trained for, or a training state.
    Errors as in `read_model`, `told`, `merged` and `write_model`; `MissingAsset` where the published base is not there.
    """
    check_target(target, source, *([base] if base else []))
    model = told(read_model(source), version_name)
    if merge:
        model = merged(model, read_model(base or find_for(model.version, "sovits", models)))
    write_model(target, model, half=half)
    return model


def merge(first: Path, second: Path, target: Path, *, weight: float, half: bool = False) -> ModelFile:
    """Mix two model files into a third (`mixing.mix`); returns what was written.

    Errors as in `read_model`, `mix` and `write_model`.
    """
    check_target(target, first, second)
    check_weight(weight)
    model = mix(read_model(first), read_model(second), weight)
    write_model(target, model, half=half)
    return model


def told(model: ModelFile, version_name: str) -> ModelFile:
    """``model`` as one of version ``version_name``, empty: of the version that it names itself.

    A training state becomes a model. Raises `BadInput` where the version does not fit or is not known at all.
    """
    if model.kind not in FORMS[".safetensors"]:
        raise BadInput(f"{model.path} is a {model.kind} file; only gpt and sovits models and their LoRAs are converted")
    wish = version_name or model.version
    if not wish:
        raise BadInput(f"{model.path} does not say its version; add --version")
    record = version(wish)
    embedding = model.tensors.get("ar_text_embedding.word_embeddings.weight")
    fits = len(embedding) == record.gpt.phone_vocab if embedding is not None else model.version in ("", wish)
    if not fits:
        raise BadInput(f"{model.path} is a {model.kind} model of version {model.version}; it cannot pass for {wish}")
    return replace(model, version=wish, is_training_state=False)


def merged(lora: ModelFile, base: ModelFile) -> ModelFile:
    """The whole net that a LoRA and its base make.

    Raises `BadInput` where ``lora`` is none, `BadCheckpoint` where ``base`` is not what it was trained on.
    """
    if lora.kind != LORA:
        raise BadInput(f"{lora.path} is no LoRA, so there is nothing to merge")
    if base.kind != "sovits" or base.version != lora.version:
        found = f"a {base.kind} model of version {base.version or 'unknown'}"
        raise BadCheckpoint(f"{base.path} is {found}; the LoRA wants a sovits model of version {lora.version}")
    tensors = merge_lora(base.tensors, lora.tensors)
    if strange := sorted(tensors.keys() - base.tensors.keys()):
        raise BadCheckpoint(f"{lora.path} has tensors that its base has not, such as {strange[0]}")
    about = lora.provenance | {"base": base.path.name, "merged_lora_rank": lora.lora_rank}
    return replace(lora, kind="sovits", tensors=tensors, provenance=about, lora_rank=None)


def write_model(target: Path, model: ModelFile, *, half: bool = False) -> None:
    """Write ``model`` in the form that the suffix of ``target`` names.

    ``half``: store what may be rounded in half precision (official forms always do). Raises `BadInput` where the form
    cannot hold it, `BadCheckpoint` where the tensors are not those of such a net, `WorkspaceError`.
    """
    check_target(target)
    if model.kind not in FORMS[target.suffix]:
        fit = ", ".join(suffix for suffix, kinds in FORMS.items() if model.kind in kinds) or "none"
        raise BadInput(f"{target.suffix} cannot hold {model.path}, a {model.kind} model; suffixes that can: {fit}")
    if broken := [name for name, tensor in model.tensors.items() if not is_finite(tensor)]:
        raise BadCheckpoint(f"{model.path} holds values that are no numbers, in {broken[0]}")
    if model.kind != LORA:
        check_fits(model)
    if target.suffix == ".safetensors":
        _write_native(target, model, half)
    else:
        _write_official(target, model)


def _write_native(target: Path, model: ModelFile, half: bool) -> None:
    config: dict[str, Any] = {"version": model.version, "kind": model.kind}
    if model.kind == LORA:
        config["lora_rank"] = model.lora_rank
    else:
        config["sizes"] = asdict(sizes_of(model))
    about = dict(model.provenance)
    if model.is_official:
        about |= {"from": model.path.name, "info": model.info}
    if model.config:
        about["official_config"] = plain_config(model.config)
    write_weights(target, halved(model.tensors) if half else model.tensors, config, about)


def _write_official(target: Path, model: ModelFile) -> None:
    if model.version not in OFFICIAL_VERSIONS:
        raise UnknownChoice("version for an official file", model.version, sorted(OFFICIAL_VERSIONS))
    epoch, step = model.epoch_and_step
    if model.kind == "gpt":
        sizes = sizes_of(model)
        assert isinstance(sizes, GptSizes)
        write_gpt(target, model.tensors, model.config or gpt_config(sizes), epoch)
        return
    config = model.config or sovits_config(model.version)
    rank = model.lora_rank
    write_sovits(target, model.tensors, config, version=model.version, epoch=epoch, step=step, lora_rank=rank)


def check_fits(model: ModelFile) -> None:
    """Raise `BadCheckpoint` unless the tensors are those of a net of the model's kind, version and sizes."""
    sized = _sized(version(model.version), sizes_of(model))
    check_build(
        lambda: build_gpt(sized) if model.kind == "gpt" else build_sovits(sized),
        model.tensors,
        model.path,
        spared=_TRAINING_ONLY,
    )


def sizes_of(model: ModelFile) -> Sizes:
    """The sizes that the file names, else those of its version; raises `BadCheckpoint` for sizes that cannot be."""
    record = version(model.version)
    own = record.gpt if model.kind == "gpt" else record.vits or record.flow
    if own is None:
        raise BadInput(f"version {model.version} has no net that turns tokens into sound")
    official = sizes_of_gpt(model.config) if model.kind == "gpt" else None
    given = model.sizes if model.sizes is not None or official is None else asdict(official)
    return own if given is None else sizes_as_told(own, given, model.tensors, model.path)


def _sized(record: ModelVersion, sizes: Sizes) -> ModelVersion:
    if isinstance(sizes, GptSizes):
        return replace(record, gpt=sizes)
    return replace(record, vits=sizes) if isinstance(sizes, VitsSizes) else replace(record, flow=sizes)
