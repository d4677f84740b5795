"""`myna cmd_denoise`: the official denoising tool as a command, by the options of its documents."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from myna.cli.workshop import perform_on_folder
from myna.core.assets import lacking
from myna.core.settings import read_settings

_FRCRN = ("speech_frcrn_ans_cirm_16k", "FRCRN_SE_16K")
"""The weights that the official denoising command takes, and ClearVoice's."""


class Precision(StrEnum):
    """Numbers of the official commands' nets."""

    float16 = "float16"
    float32 = "float32"


def cmd_denoise(
    input_folder: Annotated[Path, typer.Option("--input_folder", "--input-folder", "-i", help="Folder or file.")],
    output_folder: Annotated[Path, typer.Option("--output_folder", "--output-folder", "-o", help="Folder to write.")],
    precision: Annotated[
        Precision, typer.Option("--precision", "-p", help="Heeded as the official command does: not at all.")
    ] = Precision.float16,
    engine: Annotated[
        str | None,
        typer.Option(help="rnnoise, frcrn, mossformer2 or none; by default FRCRN if it is here, else RNNoise."),
    ] = None,
) -> None:
    """Take noise out of every sound of a folder, under the same names."""
    del precision
    settings = read_settings()
    wishes = {"engine": engine or _denoiser_here(settings.models_folder), "models": settings.models_folder}
    perform_on_folder("denoise_audio", input_folder, output_folder, {**wishes, "device": settings.device})


def _denoiser_here(models: Path) -> str:
    """The official denoiser if its weights are here, else the one that needs none."""
    return "frcrn" if any(not lacking(name, models) for name in _FRCRN) else "rnnoise"
