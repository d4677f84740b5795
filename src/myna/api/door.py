"""What every door is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter

from myna.amqp.requests import QueueRequest
from myna.api.access import Guard
from myna.api.stage import Stage
from myna.core.settings import Settings
from myna.core.workspace import inside_roots
from myna.studio import Studio


@dataclass(frozen=True)
class House:
    """What a door is given: the studio, the settings, who may come in, and where speech is made."""

    studio: Studio
    settings: Settings
    guard: Guard
    stage: Stage
    order: Callable[[str, QueueRequest], object]
    """Takes a request of the queue service in, by the name of its stage."""
    speaks: Callable[[], bool]
    """Tells whether speech can be made at the moment."""
    control: Callable[[str], None]
    """Ends the server (``exit``), or ends it and starts it again (``restart``)."""

    def path(self, given: str | Path) -> Path:
        """A path of this machine that a request names; raises `BadInput` where it leads out of the allowed folders."""
        return inside_roots(self.settings.path_roots, given)


Door = Callable[[House], APIRouter]
"""Makes the routes of one dialect."""
