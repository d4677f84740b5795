"""`myna inspect`, `myna convert` and `myna merge`: files of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from myna.cli.show import line, table
from myna.core.assets import size_text
from myna.core.errors import BadInput
from myna.core.settings import read_settings
from myna.steps.step import engine_needed

Half = Annotated[bool, typer.Option("--half", help="Store in half precision; official files always are.")]


def inspect(file: Annotated[Path, typer.Argument(help="A model file of Myna or of GPT-SoVITS.")]) -> None:
    """Tell what a model file is: kind, version, sizes, languages, training. Nothing in it is executed."""
    with engine_needed("reading a model file"):
        from myna.checkpoints.inspection import inspect as facts_about

    table(str(file), ["what", "found"], [[fact.name, fact.value] for fact in facts_about(file)])


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A model file of Myna or of GPT-SoVITS.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help=".safetensors, .ckpt (GPT) or .pth (SoVITS).")],
    half: Half = False,
    merged: Annotated[bool, typer.Option("--merged", help="Put a LoRA into its base.")] = False,
    base: Annotated[Path | None, typer.Option(help="With --merged: the base; by default the published one.")] = None,
    version: Annotated[str, typer.Option(help="What the file is, where it does not say so itself.")] = "",
) -> None:
    """Write a model file in another form: official .ckpt and .pth to and from .safetensors."""
    if base is not None and not merged:
        raise BadInput("--base wants --merged: only a LoRA is put into a base")
    settings = read_settings()
    with engine_needed("converting a model file"):
        from myna.checkpoints.conversion import convert as convert_file

    models = settings.models_folder
    made = convert_file(source, target, models=models, half=half, merge=merged, base=base, version_name=version)
    line(f"{target}: {made.kind} of version {made.version}, {size_text(target.stat().st_size)}")


def merge(
    first: Annotated[Path, typer.Argument(metavar="A", help="A fine-tuned model.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another fine-tune of the same base.")],
    out: Annotated[Path, typer.Option(help="File to write: .safetensors, .ckpt (GPT) or .pth (SoVITS).")],
    weight: Annotated[float, typer.Option(help="Share of B, 0 to 1.")] = 0.5,
    half: Half = False,
) -> None:
    """Mix two fine-tunes of one base into a model between them."""
    with engine_needed("mixing models"):
        from myna.checkpoints.conversion import merge as merge_files

    made = merge_files(first, second, out, weight=weight, half=half)
    line(f"{out}: {made.kind} of version {made.version}, {1 - weight:.0%} {first.name} and {weight:.0%} {second.name}")
