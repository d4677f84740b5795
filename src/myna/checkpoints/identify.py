"""Which generation an official SoVITS file belongs to, told as the official program tells it.

Its rules, in order: the MD5 of the first 8192 bytes against the published base files; the first two bytes, which its
writer overwrites; the size. (GPT-SoVITS, ``process_ckpt.py``.) What the tensors themselves say is added by
`myna.checkpoints.official`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from myna.core.errors import BadCheckpoint, NotFound, WorkspaceError

_MD5_BYTES = 8192
_ZIP_HEAD = b"PK"


@dataclass(frozen=True)
class Identity:
    """A generation: its phone table, its name, and whether the file holds only a LoRA over the published base."""

    symbols: str
    version: str
    is_lora: bool = False


HEADS: Mapping[bytes, Identity] = MappingProxyType(
    {
        b"00": Identity("v1", "v1"),
        b"01": Identity("v2", "v2"),
        b"02": Identity("v2", "v3"),
        b"03": Identity("v2", "v3", is_lora=True),
        b"04": Identity("v2", "v4", is_lora=True),
        b"05": Identity("v2", "v2Pro"),
        b"06": Identity("v2", "v2ProPlus"),
    }
)
"""What the first two bytes of a file say where they are not the zip's own."""

_PUBLISHED: Mapping[str, Identity] = MappingProxyType(
    {
        "dc3c97e17592963677a4a1681f30c653": Identity("v2", "v2"),
        "43797be674a37c1c83ee81081941ed0f": Identity("v2", "v3"),
        "6642b37f3dbb1f76882b69937c95a5f3": Identity("v2", "v2"),
        "4f26b9476d0c5033e04162c486074374": Identity("v2", "v4"),
        "c7e9fce2223f3db685cdfa1e6368728a": Identity("v2", "v2Pro"),
        "66b313e39455b57ab1b0bc0b239c9d0a": Identity("v2", "v2ProPlus"),
    }
)
"""Base files by the MD5 of their first 8192 bytes."""

_BY_SIZE = (
    (82978 * 1024, Identity("v1", "v1")),
    (700 * 2**20, Identity("v2", "v2")),
)
"""Files smaller than this many bytes; larger ones are `_LARGEST`."""
_LARGEST = Identity("v2", "v3")


def identify(path: Path) -> Identity:
    """The generation of an official SoVITS file, without reading its tensors.

    Raises `NotFound`, `WorkspaceError`, and `BadCheckpoint` for a head that no official file has.
    """
    start, size = _beginning(path)
    return told_by(start, size, path.name)


def marked_as(path: Path) -> Identity | None:
    """The generation that a file's beginning tells, None where only its size would; raises as `identify`."""
    return _marked(_beginning(path)[0], path.name)


def told_by(start: bytes, size: int, name: str = "the file") -> Identity:
    """As `identify`, from the first 8192 bytes of a file and its size in bytes."""
    marked = _marked(start, name)
    if marked is not None:
        return marked
    return next((identity for limit, identity in _BY_SIZE if size < limit), _LARGEST)


def _beginning(path: Path) -> tuple[bytes, int]:
    """A file's first 8192 bytes, and its size."""
    try:
        with path.open("rb") as file:
            return file.read(_MD5_BYTES), file.seek(0, 2)
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(f"there is no file {path}") from None
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error


def _marked(start: bytes, name: str) -> Identity | None:
    published = _PUBLISHED.get(hashlib.md5(start[:_MD5_BYTES], usedforsecurity=False).hexdigest())
    head = start[:2]
    if published is not None or head == _ZIP_HEAD:
        return published
    if head not in HEADS:
        raise BadCheckpoint(f"{name} is no GPT-SoVITS file: it begins with neither PK nor 00 to 06")
    return HEADS[head]
