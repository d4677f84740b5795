"""Paths in payloads that mean the same on every host, wherever its folders lie.

In the store a path inside the workspace is ``myna:home/voices/anna``; who reads the job gets it as a path of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

_MARK = "myna:"


class Places:
    """The folders of this host by their names, as in ``Places(home=…, models=…)``."""

    def __init__(self, **folders: Path) -> None:
        # The innermost first: the models may lie in the home.
        self._folders = sorted(folders.items(), key=lambda item: -len(item[1].absolute().parts))

    def outward(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """``payload`` as it goes into the store."""
        return {key: self._walk(value, self._named) for key, value in payload.items()}

    def inward(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """``payload`` out of the store, with the paths of this host."""
        return {key: self._walk(value, self._placed) for key, value in payload.items()}

    def inside(self, payload: Any, name: str) -> set[str]:
        """What ``payload`` names inside the folder ``name``, as paths from there; ``.`` is the folder itself."""
        found: set[str] = set()

        def note(text: str) -> str:
            head, _, rest = self._named(text).removeprefix(_MARK).partition("/")
            if head == name and self._named(text).startswith(_MARK):
                found.add(rest or ".")
            return text

        self._walk(payload, note)
        return found

    def _walk(self, value: Any, change: Any) -> Any:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, Mapping):
            return {key: self._walk(each, change) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._walk(each, change) for each in value]
        return value

    def _named(self, text: str) -> str:
        if not text.startswith("/") or "\0" in text:
            return text
        path = PurePosixPath(text)
        for name, folder in self._folders:
            for known in (folder.absolute(), folder.resolve()):
                if path.is_relative_to(known) and ".." not in path.parts:
                    rest = path.relative_to(known).as_posix()
                    return f"{_MARK}{name}" + (f"/{rest}" if rest != "." else "")
        return text

    def _placed(self, text: str) -> str:
        if not text.startswith(_MARK):
            return text
        head, _, rest = text.removeprefix(_MARK).partition("/")
        for name, folder in self._folders:
            if name == head and ".." not in PurePosixPath(rest).parts and not rest.startswith("/"):
                return str(folder / rest) if rest else str(folder)
        return text
