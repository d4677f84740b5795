"""Says vocals again in another voice, by the command line of COVER_INFER_CMD_TEMPLATE as it is recommended.

``--model-id`` is a finished voice of this installation; without one the base speaks like the reference. Ends with 2 and
one line where it cannot be done.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from myna.audio.io import write_wav
from myna.core.card import read_card
from myna.core.errors import MynaError
from myna.core.settings import Settings, read_settings
from myna.core.speech import ConversionRequest, Voice
from myna.core.workspace import Workspace, make_folder
from myna.engine.cover import prepared_vocals
from myna.engine.synthesis.conversion import LocalConverter
from myna.engine.synthesis.speaker import LocalSpeaker


def main(arguments: Sequence[str] | None = None) -> int:
    """Sing; answers the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--project-root", default="", help="accepted")
    options.add_argument("--reference", type=Path, required=True, help="clip of the target's voice")
    options.add_argument("--input", type=Path, required=True, help="the vocals")
    options.add_argument("--output", type=Path, required=True, help="where the new vocals go, wav")
    options.add_argument("--model-id", default="", nargs="?", help="a finished voice; empty: the base")
    options.add_argument("--pitch", type=int, default=0, help="semitones by which the vocals are moved")
    given = options.parse_args(arguments)
    try:
        sing(read_settings(), given)
    except MynaError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def sing(settings: Settings, given: argparse.Namespace) -> None:
    """Write the new vocals; raises `MynaError`."""
    voice = Voice(version=settings.speaks_version, reference=given.reference)
    if given.model_id:
        card = read_card(Workspace(settings.home).existing_voice(given.model_id))
        voice = card.model_copy(update={"reference": given.reference, "reference_text": "", "other_references": ()})
    converter = LocalConverter(LocalSpeaker(settings.models_folder, settings.device, settings.home))
    folder = make_folder(given.output.absolute().parent)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".singing-") as work:
        source = prepared_vocals(given.input, Path(work), given.pitch)
        chunks = list(converter.convert(ConversionRequest(source=source, voice=voice, keeps_key=True)))
    write_wav(given.output, np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate)


if __name__ == "__main__":
    sys.exit(main())
