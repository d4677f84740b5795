"""The step that takes noise out of clips, over a whole folder.

It writes one file per clip under a temporary name first, and keeps what an interrupted run had finished.
"""

from __future__ import annotations

from pathlib import Path

from myna.audio.io import decode, write_wav
from myna.core.progress import Progress
from myna.core.workspace import files_in
from myna.engine.clean import Denoiser, denoiser


def denoise_clips(source: Path, folder: Path, *, engine: str, progress: Progress) -> list[Path]:
    """Clean every clip of ``source`` into ``folder``, same names; those there already are kept."""
    clips, written = files_in(source), []
    cleaner: Denoiser = denoiser(engine)
    for number, clip in enumerate(clips):
        progress(number / len(clips), clip.name)
        cleaned = folder / clip.name
        if not cleaned.is_file():
            audio = decode(clip)
            write_wav(cleaned, cleaner.clean(audio.samples, audio.sample_rate), audio.sample_rate)
        written.append(cleaned)
    return written
