"""What every door is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter

from myna.api.access import Guard
from myna.api.stage import Stage
from myna.core.errors import BadInput
from myna.core.settings import Settings
from myna.studio import Studio


@dataclass(frozen=True)
class House:
    """What a door is given: the studio, the settings, who may come in, and where speech is made."""

    studio: Studio
    settings: Settings
    guard: Guard
    stage: Stage
    control: Callable[[str], None]
    """Ends the server (``exit``), or ends it and starts it again (``restart``)."""

    def path(self, given: str | Path) -> Path:
        """A path of this machine that a request names; raises `BadInput` where it leads out of the allowed folders."""
        return inside_roots(self.settings.path_roots, given)


Door = Callable[[House], APIRouter]
"""Makes the routes of one dialect."""


def inside_roots(roots: tuple[Path, ...], given: str | Path) -> Path:
    """``given``, resolved, if it lies in one of ``roots``; relative ones are looked for in each of them.

    Raises `BadInput`.
    """
    if "\0" in str(given) or not str(given).strip():
        raise BadInput("a path must not be empty or hold a zero byte")
    path = Path(given)
    places = [path.resolve()] if path.is_absolute() else [(root / path).resolve() for root in roots]
    allowed = [place for place in places if any(place == root or root in place.parents for root in roots)]
    found = next((place for place in allowed if place.exists()), None)
    if found is not None:
        return found
    if not allowed:
        raise BadInput(f"path {str(given)!r} leads out of the folders that requests may name; see the setting `roots`")
    return allowed[0]
