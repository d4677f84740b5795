"""What the twins of the official tools for recordings have in common: official names and options, our steps.

Each works from any file or folder into any folder and needs no voice, and has a file of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from myna.cli.show import Bars, line
from myna.steps.catalog import make_step


def perform_on_folder(
    name: str, source: Path, target: Path, wishes: dict[str, Any], folder: Path | None = None
) -> None:
    """Run the step called ``name`` from any ``source`` into any ``target``; wishes that are None keep its defaults.

    ``folder`` is where the step's stamp lies, by default the target.
    """
    given = {key: value for key, value in wishes.items() if value is not None}
    step = make_step(name, {"folder": folder or target, "source": source, "target": target, **given})
    bars = Bars()
    with bars.shown():
        outcome = bars.perform(step)
    how = "was done already" if outcome.was_done_already else "is done"
    line(f"{name} {how} ({outcome.seconds:.1f} s); look into {target}")
