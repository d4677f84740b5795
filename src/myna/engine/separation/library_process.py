"""audio-separator in a process of its own: ``python -m myna.engine.separation.library_process FOLDER MODEL``.

The library brings torchvision, reads the environment, changes warning filters and downloads by itself; here it does so
where it disturbs nobody, and without a network. Each line on stdin is JSON, ``[sound file, folder for stems]``; the
answer is one line on stdout, ``{stem: file}``.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from pathlib import Path

from audio_separator.separator import Separator

_STEM = re.compile(r"_\(([^()]+)\)_[^()]*$")


class Offline(Separator):  # type: ignore[misc]
    """The library's own, which takes no file from a network and wants no ffmpeg: it is given and gives WAVE."""

    def download_file_if_not_exists(self, url: str, output_path: str) -> None:
        """Nothing where the file is there; else the process ends with a line that says what is missing."""
        if not Path(output_path).is_file():
            sys.exit(f"missing: {output_path} (published at {url})")

    def check_ffmpeg_installed(self) -> None:
        """Not needed."""


def main() -> None:
    """Load the model that the arguments name, and serve."""
    folder, model = sys.argv[1:]
    # Whatever the library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    separator = Offline(
        model_file_dir=folder,
        output_dir=folder,
        output_format="WAV",
        normalization_threshold=1.0,
        use_soundfile=True,
        log_level=logging.ERROR,
    )
    separator.load_model(model)
    for line in sys.stdin:
        sound, target = json.loads(line)
        separator.output_dir = separator.model_instance.output_dir = target
        written = [Path(target, Path(name).name) for name in separator.separate(sound)]
        answers.write(json.dumps({_stem(path): str(path) for path in written}) + "\n")
        answers.flush()


def _stem(path: Path) -> str:
    found = _STEM.search(path.stem)
    return found[1] if found else path.stem


if __name__ == "__main__":
    main()
