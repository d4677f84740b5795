"""From the service's parameters to our steps'. Its ``slice_audio`` is shifted by one place: it is put right here."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myna.api.door import House
from myna.api.tasks.task import Record
from myna.api.tts.languages import LANGUAGES
from myna.core.errors import BadInput, UnknownChoice
from myna.steps.catalog import known_parameters, make_step, step_class
from myna.steps.step import Step

Parameters = Mapping[str, Any]

SHIFTED: Mapping[str, tuple[str, Any]] = {
    "min_length": ("threshold", -34),
    "min_interval": ("min_length", 4000),
    "hop_size": ("min_interval", 300),
    "max_sil_kept": ("hop_size", 10),
    "_max": ("max_sil_kept", 500),
    "alpha": ("_max", 0.9),
    "n_parts": ("alpha", 0.25),
}
"""A name on the wire -> what it means, and what stands for it where it is not sent."""

LITERAL: Mapping[str, Any] = dict(SHIFTED.values())
"""The true names and their defaults."""

_OURS: Mapping[str, str] = {
    "threshold": "threshold_db", "min_length": "min_length_ms", "min_interval": "min_interval_ms",
    "hop_size": "hop_size_ms", "max_sil_kept": "max_sil_kept_ms", "_max": "peak_level", "alpha": "level_share",
}  # fmt: skip
_NAMINGS = ("shifted", "literal")
_PRECISIONS = ("float16", "float32", "int8")
_OF_THE_DOOR = ("force", "naming", "is_speech", "precision", "num_processes")


def slicing(params: Parameters) -> dict[str, Any]:
    """The effective slicer settings under their true names; raises `BadInput` and `UnknownChoice`."""
    naming = params.get("naming", "literal" if _is_literal(params) else "shifted")
    if naming not in _NAMINGS:
        raise UnknownChoice("naming", naming, _NAMINGS)
    if naming == "literal":
        effective = {name: params.get(name, default) for name, default in LITERAL.items()}
    else:
        effective = {meant: params.get(name, default) for name, (meant, default) in SHIFTED.items()}
    for name, value in effective.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise BadInput(f"{name}: {value!r} is not a number")
    return effective


def _is_literal(params: Parameters) -> bool:
    """A threshold in dB is never positive: so nobody means one by a ``min_length`` above 0."""
    length = params.get("min_length", 0)
    return "threshold" in params or (isinstance(length, int | float) and length > 0)


def step_of(house: House, record: Record, folder: Path, name: str, params: Parameters) -> Step:
    """The step that a task is to do; raises `UnknownChoice` and `BadInput`."""
    step_class(name)
    if params.get("precision", _PRECISIONS[0]) not in _PRECISIONS:
        raise UnknownChoice("precision", params["precision"], _PRECISIONS)
    config = record.config
    values: dict[str, Any] = {
        "folder": folder,
        "models": house.settings.models_folder,
        "words": house.settings.home,
        "experiment": config.exp_name,
        "version": getattr(config, "version", house.settings.speaks_version),
        "language": config.language,
        "target_language": config.language,
        "ref_language": config.language,
        "batch_size": config.batch_size,
        **devices(config.gpu_id, house.studio.num_gpus),
    }
    epochs = {"train_sovits": config.epochs_s2, "train_gpt": config.epochs_s1}.get(name)
    values |= {"epochs": epochs} if epochs else {}
    wishes = {key: value for key, value in params.items() if key not in _OF_THE_DOOR}
    if name == "slice_audio":
        wishes = {_OURS[key]: _number(key, value) for key, value in slicing(params).items()} | {
            "n_parts": int(params.get("num_processes", 0)), "max_length_ms": 0,
        }  # fmt: skip
    if name == "test_inference":
        wishes = _inference(house, folder, wishes)
    return make_step(name, known_parameters(name, values) | wishes)


def devices(gpu_id: str, num_gpus: int) -> dict[str, str]:
    """Where to compute, by the service's ``gpu_id`` ("0", "0-1-2"); the CPU where there is no GPU at all.

    Raises `BadInput` for one that does not exist.
    """
    if not re.fullmatch(r"[0-9]{1,4}(-[0-9]{1,4})*", gpu_id):
        raise BadInput(f"gpu_id: {gpu_id!r} must be numbers with hyphens between, as 0 or 0-1-2")
    numbers = [int(number) for number in gpu_id.split("-")]
    if not num_gpus:
        return {"device": "auto"}
    missing = [number for number in numbers if number >= num_gpus]
    if missing:
        raise BadInput(f"gpu_id: there is no GPU {missing[0]}; this machine has 0 to {num_gpus - 1}")
    several = gpu_id if len(numbers) > 1 else ""
    return {"device": f"cuda:{numbers[0]}", "gpu_numbers": several}


def _number(name: str, value: float) -> float | int:
    """Milliseconds and decibels as our steps take them."""
    return float(value) if name in ("threshold", "_max", "alpha") else int(value)


def _inference(house: House, folder: Path, params: Parameters) -> dict[str, Any]:
    """The parameters of ``test_inference``: paths may be names of the task's own files."""
    wishes = dict(params)
    for name in ("gpt_model", "sovits_model", "ref_audio"):
        if wishes.get(name):
            own = folder / str(wishes[name])
            inside = own.resolve().is_relative_to(folder.resolve()) and own.is_file()
            wishes[name] = own if inside else house.path(str(wishes[name]))
        else:
            wishes.pop(name, None)
    for name in ("ref_language", "target_language"):
        if name in wishes:
            wishes[name] = LANGUAGES.get(str(wishes[name]), str(wishes[name]).lower())
    return wishes
