"""How each kind of separation model is made: one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from torch import nn

from myna.engine.device import pick_device
from myna.engine.separation.centre import CentreMask
from myna.engine.separation.known import KnownModel, find_model
from myna.engine.separation.library import LibrarySeparator
from myna.engine.separation.mdx import load_mdx_dereverb
from myna.engine.separation.names import Naming, by_dereverb, by_stem, by_vr
from myna.engine.separation.roformer import load_roformer
from myna.engine.separation.separator import Separator
from myna.engine.separation.vr import VrSeparator
from myna.engine.separation.vr_spectrum import layout
from myna.engine.separation.weights import load_net
from myna.models.separation.vr_cascade import VrCascade
from myna.models.separation.vr_recurrent import VrRecurrent


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


def _vr(net: type[VrCascade] | type[VrRecurrent], *, gives_voice: bool, is_sharpened: bool) -> Kind:
    def make(model: KnownModel, wish: Wish) -> Separator:
        device = pick_device(wish.device)
        loaded: nn.Module = load_net(lambda tensors: net.sized_as(tensors, layout().bins), model.files[0])
        aggressiveness = wish.aggressiveness if is_sharpened else 0
        return VrSeparator(loaded, device, gives_voice=gives_voice, aggressiveness=aggressiveness, is_half=wish.is_half)

    return Kind(make, by_vr)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "centre": Kind(lambda _, wish: CentreMask(pick_device(wish.device)), by_stem, marks_copies=False),
        "vr": _vr(VrCascade, gives_voice=False, is_sharpened=True),
        "vr_vocal": _vr(VrCascade, gives_voice=True, is_sharpened=True),
        "vr_deecho": _vr(VrRecurrent, gives_voice=True, is_sharpened=False),
        "mdx_dereverb": Kind(
            lambda model, wish: load_mdx_dereverb(model.files[0], pick_device(wish.device)), by_dereverb
        ),
        "roformer": Kind(
            lambda model, wish: load_roformer(model, pick_device(wish.device), is_half=wish.is_half), by_stem
        ),
        "library": Kind(lambda model, _: LibrarySeparator(model), by_stem, marks_copies=False),
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
