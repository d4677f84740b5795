"""Feature files of the dataset folder: exchangeable with the official program, small, whole or absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from myna.checkpoints.tensor_file import read_tensor, write_tensor
from myna.core.errors import BadCheckpoint, NotFound, WorkspaceError
from tests.checkpoints import torch_files as make

FEATURES = Path(__file__).parent / "features"


@pytest.mark.parametrize(("name", "rows"), [("bert.pt", 1024), ("content.pt", 768), ("speaker.pt", 20480)])
def test_reads_files_of_the_official_program(name: str, rows: int) -> None:
    array = read_tensor(FEATURES / name)
    assert rows in array.shape
    assert np.array_equal(array, torch.load(FEATURES / name, weights_only=True).numpy())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (7,), (1, 768, 33), (1024, 20)])
def test_round_trip_with_us_and_with_torch(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    array = np.asarray(np.random.default_rng(1).normal(size=shape) * 9).astype(dtype)
    path = tmp_path / "clip.wav.pt"
    write_tensor(path, array)
    again = read_tensor(path)
    assert again.dtype == array.dtype
    assert again.shape == array.shape
    assert np.array_equal(again, array)
    theirs = torch.load(path, weights_only=True)
    assert np.array_equal(theirs.numpy(), array)


def test_reads_what_torch_saves_now(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    tensor = torch.randn(1, 8, 5)
    torch.save(tensor.half(), path)
    assert np.array_equal(read_tensor(path), tensor.half().numpy())
    torch.save(tensor.transpose(1, 2), path)
    assert np.array_equal(read_tensor(path), tensor.transpose(1, 2).numpy())
    torch.save(tensor.bfloat16(), path)
    assert np.array_equal(read_tensor(path), tensor.bfloat16().float().numpy())


def test_a_view_is_written_without_the_rest(tmp_path: Path) -> None:
    whole = np.zeros((4, 1_000_000), np.float32)
    write_tensor(tmp_path / "a.pt", whole[:, ::100_000])
    assert (tmp_path / "a.pt").stat().st_size < 2500
    assert read_tensor(tmp_path / "a.pt").shape == (4, 10)


def test_the_array_may_be_read_only(tmp_path: Path) -> None:
    array = np.arange(4.0)
    array.flags.writeable = False
    write_tensor(tmp_path / "a.pt", array)
    assert read_tensor(tmp_path / "a.pt").tolist() == [0, 1, 2, 3]


def test_the_read_array_is_the_caller_s_to_change(tmp_path: Path) -> None:
    write_tensor(tmp_path / "a.pt", np.zeros(3, np.float16))
    array = read_tensor(tmp_path / "a.pt")
    array += 1
    assert read_tensor(tmp_path / "a.pt").tolist() == [0, 0, 0]


def test_other_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(make.torch_bytes({"a": torch.ones(2)}))
    with pytest.raises(BadCheckpoint, match="one tensor was expected"):
        read_tensor(path)
    with pytest.raises(NotFound):
        read_tensor(tmp_path / "b.pt")


def test_a_refused_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    write_tensor(path, np.ones(3))
    with pytest.raises(TypeError):
        write_tensor(path, np.array(["text"]))
    with pytest.raises(WorkspaceError):
        write_tensor(path / "below.pt", np.ones(3))
    assert read_tensor(path).tolist() == [1, 1, 1]
    assert [item.name for item in tmp_path.iterdir()] == ["a.pt"]
