"""From a version's record to its nets, with fresh weights: the only place that maps fields to classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from torch import nn

from myna.core.errors import MissingAsset, UnknownChoice
from myna.core.versions import ModelVersion
from myna.models.bigvgan import BigVgan
from myna.models.content import LiteContent
from myna.models.discriminators import Discriminators
from myna.models.gpt import Gpt
from myna.models.hifigan import V4_VOCODER, HifiGan
from myna.models.pretrained import HubertContent
from myna.models.source_filter import SourceFilter, SourceFilterSizes
from myna.models.sovits_flow import SovitsFlow
from myna.models.sovits_vits import SovitsVits

Sovits = SovitsFlow | SovitsVits
"""From semantic tokens to sound or mel."""


def build_gpt(version: ModelVersion, dropout: float = 0.0) -> Gpt:
    """The text-to-semantic net."""
    return Gpt(version.gpt, dropout)


def build_sovits(version: ModelVersion, dropout: float = 0.0) -> Sovits:
    """The net from semantic tokens to sound or mel; raises `UnknownChoice` for a decoder that has no net."""
    return _row("decoder", version.decoder, SOVITS)(version, dropout)


def build_vocoder(version: ModelVersion) -> nn.Module:
    """Mel to sound."""
    return _row("vocoder", version.vocoder, VOCODERS)()


def build_content(version: ModelVersion, folder: Path | None = None) -> HubertContent | LiteContent:
    """Speech at 16 kHz (B, T) to content (B, width, T50).

    A published encoder comes with its weights from ``folder``; raises `MissingAsset` when that is absent.
    """
    return _row("content encoder", version.content, CONTENT)(folder)


def _flow(version: ModelVersion, dropout: float) -> Sovits:
    if version.flow is None:
        raise UnknownChoice("decoder without flow sizes", version.decoder, [])
    return SovitsFlow(version.flow, dropout)


def _vits(version: ModelVersion, dropout: float) -> Sovits:
    if version.vits is None:
        raise UnknownChoice("decoder without VITS sizes", version.decoder, [])
    return SovitsVits(version.vits, dropout)


def build_discriminators(version: ModelVersion) -> Discriminators:
    """The judges that a version of the VITS kind is trained with; raises `UnknownChoice` for another kind."""
    if version.vits is None:
        raise UnknownChoice("decoder with discriminators", version.decoder, ["vits"])
    return Discriminators(version.vits.periods, version.vits.discriminator_width)


def _hubert(folder: Path | None) -> HubertContent:
    if folder is None:
        raise MissingAsset("the content encoder needs the folder of a HuBERT model; none was given")
    return HubertContent.load(folder)


SOVITS: dict[str, Callable[[ModelVersion, float], Sovits]] = {"flow": _flow, "vits": _vits}
VOCODERS: dict[str, Callable[[], nn.Module]] = {
    "bigvgan": BigVgan,
    "hifigan": lambda: HifiGan(V4_VOCODER),
    "source_filter": lambda: SourceFilter(SourceFilterSizes()),
}
CONTENT: dict[str, Callable[[Path | None], HubertContent | LiteContent]] = {
    "lite": lambda _folder: LiteContent(),
    "hubert": _hubert,
}


_T = TypeVar("_T")


def _row(what: str, name: str, table: dict[str, _T]) -> _T:
    try:
        return table[name]
    except KeyError:
        raise UnknownChoice(what, name, table) from None
