"""Official model files (.pth, .ckpt, .pt) read as data: no code of the file runs, whatever it says.

A torch file is a zip whose ``data.pkl`` describes tensors and whose other members hold their numbers; before torch 1.6
it was a row of pickles followed by the numbers. GPT-SoVITS overwrites the zip's first two bytes with "00" to "06" to
say which generation a file is. Both forms are read here; `myna.checkpoints.pickles` reads the description. Sizes are
checked before memory is taken: a file can never claim more numbers than it has bytes.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, cast

import numpy as np
import torch

from myna.checkpoints.pickles import NAME_ONLY, Constructor, Global, Record, plain, run_pickle
from myna.core.errors import BadCheckpoint, LimitExceeded, NotFound, WorkspaceError

MAX_FILE_BYTES = 16 * 2**30
MAX_PICKLE_BYTES = 64 * 2**20
MAX_MEMBERS = 100_000
_MAX_SHARING = 4
"""How many times a file's size its tensors may measure: tied weights share their numbers, but not often."""

HEADS = frozenset({b"PK", b"00", b"01", b"02", b"03", b"04", b"05", b"06"})
"""What the first two bytes of an official file may be."""

_LEGACY_START = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
"""The pickled magic number that opens files of torch before 1.6."""
_LOCAL_HEADER = struct.Struct("<2s2sHHHHHIIIHH")

_STORAGE_DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {
        "torch.DoubleStorage": torch.float64,
        "torch.FloatStorage": torch.float32,
        "torch.HalfStorage": torch.float16,
        "torch.BFloat16Storage": torch.bfloat16,
        "torch.LongStorage": torch.int64,
        "torch.IntStorage": torch.int32,
        "torch.ShortStorage": torch.int16,
        "torch.CharStorage": torch.int8,
        "torch.ByteStorage": torch.uint8,
        "torch.BoolStorage": torch.bool,
    }
)


_SETTINGS_CLASSES = (
    "utils.HParams",
    "GPT_SoVITS.utils.HParams",
    "lightning_fabric.utilities.data.AttributeDict",
    "lightning.fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
)
"""Classes that stand for their attributes or entries: official settings, and those of Lightning's training states."""
_PATH_CLASSES = (
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "pathlib._local.PosixPath",
    "pathlib._local.WindowsPath",
)


@dataclass(frozen=True)
class _Storage:
    """One flat row of numbers of the file."""

    flat: torch.Tensor


class _Numbers(Protocol):
    """Where the storages of a file come from."""

    def storage(self, key: str, dtype: torch.dtype, count: int) -> torch.Tensor: ...


def _rebuild_tensor(arguments: tuple[object, ...]) -> object:
    """``torch._utils._rebuild_tensor_v2``: storage, offset, size, stride and things that only training needs."""
    storage, offset, size, stride = arguments[:4] if len(arguments) >= 4 else (None, None, None, None)
    if not isinstance(storage, _Storage) or not isinstance(offset, int) or offset < 0:
        raise BadCheckpoint("the file describes a tensor without its numbers")
    shape, steps = _lengths(size), _lengths(stride)
    count = prod(shape)
    last = offset + sum((length - 1) * step for length, step in zip(shape, steps, strict=False))
    # A view that repeats numbers (stride 0) could stand for any amount of memory.
    if len(shape) != len(steps) or count > storage.flat.numel() or (count and last >= storage.flat.numel()):
        raise BadCheckpoint(f"the file describes a tensor of shape {shape} that is larger than its numbers")
    return storage.flat.as_strided(shape, steps, offset)


def _lengths(value: object) -> tuple[int, ...]:
    if not isinstance(value, tuple) or len(value) > 32 or not all(type(item) is int and item >= 0 for item in value):
        raise BadCheckpoint("the file describes a tensor whose shape is no row of lengths")
    return cast("tuple[int, ...]", value)


def _rebuild_parameter(arguments: tuple[object, ...]) -> object:
    if not arguments or not isinstance(arguments[0], torch.Tensor):
        raise BadCheckpoint("the file describes a parameter without a tensor")
    return arguments[0]


def _ordered_dict(arguments: tuple[object, ...]) -> object:
    if arguments:
        raise BadCheckpoint("the file fills an OrderedDict in an unusual way")
    return {}


def _text_path(arguments: tuple[object, ...]) -> object:
    if not all(isinstance(part, str) for part in arguments):
        raise BadCheckpoint("the file holds a path that is no text")
    root = "/" if arguments and arguments[0] == "/" else ""
    return root + "/".join(cast("tuple[str, ...]", arguments[1:] if root else arguments))


def _default_dict(arguments: tuple[object, ...]) -> object:
    """What makes missing entries is dropped: nobody asks for one."""
    if not all(isinstance(maker, Global) for maker in arguments):
        raise BadCheckpoint("the file fills a defaultdict in an unusual way")
    return {}


def _device(arguments: tuple[object, ...]) -> object:
    if not all(type(part) in (str, int) for part in arguments):
        raise BadCheckpoint("the file names a device in an unusual way")
    return ":".join(map(str, arguments))


def _record(arguments: tuple[object, ...]) -> object:
    if arguments:
        raise BadCheckpoint("the file makes a settings object in an unusual way")
    return Record()


GLOBALS: Mapping[str, Constructor] = MappingProxyType(
    {
        "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
        "torch._utils._rebuild_parameter": _rebuild_parameter,
        "torch.Size": lambda arguments: arguments[0] if arguments else (),
        "torch.device": _device,
        "collections.OrderedDict": _ordered_dict,
        "collections.defaultdict": _default_dict,
        "__builtin__.dict": NAME_ONLY,
        "builtins.dict": NAME_ONLY,
        **dict.fromkeys(_SETTINGS_CLASSES, _record),
        **dict.fromkeys(_PATH_CLASSES, _text_path),
        **dict.fromkeys(_STORAGE_DTYPES, NAME_ONLY),
    }
)
"""Every name a file may use. Settings objects become dicts, paths and devices become texts."""


def _persistent(numbers: _Numbers) -> Callable[[object], object]:
    """Answers torch's persistent ids, ``("storage", type, key, device, count)``; one storage per key."""
    known: dict[str, _Storage] = {}

    def load(identifier: object) -> object:
        if not isinstance(identifier, tuple) or len(identifier) < 5 or identifier[0] != "storage":
            raise BadCheckpoint("the file refers to numbers in an unusual way")
        kind, key, count = identifier[1], identifier[2], identifier[4]
        if len(identifier) > 5 and identifier[5] is not None:
            raise BadCheckpoint("the file shares numbers between storages in a way torch gave up in 2019")
        if not isinstance(kind, Global) or kind.name not in _STORAGE_DTYPES:
            raise BadCheckpoint("the file holds numbers of an unknown type")
        if not isinstance(key, str) or type(count) is not int or count < 0:
            raise BadCheckpoint("the file refers to numbers in an unusual way")
        dtype = _STORAGE_DTYPES[kind.name]
        if key not in known:
            known[key] = _Storage(numbers.storage(key, dtype, count))
        if known[key].flat.dtype != dtype or known[key].flat.numel() != count:
            raise BadCheckpoint(f"the file describes the numbers {key!r} in two ways")
        return known[key]

    return load


class _Zip:
    """The members of a torch zip, all stored uncompressed, read by their places in the file."""

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        self._file = file
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OverflowError, OSError) as error:
            raise BadCheckpoint(f"no torch file: {error}") from error
        if len(members) > MAX_MEMBERS:
            raise LimitExceeded(f"the file has {len(members)} members; at most {MAX_MEMBERS} are read")
        self._places: dict[str, tuple[int, zipfile.ZipInfo]] = {}
        for info in members:
            if ".." in info.filename.replace("\\", "/").split("/") or info.filename.startswith(("/", "\\")):
                raise BadCheckpoint(f"the zip names a member {info.filename[:200]!r}, which leads out of its folder")
        descriptions = [info.filename for info in members if info.filename.split("/")[1:] == ["data.pkl"]]
        if len(descriptions) != 1:
            raise BadCheckpoint("no torch file: the zip does not hold one folder with a data.pkl")
        self._folder = descriptions[0].removesuffix("data.pkl")
        end = 0
        for info in sorted(members, key=lambda member: member.header_offset):
            start = self._locate(info)
            if info.header_offset < end or start + info.file_size > size:
                raise BadCheckpoint("the zip's members overlap or end behind the file")
            end = start + info.file_size
            if info.filename in self._places:
                raise BadCheckpoint("the zip holds one name twice")
            self._places[info.filename] = (start, info)
        if self.member("byteorder", 16, b"little") != b"little":
            raise BadCheckpoint("the file's numbers are big-endian; save it again on an ordinary machine")

    def _locate(self, info: zipfile.ZipInfo) -> int:
        """Where the bytes of ``info`` start."""
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 or info.compress_size != info.file_size:
            raise BadCheckpoint("the zip is compressed or encrypted; torch writes neither")
        self._file.seek(info.header_offset)
        raw = self._file.read(_LOCAL_HEADER.size)
        if len(raw) < _LOCAL_HEADER.size:
            raise BadCheckpoint("the file is cut off")
        head, rest, *_, name_length, extra_length = _LOCAL_HEADER.unpack(raw)
        is_known_head = head in HEADS if info.header_offset == 0 else head == b"PK"
        name = self._file.read(name_length)
        encoding = "utf-8" if info.flag_bits & 0x800 else "cp437"
        if not is_known_head or rest != b"\x03\x04" or name != info.orig_filename.encode(encoding):
            raise BadCheckpoint("the zip's list of members does not fit its members")
        return int(info.header_offset + _LOCAL_HEADER.size + name_length + extra_length)

    def member(self, name: str, limit: int, default: bytes | None = None) -> bytes:
        """The bytes of one member, by its name inside the folder."""
        place = self._places.get(self._folder + name)
        if place is None:
            if default is None:
                raise BadCheckpoint(f"no torch file: it has no {name}")
            return default
        start, info = place
        if info.file_size > limit:
            raise LimitExceeded(f"{name} of the file has {info.file_size} bytes; at most {limit} are read")
        self._file.seek(start)
        data = self._file.read(info.file_size)
        _check(info, zlib.crc32(data))
        return data

    def storage(self, key: str, dtype: torch.dtype, count: int) -> torch.Tensor:
        """The ``count`` numbers of member ``data/<key>``, read now."""
        place = self._places.get(f"{self._folder}data/{key}")
        if place is None or place[1].file_size != count * dtype.itemsize:
            raise BadCheckpoint(f"the numbers {key!r} are missing from the file, or not as many as it says")
        flat = torch.empty(count, dtype=dtype)
        self._file.seek(place[0])
        _check(place[1], _fill(flat, self._file))
        return flat


def _fill(flat: torch.Tensor, file: io.BufferedReader) -> int:
    """Read the numbers of ``flat`` from ``file``; answers their CRC-32."""
    view: np.ndarray = flat.view(torch.uint8).numpy()
    if file.readinto(view.data) != view.size:
        raise BadCheckpoint("the file is cut off")
    return zlib.crc32(view.data)


def _check(info: zipfile.ZipInfo, crc: int) -> None:
    if crc != info.CRC:
        raise BadCheckpoint(f"{info.filename} in the file is damaged (its checksum is wrong)")


class _Row:
    """Storages of a file from before torch 1.6: described first, filled later."""

    def __init__(self, size: int) -> None:
        self._bytes_left = size
        self._storages: dict[str, torch.Tensor] = {}

    def storage(self, key: str, dtype: torch.dtype, count: int) -> torch.Tensor:
        """Room for ``count`` numbers, which `fill` reads."""
        self._bytes_left -= count * dtype.itemsize
        if self._bytes_left < 0:
            raise BadCheckpoint("the file describes more numbers than it has bytes")
        self._storages[key] = torch.empty(count, dtype=dtype)
        return self._storages[key]

    def fill(self, order: object, file: io.BufferedReader) -> None:
        """Read the numbers that follow the pickles: for each key a count of 8 bytes, then the numbers."""
        names = [key for key in order if isinstance(key, str)] if isinstance(order, list) else []
        if sorted(names) != sorted(self._storages):
            raise BadCheckpoint("the file's list of numbers does not fit its tensors")
        for key in names:
            flat = self._storages[key]
            if file.read(8) != struct.pack("<q", flat.numel()):
                raise BadCheckpoint(f"the numbers {key!r} of the file are not as many as it says")
            _fill(flat, file)


def _read_row(file: io.BufferedReader, size: int) -> object:
    """A file from before torch 1.6: magic number, protocol, machine, object, keys, numbers."""
    stream = io.BytesIO(file.read(MAX_PICKLE_BYTES))
    row = _Row(size)
    refuse = _persistent(row)
    _magic, protocol, machine = (run_pickle(stream, {}, refuse) for _ in range(3))
    if protocol != 1001 or not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise BadCheckpoint("the file's form is unknown or big-endian; save it again with a newer torch")
    content = run_pickle(stream, GLOBALS, _persistent(row))
    order = run_pickle(stream, {}, refuse)
    file.seek(stream.tell())
    row.fill(order, file)
    return content


class _Leaf:
    """Tells tensors from other values, and counts: tensors that share numbers must not stand for endless memory."""

    def __init__(self, bytes_left: int) -> None:
        self._bytes_left = bytes_left

    def __call__(self, value: object) -> bool:
        if isinstance(value, torch.Tensor):
            self._bytes_left -= value.numel() * value.itemsize
            if self._bytes_left < 0:
                raise BadCheckpoint("the file's tensors share their numbers more often than any model does")
        return isinstance(value, torch.Tensor)


def read_object(path: Path) -> object:
    """Whatever one ``torch.save`` put into ``path``: plain dicts, lists, tuples, numbers, texts and tensors.

    Raises `NotFound`, `WorkspaceError`, `LimitExceeded`, and `BadCheckpoint` for files that are damaged, of another
    kind, or name anything outside `GLOBALS`.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size > MAX_FILE_BYTES:
                raise LimitExceeded(f"{path.name} has {size} bytes; at most {MAX_FILE_BYTES} are read")
            file.seek(0)
            start = file.read(len(_LEGACY_START))
            file.seek(0)
            if start == _LEGACY_START:
                content = _read_row(file, size)
            elif start[:2] in HEADS and start[2:4] == b"\x03\x04":
                archive = _Zip(file, size)
                stream = io.BytesIO(archive.member("data.pkl", MAX_PICKLE_BYTES))
                content = run_pickle(stream, GLOBALS, _persistent(archive))
            else:
                raise BadCheckpoint("no torch file: neither a zip nor the form of torch before 1.6")
        return plain(content, leaf=_Leaf(_MAX_SHARING * size))
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound(f"there is no file {path}") from None
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error
    except BadCheckpoint as error:
        raise BadCheckpoint(f"{path}: {error}") from error


def read_torch(path: Path) -> dict[str, Any]:
    """The dictionary in an official model file, as plain dicts, lists, tuples, numbers, texts and tensors.

    The tensors lie in ordinary memory with the file's dtype. Raises as `read_object` does, and `BadCheckpoint` when the
    file holds something else than a dictionary with texts as keys.
    """
    content = read_object(path)
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise BadCheckpoint(f"{path}: a dictionary of named values was expected")
    return content
