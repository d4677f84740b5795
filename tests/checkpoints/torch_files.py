"""Torch files made by hand for the tests: well-formed, broken and hostile."""

from __future__ import annotations

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

FOLDER = "archive"


class Runs:
    """Pickles as a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


class HParams:
    """Stands in for the official settings class when a file is written."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


def settings(**values: Any) -> HParams:
    return HParams(**{key: settings(**item) if isinstance(item, dict) else item for key, item in values.items()})


class AttributeDict(dict[str, Any]):
    """Stands in for the class of settings in Lightning's training states."""


def lightning_bytes(content: Any) -> bytes:
    """As `torch_bytes`; `AttributeDict` is pickled under Lightning's name for it."""
    name = "lightning_fabric.utilities.data"
    parts = [".".join(name.split(".")[:end]) for end in range(1, 4)]
    before = {part: sys.modules.get(part) for part in parts}
    old_name = AttributeDict.__module__
    for part in parts:
        sys.modules[part] = types.ModuleType(part)
    sys.modules[name].AttributeDict = AttributeDict  # type: ignore[attr-defined]
    AttributeDict.__module__ = name
    buffer = io.BytesIO()
    try:
        torch.save(content, buffer)
    finally:
        AttributeDict.__module__ = old_name
        for part, module in before.items():
            del sys.modules[part]
            if module is not None:
                sys.modules[part] = module
    return buffer.getvalue()


def torch_bytes(content: object, legacy: bool = False) -> bytes:
    """What official writers produce; settings objects are pickled as ``utils.HParams``."""
    module = types.ModuleType("utils")
    before = sys.modules.get("utils")
    old_name = HParams.__module__
    sys.modules["utils"] = module
    module.HParams = HParams  # type: ignore[attr-defined]
    HParams.__module__ = "utils"
    buffer = io.BytesIO()
    try:
        torch.save(content, buffer, _use_new_zipfile_serialization=not legacy)
    finally:
        HParams.__module__ = old_name
        del sys.modules["utils"]
        if before is not None:
            sys.modules["utils"] = before
    return buffer.getvalue()


def zip_bytes(
    description: bytes,
    numbers: Mapping[str, bytes] = types.MappingProxyType({}),
    *,
    compression: int = zipfile.ZIP_STORED,
    more: Mapping[str, bytes] = types.MappingProxyType({}),
) -> bytes:
    """A torch zip around any pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr(f"{FOLDER}/data.pkl", description)
        archive.writestr(f"{FOLDER}/byteorder", b"little")
        for key, data in numbers.items():
            archive.writestr(f"{FOLDER}/data/{key}", data)
        for name, data in more.items():
            archive.writestr(name, data)
        archive.writestr(f"{FOLDER}/version", b"3\n")
    return buffer.getvalue()


def legacy_bytes(description: bytes) -> bytes:
    """The form of torch before 1.6 around any pickle, without numbers."""
    head = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}]
    return b"".join(pickle.dumps(item, 2) for item in head) + description + pickle.dumps([], 2)


def text(value: str) -> bytes:
    """Opcode that pushes a text."""
    data = value.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def integer(value: int) -> bytes:
    """Opcode that pushes an integer of 32 bits."""
    return b"J" + value.to_bytes(4, "little", signed=True)


def storage(key: str, count: bytes, kind: str = "FloatStorage") -> bytes:
    """Opcodes that push a storage of the file."""
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + count + b"tQ"


def tensor(source: bytes, offset: int = 0, shape: tuple[int, ...] = (2,), stride: tuple[int, ...] = (1,)) -> bytes:
    """Opcodes that push a tensor, whatever its numbers claim."""

    def row(lengths: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(long, lengths)) + b"t"

    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n"
    return rebuild + b"(" + source + long(offset) + row(shape) + row(stride) + b"\x89" + ordered() + b"tR"


def long(value: int) -> bytes:
    """Opcode that pushes an integer of any size."""
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def ordered() -> bytes:
    """Opcodes that push an empty OrderedDict."""
    return b"ccollections\nOrderedDict\n)R"


def program(body: bytes) -> bytes:
    """A whole pickle of protocol 2."""
    return b"\x80\x02" + body + b"."


def named(body: bytes) -> bytes:
    """A whole pickle of ``{"weight": <body>}``."""
    return program(b"}" + text("weight") + body + b"s")


def small_model() -> dict[str, Any]:
    """Content of every kind that official files hold."""
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    weight: OrderedDict[str, torch.Tensor] = OrderedDict()
    weight["plain"] = base.half()
    weight["view"] = base[1:, ::2]
    weight["tied"] = weight["plain"]
    weight["scalar"] = torch.tensor(3.5, dtype=torch.float64)
    weight["empty"] = torch.zeros(0, 5)
    weight["long"] = torch.tensor([1, -(2**40)])
    weight["bool"] = torch.tensor([True, False])
    weight["brain"] = torch.tensor([1.5, -2.0], dtype=torch.bfloat16)
    weight["parameter"] = torch.nn.Parameter(base[0].clone())
    weight["transposed"] = base.t()
    return {
        "weight": weight,
        "config": settings(model={"gin": 512, "version": "v2"}, data={"rates": [10, 8], "eps": 1e-9, "mel": None}),
        "info": "3epoch_120iteration",
        "folder": Path("/tmp/voice"),
    }


def written(folder: Path, data: bytes) -> Path:
    """Path of a file with these bytes."""
    path = folder / "model.pth"
    path.write_bytes(data)
    return path
