"""`myna watermark`: was this speech made by Myna, and marked?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from myna.audio.io import decode
from myna.audio.watermark import UNLIKELY, Finding, find
from myna.cli.show import line
from myna.core.errors import MynaError

_UNREADABLE = 2


def watermark(
    files: Annotated[list[Path], typer.Argument(help="Recordings, any format; the longer, the surer.")],
) -> None:
    """Look for the inaudible mark that `myna say --watermark` and the setting watermark put into speech."""
    num_unreadable = 0
    for file in files:
        try:
            audio = decode(file)
        except MynaError as error:
            line(f"{file}: not looked at: {error}")
            num_unreadable += 1
        else:
            line(f"{file}: {_told(find(audio.samples, audio.sample_rate))}")
    if num_unreadable:
        raise typer.Exit(_UNREADABLE)


def _told(found: Finding) -> str:
    if found.is_marked:
        verdict = "marked"
    elif found.probability > UNLIKELY:
        verdict = "cannot be told"
    else:
        verdict = "not marked"
    return (
        f"{verdict}; probability of the mark {found.probability:.3f} "
        f"({found.seconds:.1f} s; of unmarked sounds {found.chance:.1g} look so)"
    )
