"""Former states of a file that people edit: every save keeps the one before, and each can be had back.

Beside ``clips.list`` lies ``.versions/clips.list`` with ``000001.list`` and so on, byte for byte, and a journal that
says what was done after each, so that the last operations can be undone and done again. Whoever saves tells which state
it has seen; where another program has changed the file meanwhile, nothing is overwritten.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from myna.core.errors import BadInput, Conflict, NotFound
from myna.core.workspace import disk_errors, make_folder, write_bytes, write_text

KEPT = 50
"""So many former states are kept."""

_JOURNAL = "journal.jsonl"
_EDIT, _UNDO, _REDO = "edit", "undo", "redo"


@dataclass(frozen=True)
class Version:
    """A former state: its number, what was done to it then, when (UTC, ISO 8601), and the digest of what came out."""

    number: int
    what: str
    when: str
    kind: str
    digest: str


def digest_of(data: bytes) -> str:
    """What tells one state of a file from another."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def save(path: Path, data: bytes, what: str, *, seen: str = "", kept: int = KEPT) -> str:
    """Write ``data``, keeping the state before as a version; ``what`` was done goes into the journal.

    ``seen`` is the digest of the state that was worked on, "" for any. Returns the digest of the new state.

    Raises:
        BadInput: fewer than one version would be kept.
        Conflict: the file has another state than the one ``seen``.
        WorkspaceError: the folder cannot be written.
    """
    if kept < 1:
        raise BadInput(f"cannot keep {kept} former states; keep at least 1")
    with _locked(path):
        before = _read(path)
        if seen and digest_of(before) != seen:
            raise Conflict(f"{path} was changed by somebody else meanwhile; load it again")
        _write(path, before, data, what, _EDIT, kept)
    return digest_of(data)


def versions(path: Path) -> list[Version]:
    """The former states that are kept, oldest first."""
    return [entry for entry in _journal(path) if _file(path, entry.number).is_file()]


def version_bytes(path: Path, number: int) -> bytes:
    """A former state; raises `NotFound` naming those that are kept."""
    file = _file(path, number)
    if not file.is_file():
        there = ", ".join(str(entry.number) for entry in versions(path)) or "none"
        raise NotFound(f"{path.name} has no version {number}; kept are: {there}")
    return file.read_bytes()


def restore(path: Path, number: int, *, kept: int = KEPT) -> None:
    """Make a former state the present one, which becomes a former one itself; raises `NotFound`."""
    data = version_bytes(path, number)
    save(path, data, f"went back to version {number}", kept=kept)


def undo(path: Path, *, kept: int = KEPT) -> str:
    """Take the last operation back; returns what it was.

    Raises:
        NotFound: there is nothing (more) to undo.
        Conflict: another program has changed the file since.
    """
    return _step(path, _UNDO, kept)


def redo(path: Path, *, kept: int = KEPT) -> str:
    """Do what was undone last once more; raises as `undo`."""
    return _step(path, _REDO, kept)


def _step(path: Path, kind: str, kept: int) -> str:
    with _locked(path):
        journal = _journal(path)
        done, undone = _stacks(journal)
        stack = done if kind == _UNDO else undone
        if not stack or not _file(path, stack[-1].number).is_file():
            raise NotFound(f"there is nothing {'more ' if journal else ''}to {kind} in {path.name}")
        before = _read(path)
        if digest_of(before) != journal[-1].digest:
            raise Conflict(f"{path} was changed by somebody else since; go back to a version instead")
        target = stack[-1]
        _write(path, before, version_bytes(path, target.number), target.what, kind, kept)
        return target.what


def _stacks(journal: list[Version]) -> tuple[list[Version], list[Version]]:
    """The operations that can be undone and those that can be done again, the next one last."""
    done: list[Version] = []
    undone: list[Version] = []
    for entry in journal:
        if entry.kind == _EDIT:
            undone.clear()
        source, target = (undone, done) if entry.kind == _REDO else (done, undone)
        if entry.kind != _EDIT and source:
            source.pop()
        (done if entry.kind == _EDIT else target).append(entry)
    return done, undone


def _write(path: Path, before: bytes, data: bytes, what: str, kind: str, kept: int) -> None:
    """Version first, then journal, then the file: whatever interrupts this loses nothing."""
    journal = _journal(path)
    number = max((entry.number for entry in journal), default=0) + 1
    when = datetime.now(UTC).isoformat(timespec="seconds")
    write_bytes(_file(path, number), before)
    journal = [*journal, Version(number, what, when, kind, digest_of(data))]
    rows = "".join(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in journal[-kept:])
    write_text(_folder(path) / _JOURNAL, rows)
    write_bytes(path, data)
    for entry in journal[:-kept]:
        _file(path, entry.number).unlink(missing_ok=True)


def _journal(path: Path) -> list[Version]:
    """All entries, oldest first; damaged ones are left out."""
    file = _folder(path) / _JOURNAL
    if not file.is_file():
        return []
    entries = []
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            entries.append(Version(**json.loads(line)))
        except (json.JSONDecodeError, TypeError):
            continue
    return entries


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _folder(path: Path) -> Path:
    return path.parent / ".versions" / path.name


def _file(path: Path, number: int) -> Path:
    return _folder(path) / f"{number:06d}{path.suffix}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One at a time, so that versions and journal fit the file."""
    folder = make_folder(_folder(path))
    with disk_errors(folder), (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
