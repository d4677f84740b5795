"""What training reads of a data set, made once and then memory-mapped: thousands of small files are not read again, and
nothing is computed twice; a data set may be larger than memory.

Rows (dataclasses of tensors, numbers and text) lie in a few safetensors files, which an index names. The index says
what they were made of, too: the content of every file, the nets, the recipe. Where any of it has changed they are made
anew. As long as sizes, times and places of the files are those that were looked at, their content is not read for that.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import myna
from myna.core.errors import WorkspaceError
from myna.core.findings import Failure, Tally
from myna.core.progress import Progress
from myna.core.workspace import clear_unfinished, disk_errors, make_folder, write_text, writing

Row = TypeVar("Row")

SHARD_BYTES = 256 << 20
"""What is gathered in memory before it is written."""
_FORM = 1
_UNSURE_NS = 2_000_000_000
"""A file that was changed so shortly before it was looked at may have changed again within the clock's grain."""
_LOOK_S = 0.1


@dataclass(frozen=True)
class Basis:
    """What rows are made of: ``sources`` (files, and folders of files), and ``facts``, all else that decides them."""

    sources: tuple[Path, ...]
    facts: Mapping[str, str]

    def told(self) -> dict[str, str]:
        """The facts, those of the program among them."""
        return {**self.facts, "form": str(_FORM), "program": myna.__version__}


def weights_print(*nets: nn.Module | None) -> str:
    """Content hash of the nets' weights."""
    digest = hashlib.blake2b(digest_size=16)
    for net in nets:
        for name, tensor in (net.state_dict() if net is not None else {}).items():
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def stored_rows(
    folder: Path,
    name: str,
    row: type[Row],
    basis: Basis,
    make: Callable[[Tally], Iterator[Row]],
    progress: Progress,
) -> tuple[Sequence[Row], list[Failure]]:
    """The rows of ``basis`` in the shards ``name`` below ``folder``, and what was left out; ``make`` makes them where
    they are not there.

    One process makes them, others wait for it. Where the folder cannot be written, they are made in memory. Raises what
    ``make`` and ``progress`` raise.
    """
    tally = Tally()
    try:
        with _alone(make_folder(folder) / f".{name}.lock", progress):
            shelf = _Shelf(folder, name, row, basis)
            return shelf.stored() or shelf.filled(make(tally), tally)
    except WorkspaceError:
        tally = Tally()
        return list(make(tally)), tally.failures


@contextmanager
def _alone(lock: Path, progress: Progress) -> Iterator[None]:
    with disk_errors(lock), lock.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress(0.0, "another process reads the data set")
                time.sleep(_LOOK_S)
        yield


class _Shelf(Generic[Row]):
    """The shards ``name`` and their index; this process alone looks at them."""

    def __init__(self, folder: Path, name: str, row: type[Row], basis: Basis) -> None:
        self.folder, self.name, self.row, self.basis = folder, name, row, basis
        self.index = folder / f"{name}.json"
        self.looked_ns = time.time_ns()
        self.state, self.latest_ns = _state_of(basis.sources)

    def stored(self) -> tuple[Sequence[Row], list[Failure]] | None:
        """What is there, if it is what would be made now."""
        try:
            index = json.loads(self.index.read_text(encoding="utf-8"))
            if index["facts"] != self.basis.told():
                return None
            if index["state"] != self.state or not index["is_sure"]:
                if index["content"] != _content_of(self.basis.sources):
                    return None
                self._write_index(index)
            rows = StoredRows(self.row, [self.folder / name for name in index["shards"]], index["rows"])
            return rows, [Failure(*failure) for failure in index["failures"]]
        except (OSError, ValueError, LookupError, TypeError, SafetensorError):
            return None  # not there, damaged, or of another form

    def filled(self, rows: Iterator[Row], tally: Tally) -> tuple[Sequence[Row], list[Failure]]:
        """The shards, made of ``rows``; raises `WorkspaceError` where they cannot be written."""
        content = _content_of(self.basis.sources)
        self._clear()
        shards, entries = _written(rows, self.folder, self.name)
        stored = StoredRows(self.row, shards, entries)
        if entries and _state_of(self.basis.sources)[0] == self.state:  # else it is of files that are changing
            self._write_index(
                {
                    "facts": self.basis.told(),
                    "content": content,
                    "shards": [path.name for path in shards],
                    "rows": entries,
                    "failures": [[failure.file, failure.reason] for failure in tally.failures],
                }
            )
        return stored, tally.failures

    def _write_index(self, index: Mapping[str, Any]) -> None:
        is_sure = self.latest_ns < self.looked_ns - _UNSURE_NS
        write_text(self.index, json.dumps({**index, "state": self.state, "is_sure": is_sure}))

    def _clear(self) -> None:
        """Remove what is there. Who has it mapped keeps it."""
        clear_unfinished(self.folder)
        self.index.unlink(missing_ok=True)
        for path in self.folder.glob(f"{self.name}-*.safetensors"):
            path.unlink(missing_ok=True)


class StoredRows(Sequence[Row]):
    """Rows in shards: their tensors are read from the disk when they are used."""

    def __init__(self, row: type[Row], shards: Sequence[Path], entries: Sequence[Mapping[str, Any]]) -> None:
        self._row, self._entries = row, entries
        self._shards = [safe_open(path, "pt") for path in shards]

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        entry = self._entries[place]
        shard, number = self._shards[entry["shard"]], place % len(self)
        tensors = {name: shard.get_tensor(f"{number}.{name}") for name in entry["tensors"]}
        return self._row(**entry["values"], **tensors)


def _written(rows: Iterator[Row], folder: Path, name: str) -> tuple[list[Path], list[dict[str, Any]]]:
    """The shards' files, and for each row its shard, its tensors' names and all else that is in it."""
    shards: list[Path] = []
    entries: list[dict[str, Any]] = []
    gathered: dict[str, Tensor] = {}
    size = 0

    def write() -> None:
        path = folder / f"{name}-{len(shards):05}.safetensors"
        with writing(path) as temporary:
            save_file(gathered, temporary)
        shards.append(path)
        gathered.clear()

    for number, row in enumerate(rows):
        values = {one.name: getattr(row, one.name) for one in fields(row)}  # type: ignore[arg-type]
        tensors = {key: value for key, value in values.items() if isinstance(value, Tensor)}
        # A copy, because safetensors refuses tensors that share memory.
        gathered |= {f"{number}.{key}": tensor.clone().contiguous() for key, tensor in tensors.items()}
        others = {key: value for key, value in values.items() if key not in tensors}
        entries.append({"shard": len(shards), "tensors": list(tensors), "values": others})
        size += sum(tensor.nbytes for tensor in tensors.values())
        if size >= SHARD_BYTES:
            write()
            size = 0
    if gathered:
        write()
    return shards, entries


def _files(sources: Sequence[Path]) -> Iterator[tuple[str, os.DirEntry[str] | Path]]:
    """Every plain file, with a name that is its own, in order; half-written ones left out."""
    for number, source in enumerate(sources):
        if source.is_dir():
            with os.scandir(source) as found:
                entries = [entry for entry in found if entry.name[0] != "." and entry.is_file()]
            yield from ((f"{number}/{entry.name}", entry) for entry in sorted(entries, key=lambda one: one.name))
        elif source.is_file():
            yield str(number), source


def _state_of(sources: Sequence[Path]) -> tuple[str, int]:
    """Hash of sizes, times and places on the disk of all files, and when the last of them was changed."""
    digest, latest = hashlib.blake2b(digest_size=16), 0
    for name, file in _files(sources):
        with suppress(FileNotFoundError):
            found = file.stat()
            state = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)
            digest.update(f"{name} {state}\n".encode("utf-8", "surrogateescape"))
            latest = max(latest, found.st_ctime_ns)
    return digest.hexdigest(), latest


def _content_of(sources: Sequence[Path]) -> str:
    """Hash of names and content of all files."""
    digest = hashlib.blake2b(digest_size=16)
    for name, file in _files(sources):
        with suppress(FileNotFoundError), Path(file).open("rb") as stream:
            content = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
            digest.update(f"{name} {content}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
