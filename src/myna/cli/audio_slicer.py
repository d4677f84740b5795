"""`myna audio_slicer`: the official slicer as a command, by the options of its documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from myna.cli.workshop import perform_on_folder
from myna.core.errors import BadInput

_NUMBERS = {
    "threshold": float,
    "min_length": int,
    "min_interval": int,
    "hop_size": int,
    "max_sil_kept": int,
    "max": float,
    "alpha": float,
    "i_part": int,
    "all_part": int,
}
"""What may stand behind the two places, in the official order."""


def _flags(name: str, told: str) -> Any:
    """An option in the official spelling and in ours."""
    return typer.Option(*dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}")), help=told)


Places = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[IN OUT [NUMBERS]]", help=f"Instead of options, in this order: input, output, {', '.join(_NUMBERS)}."
    ),
]
InputPath = Annotated[Path | None, _flags("input_path", "File or folder to cut.")]
OutputRoot = Annotated[Path | None, _flags("output_root", "Folder for the clips.")]
Threshold = Annotated[float | None, _flags("threshold", "Quieter is silence, dBFS (-34).")]
MinLength = Annotated[int | None, _flags("min_length", "Shortest clip, ms (4000).")]
MinInterval = Annotated[int | None, _flags("min_interval", "Shortest pause that is cut, ms (300).")]
HopSize = Annotated[int | None, _flags("hop_size", "Step of the loudness measure, ms (10).")]
MaxSilKept = Annotated[int | None, _flags("max_sil_kept", "Silence kept beside a cut, ms (500).")]
Max = Annotated[float | None, typer.Option("--max", "--_max", help="Peak of the levelled share (0.9).")]
Alpha = Annotated[float | None, _flags("alpha", "Share of a clip that is levelled (0.25).")]
NumParts = Annotated[int | None, _flags("n_parts", "Processes that share a folder's files (one per core).")]
MaxLength = Annotated[int, _flags("max_length", "Longest clip, ms; 0, as the official slicer: any.")]
Method = Annotated[str | None, _flags("method", "What a pause is: silence, or voice (nobody speaks).")]


def audio_slicer(
    places: Places = None,
    input_path: InputPath = None,
    output_root: OutputRoot = None,
    threshold: Threshold = None,
    min_length: MinLength = None,
    min_interval: MinInterval = None,
    hop_size: HopSize = None,
    max_sil_kept: MaxSilKept = None,
    max_: Max = None,
    alpha: Alpha = None,
    n_parts: NumParts = None,
    max_length: MaxLength = 0,
    method: Method = None,
) -> None:
    """Cut a recording, or a folder of them, into clips at the pauses, as the official slicer does."""
    source, target, numbers = _slicer_places(places or [], input_path, output_root)
    options = {
        "threshold": threshold,
        "min_length": min_length,
        "min_interval": min_interval,
        "hop_size": hop_size,
        "max_sil_kept": max_sil_kept,
        "max": max_,
        "alpha": alpha,
        "n_parts": n_parts,
        "max_length": max_length,
        "method": method,
    }
    wishes = numbers | {name: value for name, value in options.items() if value is not None}
    # The official commands of several parts run side by side, so each has a stamp and a lock of its own.
    part = f".part {wishes['i_part']} of {wishes['all_part']}" if int(wishes.get("all_part", 1)) > 1 else ""
    perform_on_folder("slice_audio", source, target, wishes, target / part)


def _slicer_places(
    places: list[str], input_path: Path | None, output_root: Path | None
) -> tuple[Path, Path, dict[str, int | float]]:
    """Source, target and numbers, given by position or the first two by options; `BadInput` where one is missing."""
    given = list(places)
    for number, option in enumerate((input_path, output_root)):
        if option is not None:
            given.insert(number, str(option))
    if len(given) < 2:
        raise BadInput(
            "say what to cut and where the clips shall lie: --input_path FILE_OR_FOLDER --output_root FOLDER"
        )
    stray = [place for place in given[:2] if place.startswith("--") and not Path(place).exists()]
    if stray:
        raise BadInput(f"there is no option {stray[0]}; see `myna audio_slicer --help`")
    values = given[2:]
    if len(values) > len(_NUMBERS):
        raise BadInput(f"{values[len(_NUMBERS)]!r} is one too many; see `myna audio_slicer --help`")
    numbers = zip(_NUMBERS.items(), values, strict=False)
    return Path(given[0]), Path(given[1]), {name: _number(name, kind, text) for (name, kind), text in numbers}


def _number(name: str, kind: type[int] | type[float], text: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise BadInput(f"{name} is {text!r}; it must be {wanted}") from None
