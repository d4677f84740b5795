"""Subtitles of speech: one per piece of text, in SubRip form."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from myna.core.speech import AudioChunk


def to_srt(chunks: Iterable[AudioChunk]) -> str:
    """The subtitles of ``chunks``, one per piece, from its first sound to its last, without the pause behind it.

    Chunks without text, which are silence, have none.
    """
    blocks = []
    spoken = (chunk for chunk in chunks if chunk.text)
    for number, (_, group) in enumerate(groupby(spoken, key=lambda chunk: chunk.piece), start=1):
        said = list(group)
        start, end = _time(said[0].start_s), _time(max(said[-1].end_s - said[-1].pause_s, said[0].start_s))
        blocks.append(f"{number}\n{start} --> {end}\n{' '.join(said[0].text.split())}\n")
    return "\n".join(blocks)


def _time(seconds: float) -> str:
    """``hh:mm:ss,mmm``."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
