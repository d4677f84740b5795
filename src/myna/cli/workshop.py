"""The command line twins of the official tools for recordings: their names, their options, our steps.

Each works from any file or folder into any folder and needs no voice. A twin is a function here (or in a file of its
own) and a row in `TWINS`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from myna.cli.show import Bars, line
from myna.core.errors import BadInput
from myna.steps.catalog import make_step

_SLICER_NUMBERS = {
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


def perform_on_folder(name: str, source: Path, target: Path, wishes: dict[str, Any]) -> None:
    """Run the step called ``name`` from any ``source`` into any ``target``; wishes that are None keep its defaults."""
    given = {key: value for key, value in wishes.items() if value is not None}
    step = make_step(name, {"folder": target, "source": source, "target": target, **given})
    bars = Bars()
    with bars.shown():
        outcome = bars.perform(step)
    how = "was done already" if outcome.was_done_already else "is done"
    line(f"{name} {how} ({outcome.seconds:.1f} s); look into {target}")


def audio_slicer(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IN OUT [NUMBERS]]",
            help=f"Instead of options, in this order: input, output, {', '.join(_SLICER_NUMBERS)}.",
        ),
    ] = None,
    input_path: Annotated[
        Path | None, typer.Option("--input_path", "--input-path", "-i", help="File or folder.")
    ] = None,
    output_root: Annotated[
        Path | None, typer.Option("--output_root", "--output-root", "-o", help="Folder for the clips.")
    ] = None,
    threshold: Annotated[float | None, typer.Option("--threshold", help="Quieter is silence, dBFS (-34).")] = None,
    min_length: Annotated[
        int | None, typer.Option("--min_length", "--min-length", help="Shortest clip, ms (4000).")
    ] = None,
    min_interval: Annotated[
        int | None, typer.Option("--min_interval", "--min-interval", help="Shortest pause that is cut, ms (300).")
    ] = None,
    hop_size: Annotated[
        int | None, typer.Option("--hop_size", "--hop-size", help="Step of the loudness measure, ms (10).")
    ] = None,
    max_sil_kept: Annotated[
        int | None, typer.Option("--max_sil_kept", "--max-sil-kept", help="Silence kept beside a cut, ms (500).")
    ] = None,
    max_: Annotated[float | None, typer.Option("--max", "--_max", help="Peak of the levelled share (0.9).")] = None,
    alpha: Annotated[float | None, typer.Option("--alpha", help="Share that is levelled (0.25).")] = None,
    n_parts: Annotated[
        int | None, typer.Option("--n_parts", "--n-parts", help="Processes that share a folder (one per core).")
    ] = None,
    max_length: Annotated[
        int, typer.Option("--max_length", "--max-length", help="Longest clip, ms; 0 as the official slicer: any.")
    ] = 0,
    method: Annotated[str | None, typer.Option(help="What a pause is: silence, or voice (nobody speaks).")] = None,
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
    perform_on_folder("slice_audio", source, target, numbers | {k: v for k, v in options.items() if v is not None})


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
    if len(values) > len(_SLICER_NUMBERS):
        raise BadInput(f"{values[len(_SLICER_NUMBERS)]!r} is one too many; see `myna audio_slicer --help`")
    numbers = zip(_SLICER_NUMBERS.items(), values, strict=False)
    return Path(given[0]), Path(given[1]), {name: _number(name, kind, text) for (name, kind), text in numbers}


def _number(name: str, kind: type[int] | type[float], text: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise BadInput(f"{name} is {text!r}; it must be {wanted}") from None


TWINS: dict[str, Callable[..., None]] = {"audio_slicer": audio_slicer}
"""Every twin by its command."""


def add_to(app: typer.Typer) -> None:
    """Make commands of the twins. What looks like an option and is none may be a negative number or a file's name."""
    for name, twin in TWINS.items():
        app.command(name=name, context_settings={"ignore_unknown_options": True})(twin)
