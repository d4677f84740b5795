"""Our own model files say what they hold, are exact, reproducible, and whole or absent."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from myna.checkpoints.native import read_weights, write_weights
from myna.core import workspace
from myna.core.errors import BadCheckpoint, NotFound, WorkspaceError

CONFIG = {"version": "lite", "gpt": {"width": 256, "heads": 4}, "dropout": 0.1, "names": ["a", "ü"]}
PROVENANCE = {"base": "lite", "clips": 12, "licence": "CC BY-SA 3.0"}


def tensors() -> dict[str, torch.Tensor]:
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    return {
        "z.last": base.half(),
        "a.first": base,
        "view": base[1:, ::2],
        "tied": base,
        "transposed": base.t(),
        "scalar": torch.tensor(2.5),
        "codes": torch.tensor([[-3, 127]], dtype=torch.int8),
        "brain": torch.tensor([1.5], dtype=torch.bfloat16),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "voice" / "model.safetensors"
    write_weights(path, tensors(), CONFIG, PROVENANCE)
    weights = read_weights(path)
    assert weights.config == CONFIG
    assert weights.provenance == PROVENANCE
    assert weights.tensors.keys() == tensors().keys()
    for name, tensor in tensors().items():
        assert weights.tensors[name].dtype == tensor.dtype
        assert torch.equal(weights.tensors[name], tensor)


def test_same_content_gives_same_bytes(tmp_path: Path) -> None:
    write_weights(tmp_path / "a", tensors(), CONFIG, PROVENANCE)
    backwards = dict(reversed(list(tensors().items())))
    write_weights(tmp_path / "b", backwards, dict(reversed(list(CONFIG.items()))), PROVENANCE)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    write_weights(path, {"a": torch.ones(2)}, CONFIG, PROVENANCE)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_weights(path, {"a": torch.zeros(2)}, {"x": float("nan")}, {})
    with pytest.raises(TypeError):
        write_weights(path, {"a": torch.zeros(2)}, {"x": path}, {})

    def full(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(workspace, "_flush", full)
    with pytest.raises(WorkspaceError, match="full"):
        write_weights(path, {"a": torch.zeros(2)}, CONFIG, PROVENANCE)
    assert read_weights(path).tensors["a"].tolist() == [1, 1]
    assert [item.name for item in tmp_path.iterdir()] == ["model.safetensors"]


def test_reading_needs_a_file_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(NotFound):
        read_weights(path)
    with pytest.raises(NotFound):
        read_weights(tmp_path)
    path.write_bytes(b"RIFF" + bytes(100))
    with pytest.raises(BadCheckpoint, match="no safetensors file"):
        read_weights(path)
    for metadata in (None, {"myna": "{"}, {"myna": "[1]"}, {"myna": '{"config": 3, "provenance": {}}'}, {"other": ""}):
        save_file({"a": torch.ones(1)}, path, metadata)
        with pytest.raises(BadCheckpoint, match="does not say what it holds"):
            read_weights(path)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_weights(path, tensors(), CONFIG, PROVENANCE)
    whole = path.read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(BadCheckpoint):
            read_weights(path)
