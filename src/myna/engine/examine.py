"""Tells whether a file of weights can speak, before anybody relies on it."""

from __future__ import annotations

from pathlib import Path

from myna.checkpoints.model_file import LORA, read_model
from myna.core.errors import BadCheckpoint
from myna.core.versions import VERSIONS, version
from myna.engine.library import Library

_WORDS = {"gpt": "GPT", "sovits": "SoVITS"}


def examine(library: Library, weights: Path, kind: str) -> str:
    """The version of a file of ``kind`` ``gpt`` or ``sovits``, which is read whole and built; it stays in ``library``.

    Raises `NotFound`, `WorkspaceError`, and `BadCheckpoint` for a file of another kind or one that does not fit.
    """
    model = read_model(weights)
    found = "sovits" if model.kind == LORA else model.kind
    if found != kind:
        raise BadCheckpoint(f"{weights.name} holds no {_WORDS[kind]} weights but {_WORDS.get(found, found)}")
    if model.version not in VERSIONS:
        raise BadCheckpoint(f"{weights.name} does not tell its version, which is none of {', '.join(VERSIONS)}")
    record = version(model.version)
    if kind == "gpt":
        library.gpt(record, weights)
    else:
        library.sovits(record, weights)
    return record.name
