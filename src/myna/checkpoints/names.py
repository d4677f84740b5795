"""The official program's list of English names, ``namedict_cache.pickle``, read as data: no code of the file runs.

It is a pickle of a dictionary: a name in small letters -> its readings, each a list of ARPAbet phones. It does not say
where they come from and therefore does not ship; users of that program have it.
"""

from __future__ import annotations

import io
from pathlib import Path

from myna.checkpoints.pickles import plain, run_pickle
from myna.core.errors import BadCheckpoint, LimitExceeded, NotFound, WorkspaceError

MAX_BYTES = 16 * 2**20


def read_names(path: Path) -> dict[str, tuple[str, ...]]:
    """Name in small letters -> the phones of its first reading.

    Raises `NotFound`, `WorkspaceError`, `LimitExceeded`, and `BadCheckpoint` for a file that is damaged, holds
    something else, or names anything that would have to be imported.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(f"there is no file {path}") from None
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error
    if len(packed) > MAX_BYTES:
        raise LimitExceeded(f"{path.name} has more than {MAX_BYTES} bytes, which no list of names has")
    try:
        listed = plain(run_pickle(io.BytesIO(packed), {}, _refused), leaf=lambda _value: False)
        if not isinstance(listed, dict):
            raise BadCheckpoint("a dictionary of names was expected")
        return {str(name): _first_reading(name, readings) for name, readings in listed.items()}
    except BadCheckpoint as error:
        raise BadCheckpoint(f"{path} is no list of names: {error}") from error


def _refused(_identifier: object) -> object:
    raise BadCheckpoint("the file refers to things outside it")


def _first_reading(name: object, readings: object) -> tuple[str, ...]:
    first = readings[0] if isinstance(readings, list) and readings else None
    if not isinstance(name, str) or not isinstance(first, list) or not first:
        raise BadCheckpoint(f"{str(name)[:40]!r} should be a name with a list of its readings")
    phones = tuple(phone for phone in first if isinstance(phone, str))
    if len(phones) != len(first):
        raise BadCheckpoint(f"the reading of {name[:40]!r} should be a list of phones")
    return phones
