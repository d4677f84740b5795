"""A row of numbers that grows at its end and is forgotten at its beginning; most of a long one lies on disk."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np

from myna.core.workspace import disk_errors

_MOST_NUMBERS = 1 << 23
_READ_NUMBERS = 1 << 18


class Tape:
    """float32 numbers from ``first`` to ``end``, of which at most ``most`` (by default 32 MB) are kept in memory.

    The rest goes to a nameless file in ``folder``, which vanishes when the context is left, and with
    this process however that ends. Raises
    `WorkspaceError` where the disk is full.
    """

    def __init__(self, folder: Path | None = None, most: int | None = None) -> None:
        self.end = 0
        self._folder, self._most = folder, _MOST_NUMBERS if most is None else most
        self._blocks: deque[np.ndarray] = deque()
        self._blocks_from = 0  # the place of the first number in memory
        self._file: IO[bytes] | None = None
        self._file_from = 0  # the place of the file's first number

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.forget(self.end)

    @property
    def first(self) -> int:
        """The place of the first number that can still be read; earlier ones may be there too."""
        return self._blocks_from if self._file is None else self._file_from

    def append(self, numbers: np.ndarray) -> None:
        """Add ``numbers`` ``(n,)`` at the end."""
        self._blocks.append(np.asarray(numbers, np.float32))
        self.end += len(numbers)
        while self.end - self._blocks_from > self._most and len(self._blocks) > 1:
            self._to_disk(self._blocks.popleft())

    def forget(self, before: int) -> None:
        """Drop what lies before this place, where that is no work."""
        while self._blocks and self._blocks_from + len(self._blocks[0]) <= before:
            self._blocks_from += len(self._blocks.popleft())
        if self._file is not None and self._blocks_from <= before:
            self._file.close()
            self._file = None

    def read(self, start: int, end: int) -> Iterator[np.ndarray]:
        """The numbers from ``start`` to ``end`` in blocks; both are held within what there is."""
        start, end = max(start, self.first), min(end, self.end)
        if self._file is not None:
            yield from self._from_disk(start, min(end, self._blocks_from))
        place = self._blocks_from
        for block in self._blocks:
            if place >= end:
                break
            piece = block[max(start - place, 0) : end - place]
            if len(piece):
                yield piece
            place += len(block)

    def whole(self, start: int, end: int) -> np.ndarray:
        """The numbers from ``start`` to ``end`` as one array."""
        return np.concatenate([np.zeros(0, np.float32), *self.read(start, end)])

    def _to_disk(self, block: np.ndarray) -> None:
        with disk_errors(self._folder or Path(tempfile.gettempdir())):
            if self._file is None:
                if self._folder is not None:
                    self._folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  closed when it is forgotten
                self._file_from = self._blocks_from
            self._file.seek(0, 2)
            self._file.write(block.data)
        self._blocks_from += len(block)

    def _from_disk(self, start: int, end: int) -> Iterator[np.ndarray]:
        for place in range(start, end, _READ_NUMBERS):
            if self._file is None:
                return
            self._file.seek(4 * (place - self._file_from))
            yield np.frombuffer(self._file.read(4 * (min(end, place + _READ_NUMBERS) - place)), np.float32)
