"""How each kind of separation model is made: one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from myna.engine.device import pick_device
from myna.engine.separation.centre import CentreMask
from myna.engine.separation.known import KnownModel, find_model
from myna.engine.separation.names import Naming, by_stem
from myna.engine.separation.separator import Separator


@dataclass(frozen=True)
class Wish:
    """How separation shall go. ``aggressiveness``, 0 to 20, is heeded by the models HP2, HP3 and HP5.

    ``is_half`` lets a GPU compute in half precision; on the CPU it changes nothing.
    """

    models: Path
    device: str = "auto"
    aggressiveness: int = 10
    is_half: bool = False


@dataclass(frozen=True)
class Kind:
    """A row of the table: how a model of this kind is loaded, and how its stems' files are called.

    The Roformers' own names need no ``.reformatted.wav`` where we are not bound to the official one: ``marks_copies``.
    """

    make: Callable[[KnownModel, Wish], Separator]
    naming: Naming
    marks_copies: bool = True


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "centre": Kind(lambda _, wish: CentreMask(pick_device(wish.device)), by_stem, marks_copies=False),
    }
)


@dataclass(frozen=True)
class Stage:
    """One link of a chain: a model, loaded."""

    model: KnownModel
    kind: Kind
    separator: Separator


def stage(name: str, wish: Wish) -> Stage:
    """The model called ``name``, loaded.

    Raises:
        UnknownChoice, MissingAsset, MissingExtra: as `find_model`.
        BadCheckpoint: its file is damaged or another net's.
        BadInput: no such device.
    """
    model = find_model(name, wish.models)
    kind = KINDS[model.kind]
    return Stage(model, kind, kind.make(model, wish))
