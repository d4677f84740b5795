"""`myna uvr`: the official separation tool as a command, by the options of its documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from myna.cli.workshop import perform_on_folder
from myna.core.assets import lacking
from myna.core.errors import BadInput
from myna.core.settings import read_settings
from myna.steps.separate import EMBEDDED, SeparateVocals

_OUTPUT = Path("output", "uvr5_opt")
_USUAL = "HP2_all_vocals"
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _option(name: str, told: str, *more: str) -> typer.models.OptionInfo:
    names = dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}", *more))
    option: typer.models.OptionInfo = typer.Option(*names, help=told)
    return option


def uvr(
    input_root: Annotated[Path, _option("input_root", "File or folder to take apart.", "-i")],
    model: Annotated[
        str | None,
        _option("model", "Official name; several, separated by commas, one after the other.", "-m"),
    ] = None,
    output_vocal: Annotated[Path, _option("output_vocal", "Folder for voices.", "-o")] = _OUTPUT,
    output_ins: Annotated[Path | None, _option("output_ins", "Folder for the rest; by default that of voices.")] = None,
    agg_level: Annotated[int, _option("agg_level", "How much HP2, HP3 and HP5 take away, 0 to 20.", "--agg")] = 10,
    format: Annotated[str, _option("format", "wav, flac, mp3 or m4a.", "-f")] = "flac",  # noqa: A002
    device: Annotated[str | None, _option("device", "auto, cpu, cuda or cuda:N.")] = None,
    is_half_precision: Annotated[str, _option("is_half_precision", "True or False; heeded by GPUs.")] = "True",
) -> None:
    """Take voices out of music, and rooms and echoes out of voices; without --model by HP2, or the stereo centre."""
    settings = read_settings()
    truth = _TRUTHS.get(is_half_precision.strip().lower())
    if truth is None:
        raise BadInput(f"is_half_precision is {is_half_precision!r}; it must be True or False")
    wishes = {
        "model": model or _model_here(settings.models_folder),
        "instruments": output_ins or output_vocal,
        "aggressiveness": agg_level,
        "format": format,
        "half": truth,
        "device": device or settings.device,
        "models": settings.models_folder,
        "max_bytes": settings.max_upload_bytes,
        "max_seconds": settings.max_recording_s,
    }
    perform_on_folder(SeparateVocals.name, input_root, output_vocal, wishes)


def _model_here(models: Path) -> str:
    """The first of the official models if its weights are here, else the one that needs none."""
    return EMBEDDED if lacking(_USUAL, models) else _USUAL
