"""FRCRN with its published weights: what the official program takes noise out with, at 16 kHz.

Of a sound at a higher rate nothing above 8 kHz is left. The official program hands such sounds out at 16 kHz; here they
keep their rate. It also leaves a click at the very beginning, where the transform's first window rises from 0; here a
hop of silence stands before each sound and behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from myna.core.errors import BadCheckpoint
from myna.engine.clean.batches import NetDenoiser
from myna.engine.clean.denoiser import Wish, stored_file
from myna.engine.clean.stored import loaded, read_weights
from myna.engine.clean.table import ENGINES
from myna.engine.device import pick_device
from myna.models.frcrn import Frcrn, FrcrnSizes

_PARTS = re.compile(r"\b(encoder|decoder|fsmn_enc|fsmn_dec|se_layer_enc|se_layer_dec)(\d)\.")
_SAME_AGAIN = re.compile(r"\b(encoders|decoders|se_layers_enc|se_layers_dec|fsmn_enc|fsmn_dec)\.\d\.")
"""Names under which some files list the same weights a second time."""
_TABLES = ("stft.", "istft.")
"""The transform, which the files hold as weights though nobody learns it."""
_WIDTH = "unet.encoder.0.conv.conv_re.weight"
_MEMORY = "unet.fsmn.fsmn_re_L1.conv1.weight"
_GATE = "unet.se_layer_enc.0.fc_r.0.weight"

_LEVEL = 10 ** (-25 / 20)
_STEP_HOPS = 40
"""Pieces are padded to multiples of so many hops, 0.8 s, so that like lengths become equal ones."""


class FrcrnDenoiser(NetDenoiser):
    """The net on a device."""

    def __init__(self, wish: Wish) -> None:
        """Raises `MissingAsset`, `BadCheckpoint`, and `BadInput` for a device that is not there."""
        self._device = pick_device(wish.device)
        self._net = load_frcrn(stored_file(ENGINES["frcrn"].assets, wish.models)).to(self._device)
        super().__init__(self._net.sizes.sample_rate, on_cpu=self._device.type == "cpu")

    def level(self, sound: np.ndarray) -> float:
        """-25 dBFS, first of all samples and then of those louder than the mean, as the official program levels."""
        power = np.square(sound, dtype=np.float64)
        loud = power[power > power.mean()] if len(power) else power
        # The first level cancels out: what is left is that of the loud ones.
        return float(_LEVEL / np.sqrt(loud.mean())) if len(loud) else 1.0

    def padded(self, length: int) -> int:
        """A hop before, a hop behind, and up to a multiple of `_STEP_HOPS` hops."""
        hop, window = self._net.sizes.hop, self._net.sizes.window
        steps = -(-max(length + 2 * hop - window, 0) // (hop * _STEP_HOPS))
        return window + steps * hop * _STEP_HOPS

    @torch.inference_mode()
    def run(self, pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As `NetDenoiser.run`."""
        hop = self._net.sizes.hop
        batch = np.zeros((len(pieces), self.padded(len(pieces[0]))), np.float32)
        for row, piece in zip(batch, pieces, strict=True):
            row[hop : hop + len(piece)] = piece
        cleaned = self._net(torch.from_numpy(batch).to(self._device)).cpu().numpy()
        return [row[hop : hop + len(piece)] for row, piece in zip(cleaned, pieces, strict=True)]


def load_frcrn(path: Path) -> Frcrn:
    """The net of a published file, on the CPU; raises `BadCheckpoint` where it holds another."""
    tensors = _under_our_names(read_weights(path))
    try:
        width, memory = tensors[_WIDTH].shape[0], tensors[_MEMORY].shape[2]
        squeeze = width // tensors[_GATE].shape[0]
    except (KeyError, IndexError, ZeroDivisionError):
        raise BadCheckpoint(f"{path} does not hold the weights of FRCRN") from None
    return loaded(Frcrn(FrcrnSizes(width=width, memory=memory, squeeze=squeeze)), tensors, path)


def _under_our_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        _PARTS.sub(r"\1.\2.", name): tensor
        for name, tensor in tensors.items()
        if not name.startswith(_TABLES) and not _SAME_AGAIN.search(name)
    }
