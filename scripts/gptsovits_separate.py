"""Separates a song into vocals and all else, by the command line of COVER_SEPARATE_CMD_TEMPLATE as it is recommended.

Our own nets do it; ``--project-root`` and ``--is-half`` are taken and change nothing. Ends with 2 and one line where it
cannot be done.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from myna.core.errors import MynaError
from myna.core.progress import silent
from myna.core.settings import read_settings
from myna.core.workspace import make_folder
from myna.engine.cover import split_song
from myna.engine.separation.table import Wish


def main(arguments: Sequence[str] | None = None) -> int:
    """Separate; answers the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--project-root", default="", help="accepted")
    options.add_argument("--input", type=Path, required=True, help="the song")
    options.add_argument("--vocal", type=Path, required=True, help="where its vocals go, wav")
    options.add_argument("--inst", type=Path, required=True, help="where all else goes, wav")
    options.add_argument("--model", default="HP2_all_vocals", help="official name of the separator, or centre")
    options.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    options.add_argument("--is-half", default="", help="accepted")
    given = options.parse_args(arguments)
    try:
        wish = Wish(read_settings().models_folder, given.device)
        places = [make_folder(path.absolute().parent) / path.name for path in (given.vocal, given.inst)]
        with tempfile.TemporaryDirectory(dir=places[0].parent, prefix=".separating-") as work:
            for made, place in zip(split_song(given.input, Path(work), given.model, wish, silent), places, strict=True):
                made.replace(place)
    except MynaError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
