"""16-bit mono WAVE files written block by block, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from myna.audio.io import to_int16, wav_header
from myna.core.errors import LimitExceeded
from myna.core.workspace import disk_errors, writing

_MOST_BYTES = 0xFFFFFFFF - 36


def write_wav_blocks(
    path: Path, blocks: Iterable[np.ndarray], sample_rate: int, *, is_one_of_many: bool = False
) -> int:
    """Write ``blocks`` ``(t,)``, int16 or float as `to_int16` takes them, as they come; how many samples that were.

    ``is_one_of_many``: see `myna.core.workspace.writing`.

    Raises:
        LimitExceeded: more than WAVE can hold, 4 GiB.
        WorkspaceError: the folder cannot be written or the disk is full.
    """
    num_bytes = 0
    part = writing(path, is_one_of_many=is_one_of_many)
    with part as temporary, disk_errors(path), temporary.open("wb", buffering=1 << 20) as file:
        file.write(wav_header(sample_rate, None))
        for block in blocks:
            data = to_int16(block).astype("<i2", copy=False)
            num_bytes += data.nbytes
            if num_bytes > _MOST_BYTES:
                raise LimitExceeded(f"{path.name} would pass 4 GiB, more than WAVE can hold; cut it into shorter ones")
            file.write(data.data)
        file.seek(0)
        file.write(wav_header(sample_rate, num_bytes))
    return num_bytes // 2
