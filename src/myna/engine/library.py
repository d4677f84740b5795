"""The loaded nets of one process: each is read once and kept while it is in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import TypeVar, cast

import torch
from torch import Tensor

from myna.core.assets import find_for
from myna.core.errors import NotFound
from myna.core.versions import ModelVersion
from myna.engine.device import pick_device
from myna.engine.weights import (
    load_content,
    load_gpt,
    load_sovits,
    load_speaker_net,
    load_super_resolution,
    load_vocoder,
)
from myna.models.ap_bwe import BandwidthNet
from myna.models.build import Sovits
from myna.models.content import LiteContent
from myna.models.eres2net import EresNet
from myna.models.gpt_decoding import GptDecoder
from myna.models.pretrained import BertProsody, HubertContent

Item = TypeVar("Item")

_CAPACITY = 12
"""Nets that are kept; the one not used for longest goes first."""


class Library:
    """Nets by version and file, on one device. A file that has changed on disk is read again. Safe to share by threads.

    All methods raise `MissingAsset`, `NotFound` and `BadCheckpoint`.
    """

    def __init__(self, models: Path, device: str = "auto", capacity: int = _CAPACITY) -> None:
        self.models = models
        self.device = pick_device(device)
        self._capacity = capacity
        self._kept: OrderedDict[tuple[object, ...], object] = OrderedDict()
        self._lock = RLock()

    def gpt(self, version: ModelVersion, path: Path | None = None) -> GptDecoder:
        """A text-to-semantic net prepared for generation; ``path`` None: the version's base."""

        def load() -> GptDecoder:
            return GptDecoder(load_gpt(version, path, self.models).to(self.device), half_weights=True)

        return self._get("gpt", version, path or find_for(version.name, "gpt", self.models), load)

    def sovits(self, version: ModelVersion, path: Path | None = None) -> Sovits:
        """A SoVITS; ``path`` None: the version's base."""

        def load() -> Sovits:
            return load_sovits(version, path, self.models).to(self.device)

        return self._get("sovits", version, path or find_for(version.name, "sovits", self.models), load)

    def content(self, version: ModelVersion) -> HubertContent | LiteContent:
        """The content encoder: 16 kHz samples (B, T) to (B, width, T50)."""

        def load() -> HubertContent | LiteContent:
            return load_content(version, self.models).to(self.device)

        return self._get("content", version, find_for(version.name, "content", self.models), load)

    def vocoder(self, version: ModelVersion) -> Callable[..., Tensor]:
        """Log-mel (B, bands, T) to samples (B, 1, T * hop); of nets told the pitch it takes that (B, T) too."""

        def load() -> Callable[..., Tensor]:
            return load_vocoder(version, self.models).to(self.device)

        return self._get("vocoder", version, None, load)

    def speaker_net(self, version: ModelVersion) -> EresNet:
        """Whose view of a speaker the version takes; filter bank (B, T, 80) to (B, 20480)."""

        def load() -> EresNet:
            return load_speaker_net(version, self.models).to(self.device)

        return self._get("speaker net", version, find_for(version.name, "voiceprint", self.models), load)

    def super_resolution(self, version: ModelVersion) -> BandwidthNet:
        """What widens the version's speech to 48 kHz."""

        def load() -> BandwidthNet:
            return load_super_resolution(version, self.models).to(self.device)

        return self._get("super resolution", version, find_for(version.name, "super_resolution", self.models), load)

    def bert(self, version: ModelVersion) -> BertProsody:
        """Chinese prosody features."""
        folder = find_for(version.name, "bert", self.models)
        return self._get("bert", version, folder, lambda: BertProsody.load(folder).to(self.device))

    def _get(self, kind: str, version: ModelVersion, path: Path | None, load: Callable[[], Item]) -> Item:
        key = (kind, version.name, *_state_of(path))
        with self._lock, torch.inference_mode(False):
            if key not in self._kept:
                self._kept[key] = load()
                while len(self._kept) > self._capacity:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return cast(Item, self._kept[key])


def _state_of(path: Path | None) -> tuple[object, ...]:
    """What changes when the file does."""
    if path is None:
        return ()
    try:
        state = path.stat()
    except OSError:
        raise NotFound(f"there is no model file {path}") from None
    return str(path.resolve()), state.st_mtime_ns, state.st_size
