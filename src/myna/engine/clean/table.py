"""How each denoiser is made: one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from myna.core.errors import UnknownChoice
from myna.engine.clean.denoiser import Denoiser, Unchanged, Wish, stored_file
from myna.engine.clean.rnnoise import RnNoise

Make = Callable[[Wish], Denoiser]


@dataclass(frozen=True)
class Engine:
    """A row of the table. ``assets`` hold its weights, the first that is here does; without any it needs no download.

    Engines with a net of ours take whole batches of clips; the others share clips between processes.
    """

    make: Make
    told: str
    assets: tuple[str, ...] = ()

    @property
    def has_net(self) -> bool:
        """Whether it is a net of ours."""
        return bool(self.assets)


def _with_net(module: str, name: str) -> Make:
    """A denoiser of another file, which is read only when it is wanted: the processes of RNNoise need no torch."""
    return lambda wish: getattr(import_module(f"myna.engine.clean.{module}"), name)(wish)


ENGINES: Mapping[str, Engine] = MappingProxyType(
    {
        "rnnoise": Engine(lambda _: RnNoise(), "compiled in, needs no download"),
        "frcrn": Engine(
            _with_net("frcrn", "FrcrnDenoiser"),
            "FRCRN at 16 kHz, the official one",
            # The official program's weights, and those of ClearVoice.
            assets=("speech_frcrn_ans_cirm_16k", "FRCRN_SE_16K"),
        ),
        "mossformer2": Engine(
            _with_net("mossformer2", "MossFormer2Denoiser"), "MossFormer2 at 48 kHz", assets=("MossFormer2_SE_48K",)
        ),
        "none": Engine(lambda _: Unchanged(), "leaves clips as they are"),
    }
)

OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {"frcrn_se_16k": "frcrn", "speech_frcrn_ans_cirm_16k": "frcrn", "mossformer2_se_48k": "mossformer2"}
)
"""Published names of the same nets, in small letters."""


def engine_called(name: str) -> str:
    """The engine's name in the table; published names are known too. Raises `UnknownChoice`."""
    known = OTHER_NAMES.get(name.lower(), name.lower())
    if known not in ENGINES:
        raise UnknownChoice("denoiser", name, ENGINES)
    return known


def denoiser(name: str, wish: Wish | None = None) -> Denoiser:
    """The denoiser called ``name``.

    Raises:
        UnknownChoice: there is no such engine.
        MissingExtra, MissingAsset: its library or its weights are not here; the message says how to get them.
        BadCheckpoint: its file is damaged or another net's.
        BadInput: no such device.
    """
    return ENGINES[engine_called(name)].make(wish or Wish())


def weights_of(name: str, models: Path) -> tuple[Path, ...]:
    """The file that the denoiser called ``name`` takes its weights from; raises `UnknownChoice`, `MissingAsset`."""
    row = ENGINES[engine_called(name)]
    return (stored_file(row.assets, models),) if row.has_net else ()
