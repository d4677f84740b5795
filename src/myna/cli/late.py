"""Groups whose commands are imported when they are called; the help, and a name that is none, import them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group


class LateCommands(TyperGroup):
    """A group of the commands that a subclass's table has."""

    found: ClassVar[Mapping[str, typer.Typer | Callable[..., Any]]]

    lenient: ClassVar[frozenset[str]] = frozenset()
    """Those that take options they do not know for arguments."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, None where there is none."""
        self._load([cmd_name] if cmd_name in self.found else self.found)
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  what click asks with
        """All names, in the table's order."""
        return list(self.found)

    def _load(self, names: Any) -> None:
        for name in names:
            if name not in self.commands:
                self.commands[name] = self._made(name, self.found[name])

    def _made(self, name: str, found: typer.Typer | Callable[..., Any]) -> Any:
        """The command itself."""
        if isinstance(found, typer.Typer):
            return get_group(found)
        alone = typer.Typer(add_completion=False)
        alone.command(name=name, context_settings={"ignore_unknown_options": name in self.lenient})(found)
        return get_command(alone)
