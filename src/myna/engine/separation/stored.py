"""Sound that is too long for memory, on the disk for as long as it is worked on."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from myna.core.workspace import disk_errors, make_folder


class StoredSound:
    """Stereo sound in a nameless file: written block by block, then read like an array."""

    def __init__(self, folder: Path) -> None:
        with disk_errors(folder):
            self._file = tempfile.TemporaryFile(dir=make_folder(folder))  # noqa: SIM115  `stored` closes it
        self._folder = folder
        self._mapped: mmap.mmap | None = None

    def write(self, block: np.ndarray) -> None:
        """Add float samples (t, 2); raises `WorkspaceError` where the disk is full."""
        with disk_errors(self._folder):
            self._file.write(np.ascontiguousarray(block, np.float32).data)

    def samples(self) -> np.ndarray:
        """All of it (T, 2), float32; only what is looked at is read."""
        with disk_errors(self._folder):
            self._file.flush()
        if not self._file.tell():
            return np.zeros((0, 2), np.float32)
        self._mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(self._mapped, np.float32).reshape(-1, 2)

    def forget(self) -> None:
        """Give back the memory of what was looked at; it is read again where it is looked at again."""
        if self._mapped is not None:
            self._mapped.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Have it no more."""
        self._file.close()


@contextmanager
def stored(folder: Path, blocks: Iterable[np.ndarray] = ()) -> Iterator[StoredSound]:
    """Room for sound beside ``folder``'s files, which vanishes afterwards; ``blocks`` (t, 2) are written at once."""
    sound = StoredSound(folder)
    try:
        for block in blocks:
            sound.write(block)
        yield sound
    finally:
        sound.close()
