"""Files that clients send: sound by its content, in a folder that is theirs, whole or not at all."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from fastapi import UploadFile
from fastapi.concurrency import run_in_threadpool

from myna.core.errors import BadInput, LimitExceeded
from myna.core.workspace import clear_unfinished, writing
from myna.studio import Studio

_MAX_NAME_BYTES = 200
_ABANDONED_S = 86400.0
"""No upload takes that long: what is older was left by a server that was killed."""


def file_name(given: str | None, suffixes: Sequence[str]) -> str:
    """The last part of a name that a client gave; raises `BadInput` for none, and for another kind of file."""
    name = PurePosixPath((given or "").replace("\\", "/")).name
    name = "".join(char for char in name if char.isprintable()).strip().lstrip(".")
    if not name:
        raise BadInput("the file has no name")
    suffix = Path(name).suffix.lower()
    if suffixes and suffix not in suffixes:
        raise BadInput(f"{name!r} is of no kind that is taken here; send one of: {', '.join(suffixes)}")
    if len(name.encode()) > _MAX_NAME_BYTES:
        stem = name.removesuffix(Path(name).suffix).encode()[: _MAX_NAME_BYTES - len(suffix)].decode(errors="ignore")
        name = stem + suffix
    return name


async def keep(
    upload: UploadFile, folder: Path, studio: Studio, *, name: str, max_bytes: int, is_sound: bool = True
) -> Path:
    """Write an upload into ``folder`` as ``name``, once it is known to be sound.

    Raises `BadAudio` for what is no sound, `LimitExceeded` for more than ``max_bytes``, `WorkspaceError`.
    """

    def write() -> Path:
        path = folder / name
        clear_unfinished(folder, time.time() - _ABANDONED_S)
        with writing(path) as temporary:
            with temporary.open("wb") as file:
                _copy(upload.file, file, max_bytes)
            if is_sound:
                studio.require_sound(temporary)
        return path

    return await run_in_threadpool(write)


def _copy(source: BinaryIO, target: BinaryIO, max_bytes: int) -> None:
    source.seek(0, 2)
    if source.tell() > max_bytes:
        raise LimitExceeded(f"the file is larger than {max_bytes // 2**20} MiB, the most that is taken here")
    source.seek(0)
    shutil.copyfileobj(source, target)
