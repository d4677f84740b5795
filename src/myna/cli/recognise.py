"""The command line twins of the official recognisers: `funasr_asr` and `fasterwhisper_asr`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from myna.cli.run import deployment
from myna.cli.workshop import perform_on_folder
from myna.core.settings import read_settings
from myna.steps.catalog import known_parameters
from myna.steps.step import engine_needed

Input = Annotated[Path, typer.Option("-i", "--input_folder", "--input-folder", help="Folder of clips, or one file.")]
Output = Annotated[Path, typer.Option("-o", "--output_folder", "--output-folder", help="Folder of the label file.")]
Download = Annotated[bool, typer.Option("--download", help="Fetch the model if it is not here.")]
OUTPUT = Path("output", "asr_opt")


def funasr_asr(
    input_folder: Input,
    output_folder: Output = OUTPUT,
    model_size: Annotated[
        str, typer.Option("-s", "--model_size", "--model-size", help="large, or a folder.")
    ] = "large",
    language: Annotated[str, typer.Option("-l", "--language", help="zh, yue, ja, en, ko or auto.")] = "zh",
    precision: Annotated[
        str, typer.Option("-p", "--precision", help="float16 or float32; all is float32.")
    ] = "float16",
    engine: Annotated[
        str | None, typer.Option(help="fun-asr-nano, sensevoice or paraformer; by default the first that is here.")
    ] = None,
    download: Download = False,
) -> None:
    """Write down what clips say with FunASR: FOLDER.list, as the official tool does, and FOLDER.jsonl."""
    settings = read_settings()
    if engine is None:
        with engine_needed("speech recognition"):
            from myna.engine.asr import first_usable

            engine = first_usable(language, settings.models_folder)
    wishes = {"engine": engine, "size": model_size, "language": language, "precision": precision, "download": download}
    _perform(input_folder, output_folder, wishes)


def fasterwhisper_asr(
    input_folder: Input,
    output_folder: Output = OUTPUT,
    model_size: Annotated[
        str, typer.Option("-s", "--model_size", "--model-size", help="tiny to large-v3-turbo, or a folder.")
    ] = "large-v3",
    language: Annotated[str, typer.Option("-l", "--language", help="A language's code, or auto: of each clip.")] = "ja",
    precision: Annotated[str, typer.Option("-p", "--precision", help="float16, float32 or int8.")] = "float16",
    download: Download = False,
) -> None:
    """Write down what clips say with Whisper: FOLDER.list, as the official tool does, and FOLDER.jsonl."""
    wishes = {"engine": "faster-whisper", "size": model_size, "language": language, "precision": precision}
    _perform(input_folder, output_folder, {**wishes, "download": download})


def _perform(source: Path, target: Path, wishes: dict[str, Any]) -> None:
    known = known_parameters("asr_transcribe", {**deployment(read_settings()), **wishes})
    perform_on_folder("asr_transcribe", source, target, known)
