"""The names of trained weights: ``<experiment>-e<epoch>`` of a GPT, ``<experiment>_e<epoch>_s<step>`` of a SoVITS, and
``_l<rank>`` behind it of a LoRA; the suffix tells our form from the official ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

OWN_SUFFIX = ".safetensors"

_NAME = re.compile(r"(.+)[-_]e(\d+)(?:_s(\d+))?(?:_l(\d+))?\.(?:safetensors|pth|ckpt)")


@dataclass(frozen=True)
class WeightName:
    """What the name of a file of weights says; ``step`` and ``rank`` are 0 where it does not."""

    experiment: str
    epoch: int
    step: int
    rank: int


def weight_name(path: Path) -> WeightName | None:
    """What the name says; None where it is none of these."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    return WeightName(found[1], int(found[2]), int(found[3] or 0), int(found[4] or 0))


def weights_of(folder: Path, experiment: str) -> list[Path]:
    """The weights of ``experiment`` in ``folder``, in any form, from the first moment to the last, ours behind an
    official form of the same."""
    found = [(weight_name(path), path) for path in (folder.iterdir() if folder.is_dir() else ())]
    own = [(name, path) for name, path in found if name is not None and name.experiment == experiment]
    return [path for *_, path in sorted((name.epoch, name.step, path.suffix == OWN_SUFFIX, path) for name, path in own)]


def newest(folder: Path, experiment: str) -> Path | None:
    """The last of `weights_of`; None where there are none."""
    return next(reversed(weights_of(folder, experiment)), None)


def others_of(path: Path) -> list[Path]:
    """The weights beside ``path`` of the same experiment and another moment, in any form."""
    own = weight_name(path)
    if own is None:
        return []
    named = [(weight_name(other), other) for other in sorted(path.parent.iterdir())]
    return [
        other
        for name, other in named
        if name is not None
        and (name.experiment, name.rank) == (own.experiment, own.rank)
        and (name.epoch, name.step) != (own.epoch, own.step)
    ]
