"""Where a recording's bytes come from: a file, memory, or a stream that may have no end."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from myna.audio.container import size_of
from myna.core.errors import BadAudio, LimitExceeded, NotFound, WorkspaceError

Source = Path | bytes | BinaryIO
"""A file, its bytes, or anything with ``read``."""

_BLOCK_BYTES = 1 << 20


@contextmanager
def bytes_of(source: Source, max_bytes: int) -> Iterator[BinaryIO]:
    """The source as a seekable stream at its start, not longer than ``max_bytes``.

    Raises:
        BadAudio: it is empty.
        LimitExceeded: it is longer.
        NotFound: the path is no file.
        WorkspaceError: the file may not be read.
    """
    if isinstance(source, bytes):
        stream: BinaryIO = io.BytesIO(source)
    elif isinstance(source, Path):
        stream = _open_file(source)
    else:
        stream = _spooled(source, max_bytes)
    with stream:
        size = size_of(stream)
        if not size:
            raise BadAudio("the recording is empty (0 bytes); give a file with sound in it")
        if size > max_bytes:
            raise _too_big(max_bytes)
        yield stream


def _open_file(path: Path) -> BinaryIO:
    try:
        if path.is_file():
            return path.open("rb")
    except OSError as error:
        raise WorkspaceError(f"cannot read {path}: {error.strerror}; check its permissions") from None
    raise NotFound(f"there is no file {path}; give the path of a recording")


def _spooled(source: BinaryIO, max_bytes: int) -> BinaryIO:
    """Copy a stream that may be endless or unseekable, no further than the limit; one that can is put back."""
    copy = tempfile.SpooledTemporaryFile(max_size=16 * _BLOCK_BYTES)  # noqa: SIM115  the caller closes it
    start = source.tell() if source.seekable() else None
    while block := source.read(_BLOCK_BYTES):
        copy.write(block)
        if copy.tell() > max_bytes:
            copy.close()
            raise _too_big(max_bytes)
    if start is not None:
        source.seek(start)
    return copy  # type: ignore[return-value]


def _too_big(max_bytes: int) -> LimitExceeded:
    return LimitExceeded(f"the recording has more than the allowed {max_bytes / 2**20:.0f} MiB; give a smaller file")
