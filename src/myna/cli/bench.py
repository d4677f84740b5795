"""`myna bench`: measurements, printed as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from myna.cli.show import Bars, table
from myna.core.settings import read_settings
from myna.steps.step import engine_needed

app = typer.Typer(name="bench", help="Measure this installation.", no_args_is_help=True, add_completion=False)


@app.callback()
def bench() -> None:
    """Measure this installation."""


@app.command()
def voice(
    speech: Annotated[Path | None, typer.Option(help="Folder of held-out speech; by default what ships.")] = None,
    utterances: Annotated[int, typer.Option(min=1, help="How many sentences are spoken.")] = 20,
    stage: Annotated[
        str, typer.Option(help="Measure one stage of recipes/lite: content, tokens, gpt, flow or vocoder; else all.")
    ] = "",
    models: Annotated[Path | None, typer.Option(help="Folder with lite/*.safetensors in place of what ships.")] = None,
) -> None:
    """Measure how well the base is understood, how well it keeps a voice, and what each of its stages loses."""
    settings = read_settings()
    with engine_needed("the benchmark"):
        from myna.engine.bench import bench_voice
    bars = Bars()
    with bars.shown(), bars.bar("speaking and listening") as report:
        result = bench_voice(
            models=models or settings.models_folder,
            device=settings.device,
            speech=speech,
            utterances=utterances,
            stage=stage,
            progress=report,
        )
    rows = [[row.name, f"{row.value:.3g}", row.unit, row.note] for row in result.rows]
    table("Voice", ["measure", "value", "unit", "how"], rows)
