"""The weights and the reference that clients of these servers switch for everybody.

Only these doors have such a thing. It is kept in a file, so that all processes of a server agree and a restart forgets
nothing; a request takes what stands there when it comes in, and keeps it to its end.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from threading import Lock

from pydantic import BaseModel, ConfigDict, Field

from myna.core.errors import BadInput
from myna.core.fields import parse
from myna.core.versions import ModelVersion, version
from myna.core.workspace import disk_errors, make_folder, write_text

_FILE = "speaking.json"


class Choice(BaseModel):
    """What speaks where a request does not say: weights, and a reference with its words."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str = Field(description="model version")
    gpt: Path | None = None
    sovits: Path | None = None
    reference: Path | None = None
    reference_text: str = ""
    reference_language: str = ""

    @property
    def record(self) -> ModelVersion:
        """The facts of the version."""
        return version(self.version)


class Current:
    """The choice of one installation; ``first`` is the version that speaks before anybody has chosen."""

    def __init__(self, home: Path, first: str) -> None:
        self._file = home / _FILE
        self._first = Choice(version=version(first).name)
        self._seen: tuple[tuple[int, int], Choice] | None = None
        self._lock = Lock()

    def get(self) -> Choice:
        """What is chosen now."""
        try:
            state = self._file.stat()
        except FileNotFoundError:
            return self._first
        mark = (state.st_mtime_ns, state.st_ino)
        if self._seen is None or self._seen[0] != mark:
            try:
                choice = parse(Choice, self._file.read_bytes())
                version(choice.version)
            except BadInput:  # damaged by hand, or of another version of this program
                choice = self._first
            self._seen = (mark, choice)
        return self._seen[1]

    def change(self, **values: object) -> Choice:
        """Choose otherwise; what is not given stays."""
        lock = make_folder(self._file.parent) / f".{_FILE}.lock"
        with self._lock, disk_errors(lock), lock.open("a") as alone:
            fcntl.flock(alone, fcntl.LOCK_EX)  # other processes of the server may be choosing too
            choice = self.get().model_copy(update=values)
            write_text(self._file, choice.model_dump_json(indent=1) + "\n")
            return choice
