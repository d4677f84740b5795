"""Clips as the official slicer stores them: levelled, 32 kHz, 16 bits, with their place in their name."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from myna.audio.clip_names import clip_name
from myna.audio.loudness import level_mix, peak, truncated_int16
from myna.audio.slice_settings import SliceSettings
from myna.audio.tape import Tape
from myna.audio.wave_file import write_wav_blocks

CLIP_RATE_HZ = 32000
"""Clips are stored at this rate, and their names count its samples."""

_NUM_WRITERS = 2  # one computes while the other waits for the disk
_MOST_WAITING = 1 << 22
"""Samples that may wait to be written; a longer clip is written at once, from where it lies."""


class ClipWriter:
    """Writes the clips of one recording while it is being cut; leaving the context waits for those under way.

    Whoever has them all written calls `myna.core.workspace.bring_to_disk`.
    """

    def __init__(self, name: str, folder: Path, settings: SliceSettings) -> None:
        self._name, self._folder, self._settings = name, folder, settings
        self._pool = ThreadPoolExecutor(_NUM_WRITERS, thread_name_prefix="clip")
        self._waiting: deque[tuple[Future[int], Path, int]] = deque()
        self._all: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def write(self, tape: Tape, start: int, end: int) -> Iterator[Path]:
        """Begin to write the samples ``start`` to ``end`` of the recording; gives the clips that are done by now.

        Nothing is written where ``start`` lies behind the end of the sound. Raises `WorkspaceError` where this or an
        earlier clip could not be written.
        """
        if start >= min(end, tape.end):
            return
        clip = self._folder / clip_name(self._name, start, end)
        self._all.append(clip)
        if end - start > _MOST_WAITING:
            yield from self.rest()
            self._write(clip, partial(tape.read, start, end))
            yield clip
            return
        pieces = list(tape.read(start, end))
        self._waiting.append((self._pool.submit(self._write, clip, lambda: pieces), clip, end - start))
        while self._waiting and (self._waiting[0][0].done() or self._num_waiting() > _MOST_WAITING):
            yield self._next()

    def rest(self) -> Iterator[Path]:
        """Wait for all clips, and give those that were not given yet."""
        while self._waiting:
            yield self._next()

    def remove_all(self) -> None:
        """Take back what was written."""
        self._pool.shutdown()
        for clip in self._all:
            clip.unlink(missing_ok=True)

    def _num_waiting(self) -> int:
        return sum(size for _, _, size in self._waiting)

    def _next(self) -> Path:
        task, clip, _ = self._waiting.popleft()
        task.result()
        return clip

    def _write(self, clip: Path, sound: Callable[[], Iterable[np.ndarray]]) -> int:
        return write_wav_blocks(clip, clip_blocks(sound, self._settings), CLIP_RATE_HZ, is_one_of_many=True)


def clip_samples(sound: np.ndarray, settings: SliceSettings) -> np.ndarray:
    """One clip as stored: levelled, int16 ``(T,)``."""
    return np.concatenate([np.zeros(0, np.int16), *clip_blocks(lambda: [sound], settings)])


def clip_blocks(sound: Callable[[], Iterable[np.ndarray]], settings: SliceSettings) -> Iterator[np.ndarray]:
    """A clip as stored, block by block; ``sound`` gives its blocks, twice: its peak decides the level."""
    loudest = max((peak(block) for block in sound()), default=0.0)
    divisor = np.float32(max(loudest, 1.0))
    for block in sound():
        mixed = level_mix(
            block if divisor == 1 else block / divisor, settings.top, settings.share, loudest / float(divisor)
        )
        yield truncated_int16(mixed, 32767)
