"""The files of an installation whose hosts share no folder: each host's workspace is a cache of what all have.

What all have is rows of the job store's database (which file has which content), written in one transaction when every
content is in the `Bucket`: so nobody ever sees half of a result. Beside the workspace lies a note of what each file was
when it was last the same as everybody's; by that a file that was changed here is told from one that is merely old.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import sqlalchemy as sa

from myna.core.errors import BadInput
from myna.core.workspace import WORDS_FILE, inside, write_text
from myna.jobs.bucket import Bucket, content_hash
from myna.jobs.portable import Places
from myna.jobs.tables import FILES

_NOTES = ".storage"
_AT_ONCE = 8
_ROWS_AT_ONCE = 500
_PASSED_OVER = ("lock",)
"""Names that mean something on their own host only."""

Contents = dict[str, str]
"""The content's hash of each file, by its path from the home folder."""


@dataclass(frozen=True)
class _Note:
    """What a file was when it was last looked into."""

    size: int
    changed_ns: int
    content: str
    shared: str
    """The content that it had when it was last the same as everybody's; empty: never."""


class Storage:
    """The workspace ``home`` as one of the hosts' caches; see `SharedFiles`."""

    def __init__(self, bucket: Bucket, engine: sa.Engine, home: Path, places: Places) -> None:
        self._bucket, self._engine, self._home, self._places = bucket, engine, home, places
        self._seen: dict[str, Contents] = {}

    def named(self, payload: Mapping[str, Any]) -> list[Path]:
        """As `SharedFiles.named`; of the home folder itself, only the dictionary is meant."""
        names = {WORDS_FILE if name == "." else name for name in self._places.inside(dict(payload), "home")}
        return [self._home / name for name in sorted(names) if not _is_below(name, names - {name})]

    def push(self, places: Iterable[Path], had: Contents | None = None) -> None:
        """As `SharedFiles.push`; what was among ``had`` and is here no more goes everywhere.

        Raises `PeerFailed`, and nothing is changed then.
        """
        for place in self._ours(places):
            notes, rows = self._notes(place), self._rows(place)
            here = {name: self._looked(name, notes) for name in self._files(place)}
            changed = {
                name: note
                for name, note in here.items()
                if note.content != rows.get(name) and not (note.content == note.shared and name in rows)
            }
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                list(
                    threads.map(lambda item: self._bucket.keep(self._home / item[0], item[1].content), changed.items())
                )
            gone = {name: content for name, content in (had or {}).items() if name not in here and _is_in(name, place)}
            self._write({name: note.content for name, note in changed.items()}, gone)
            self._keep_notes(place, {name: _shared(note) if name in changed else note for name, note in here.items()})

    def pull(self, places: Iterable[Path]) -> Contents:
        """As `SharedFiles.pull`; what all have in these places. Files that were changed here since stay as they are.

        Raises `PeerFailed`, and `BadInput` for a name that leads out of the workspace.
        """
        had: Contents = {}
        for place in self._ours(places):
            rows = self._rows(place)
            if self._seen.get(place) != rows or any(not (self._home / name).is_file() for name in rows):
                self._pull(place, rows)
                self._seen[place] = rows
            had |= rows
        return had

    def forget(self, place: Path) -> None:
        """As `SharedFiles.forget`."""
        for name in self._ours([place]):
            self._write({}, self._rows(name))
            self._keep_notes(name, {})

    def below(self, place: Path) -> list[str]:
        """As `SharedFiles.below`."""
        (name,) = self._ours([place])
        return sorted({PurePosixPath(row).relative_to(name).parts[0] for row in self._rows(name)})

    def _pull(self, place: str, rows: Contents) -> None:
        notes = self._notes(place)
        here = {name: self._looked(name, notes) for name in self._files(place)}
        stale = [
            name
            for name, content in rows.items()
            if name not in here or (here[name].content != content and here[name].shared != content)
        ]
        for name in stale:
            inside(self._home, name)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(lambda name: self._bucket.fetch(rows[name], self._home / name), stale))
        for name in [name for name, note in here.items() if name not in rows and note.content == note.shared]:
            (self._home / name).unlink(missing_ok=True)  # nobody has it any more
            del here[name]
        here |= {name: self._looked(name, {}) for name in stale}
        same = {name: _shared(note) if note.content == rows.get(name) else note for name, note in here.items()}
        self._keep_notes(place, same)

    def _ours(self, places: Iterable[Path]) -> list[str]:
        """Paths as names from the home folder; those outside are not ours to share."""
        home, found = self._home.resolve(), []
        for place in places:
            path = place.parent.resolve() / place.name
            if path != home and home in path.parents and not path.is_symlink():
                found.append(path.relative_to(home).as_posix())
        return found

    def _files(self, place: str) -> Iterator[str]:
        """The finished plain files of a place; links are not followed."""
        root = self._home / place
        if root.is_file() and not root.is_symlink():
            yield place
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder) / name
                if not (name in _PASSED_OVER or name.startswith(".part-") or path.is_symlink()) and path.is_file():
                    yield path.relative_to(self._home).as_posix()

    def _looked(self, name: str, notes: Mapping[str, _Note]) -> _Note:
        """What a file is now; read only where it may have changed since it was noted."""
        path, known = self._home / name, notes.get(name)
        state = path.stat()
        if known is not None and (known.size, known.changed_ns) == (state.st_size, state.st_mtime_ns):
            return known
        return _Note(state.st_size, state.st_mtime_ns, content_hash(path), known.shared if known else "")

    def _rows(self, place: str) -> Contents:
        query = sa.select(FILES.c.path, FILES.c.content).where(_in(place))
        with self._engine.connect() as connection:
            found = connection.execute(query).all()
        rows = {row.path: row.content for row in found if _is_in(row.path, place)}  # LIKE may not tell cases apart
        for name in rows:
            if name.startswith("/") or ".." in PurePosixPath(name).parts:
                raise BadInput(f"the shared file {name!r} leads out of the workspace")
        return rows

    def _write(self, changed: Contents, gone: Contents) -> None:
        """All at once: nobody sees a part of it."""
        rows = [{"path": name, "content": content} for name, content in changed.items()]
        with self._engine.begin() as connection:
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                part = rows[start : start + _ROWS_AT_ONCE]
                connection.execute(FILES.delete().where(FILES.c.path.in_([row["path"] for row in part])))
                connection.execute(FILES.insert(), part)
            for name, content in gone.items():  # unless somebody has written it anew
                connection.execute(FILES.delete().where(FILES.c.path == name, FILES.c.content == content))

    def _note_file(self, place: str) -> Path:
        return self._home / _NOTES / f"{hashlib.blake2b(place.encode(), digest_size=16).hexdigest()}.json"

    def _notes(self, place: str) -> dict[str, _Note]:
        try:
            return {name: _Note(*values) for name, values in json.loads(self._note_file(place).read_bytes()).items()}
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            return {}  # it only saves reading

    def _keep_notes(self, place: str, notes: Mapping[str, _Note]) -> None:
        rows = {name: [note.size, note.changed_ns, note.content, note.shared] for name, note in notes.items()}
        write_text(self._note_file(place), json.dumps(rows))


def _shared(note: _Note) -> _Note:
    return _Note(note.size, note.changed_ns, note.content, note.content)


def _in(place: str) -> sa.ColumnElement[bool]:
    return (FILES.c.path == place) | FILES.c.path.startswith(f"{place}/", autoescape=True)


def _is_in(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}/")


def _is_below(name: str, others: Iterable[str]) -> bool:
    return any(name.startswith(f"{other}/") for other in others)
