"""Speech into a file, with its subtitles."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from myna.audio.encode import FORMATS, write_audio
from myna.core.errors import BadInput, UnknownChoice
from myna.core.progress import Progress
from myna.core.speech import AudioChunk
from myna.core.workspace import write_text
from myna.engine.synthesis.subtitles import to_srt


def check_suffix(path: Path) -> None:
    """Raise `UnknownChoice` where speech cannot be written into a file called ``path``."""
    if path.suffix.removeprefix(".").lower() not in FORMATS:
        raise UnknownChoice("kind of sound file", path.suffix or path.name, [f".{name}" for name in FORMATS])


def write_speech(
    chunks: Iterable[AudioChunk], path: Path, *, subtitles: Path | None, text: str, progress: Progress
) -> float:
    """Write all ``chunks`` into ``path`` (format by its suffix) and where wanted their ``subtitles``; returns seconds.

    ``text`` is the whole text, against which the progress is measured.

    Raises:
        UnknownChoice: no such format.
        BadInput: nothing was said.
        WorkspaceError: a file cannot be written.
    """
    check_suffix(path)
    said: list[AudioChunk] = []
    for chunk in chunks:
        said.append(chunk)
        progress(min(chunk.place[1] / max(len(text), 1), 0.99), f"{chunk.end_s:.1f} s of speech")
    if not said:
        raise BadInput("nothing was said; give a text with words in it")
    write_audio(path, np.concatenate([chunk.samples for chunk in said]), said[0].sample_rate)
    if subtitles is not None:
        write_text(subtitles, to_srt(said))
    return said[-1].end_s
