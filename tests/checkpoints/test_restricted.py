"""Official model files are read as data: faithfully, or refused in one line."""

from __future__ import annotations

import io
import json
import os
import pickle
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myna.checkpoints import restricted
from myna.checkpoints.restricted import read_object, read_torch
from myna.core.errors import BadCheckpoint, MynaError, NotFound, WorkspaceError
from tests.checkpoints import torch_files as make

FILES = Path(__file__).parent / "files"
EXPECTED: dict[str, Any] = json.loads((FILES / "expected.json").read_text())
OFFICIAL = sorted(name for name in EXPECTED if name[0] != "_")


@pytest.mark.parametrize("name", OFFICIAL)
def test_reads_files_of_the_official_writers(name: str) -> None:
    expected = EXPECTED[name]
    content = read_torch(FILES / name)
    assert list(content) == expected["top_level"]
    if "keys" in expected:
        assert sorted(content["weight"]) == sorted(expected["keys"])
        assert {str(tensor.dtype) for tensor in content["weight"].values()} == set(expected["dtypes"])
    for field in ("info", "iteration", "learning_rate"):
        if field in expected:
            assert content[field] == expected[field]
    if expected.get("lora_rank"):
        assert content["lora_rank"] == expected["lora_rank"]


def test_settings_objects_become_plain_dicts() -> None:
    config = read_torch(FILES / "s2_v2Pro.pth")["config"]
    assert type(config) is dict
    assert type(config["model"]) is dict
    assert config["data"]["sampling_rate"] == 32000
    json.dumps(config)


def test_numbers_equal_those_of_torch_itself() -> None:
    path = FILES / "s1_v2.ckpt"
    ours, theirs = read_torch(path)["weight"], torch.load(path, weights_only=True)["weight"]
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) and ours[key].dtype == theirs[key].dtype for key in ours)


@pytest.mark.parametrize("legacy", [False, True])
def test_every_kind_of_content_comes_back(tmp_path: Path, legacy: bool) -> None:
    model = make.small_model()
    content = read_torch(make.written(tmp_path, make.torch_bytes(model, legacy)))
    assert content["weight"].keys() == model["weight"].keys()
    for key, tensor in model["weight"].items():
        assert content["weight"][key].dtype == tensor.dtype
        assert torch.equal(content["weight"][key], tensor), key
    assert content["config"] == {
        "model": {"gin": 512, "version": "v2"},
        "data": {"rates": [10, 8], "eps": 1e-9, "mel": None},
    }
    assert content["info"] == "3epoch_120iteration"
    assert content["folder"] == "/tmp/voice"


@pytest.mark.parametrize("head", sorted(restricted.HEADS))
def test_two_byte_heads_are_put_back(tmp_path: Path, head: bytes) -> None:
    data = make.torch_bytes({"a": torch.ones(2)})
    assert torch.equal(read_torch(make.written(tmp_path, head + data[2:]))["a"], torch.ones(2))


def test_unknown_head_is_refused(tmp_path: Path) -> None:
    data = make.torch_bytes({"a": torch.ones(2)})
    with pytest.raises(BadCheckpoint, match="no torch file"):
        read_torch(make.written(tmp_path, b"07" + data[2:]))


def tar_bytes() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("sys_info", "pickle", "tensors"):
            data = pickle.dumps(make.Runs(os.system, "true"), 2)
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK",
        b"PK\x03\x04",
        b"RIFF" + bytes(100),
        pickle.dumps({"a": 1}, 2),
        pickle.dumps(make.Runs(os.system, "true"), 2),
        tar_bytes(),
        zipfile.ZipFile.__doc__.encode() if zipfile.ZipFile.__doc__ else b"",
        make.zip_bytes(b""),
        make.zip_bytes(b"\x80\x02"),
        make.zip_bytes(make.program(b"K\x01")),
        make.zip_bytes(make.program(b"}K\x01K\x01s")),
        make.legacy_bytes(make.named(b"N"))[:60],
        make.legacy_bytes(make.named(b"N"))[:-3],
        make.legacy_bytes(make.named(b"N")).replace(b"little_endian", b"littleXendian"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadCheckpoint) as caught:
        read_torch(make.written(tmp_path, data))
    assert "model.pth" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_big_endian_numbers_are_refused(tmp_path: Path) -> None:
    data = make.zip_bytes(make.named(b"N")).replace(b"little", b"bigbig")
    with pytest.raises(BadCheckpoint):
        read_torch(make.written(tmp_path, data))


def test_changed_numbers_are_noticed(tmp_path: Path) -> None:
    data = make.torch_bytes({"a": torch.full((100,), 7.0)})
    at = data.index(torch.full((100,), 7.0).numpy().tobytes())
    with pytest.raises(BadCheckpoint, match="damaged"):
        read_torch(make.written(tmp_path, data[: at + 9] + b"\x41" + data[at + 10 :]))


def test_absent_and_unreadable_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_torch(tmp_path / "nothing.pth")
    with pytest.raises(NotFound):
        read_torch(tmp_path)
    with pytest.raises((NotFound, WorkspaceError)):
        read_torch(tmp_path / ("x" * 300))


MODEL_ZIP = make.torch_bytes(make.small_model())
MODEL_ROW = make.torch_bytes(make.small_model(), legacy=True)


@given(
    data=st.sampled_from([MODEL_ZIP, MODEL_ROW]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)), max_size=4),
    length=st.floats(0, 1),
    is_cut=st.booleans(),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_never_escape_the_error_tree(
    tmp_path: Path, data: bytes, changes: list[tuple[float, bytes]], length: float, is_cut: bool
) -> None:
    damaged = bytearray(data)
    for place, new in changes:
        at = int(place * len(damaged))
        damaged[at : at + len(new)] = new
    path = make.written(tmp_path, bytes(damaged[: int(length * len(damaged))] if is_cut else damaged))
    with suppress(MynaError):
        read_object(path)
