"""The dataset folder's feature files: one array per ``.pt``, as GPT-SoVITS writes and reads them with torch."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch

from myna.checkpoints.restricted import read_object
from myna.core.errors import BadCheckpoint
from myna.core.workspace import write_bytes


def write_tensor(path: Path, array: np.ndarray) -> None:
    """Write one array of numbers, any shape and dtype, so that the official ``torch.load`` gives it back as a tensor.

    Only the array's own numbers are written, whatever it is a view of. Take float16 to halve the file: the official
    program does. The file appears whole or not at all; raises `WorkspaceError` where it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(torch.from_numpy(np.array(array, order="C")), buffer)
    write_bytes(path, buffer.getvalue())


def read_tensor(path: Path) -> np.ndarray:
    """The one array in a feature file, with its shape and dtype (bfloat16, which numpy lacks, becomes float32).

    Nothing in the file is executed. Raises `NotFound` and `BadCheckpoint`.
    """
    tensor = read_object(path)
    if not isinstance(tensor, torch.Tensor):
        raise BadCheckpoint(f"{path}: one tensor was expected; the file holds a {type(tensor).__name__}")
    array: np.ndarray = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).contiguous().numpy()
    return array
