"""What the rest of the house knows of files that several hosts share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol


class SharedFiles(Protocol):
    """The files of an installation on its other hosts. Paths that do not lie in the workspace are left alone."""

    def named(self, payload: Mapping[str, Any]) -> list[Path]:
        """The files and folders of the workspace that a job's payload names."""
        ...

    def push(self, places: Iterable[Path]) -> None:
        """Let all hosts have these files and folders as they are here."""
        ...

    def pull(self, places: Iterable[Path]) -> object:
        """Have these files and folders as all hosts do."""
        ...

    def forget(self, place: Path) -> None:
        """No host is to have this file or folder any more."""
        ...

    def below(self, place: Path) -> list[str]:
        """The names of what hosts have in a folder."""
        ...


class OneFolder:
    """All hosts see the same folder, or there is one host only: nothing is to be done."""

    def named(self, payload: Mapping[str, Any]) -> list[Path]:  # noqa: ARG002
        """As `SharedFiles.named`."""
        return []

    def push(self, places: Iterable[Path]) -> None:
        """As `SharedFiles.push`."""

    def pull(self, places: Iterable[Path]) -> None:
        """As `SharedFiles.pull`."""

    def forget(self, place: Path) -> None:
        """As `SharedFiles.forget`."""

    def below(self, place: Path) -> list[str]:  # noqa: ARG002
        """As `SharedFiles.below`."""
        return []
