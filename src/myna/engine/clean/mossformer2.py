"""MossFormer2 with its published weights: takes noise out at 48 kHz, so nothing of the voice's band is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from myna.core.errors import BadCheckpoint
from myna.engine.clean.batches import NetDenoiser
from myna.engine.clean.denoiser import Wish, stored_file
from myna.engine.clean.stored import loaded, read_weights
from myna.engine.clean.table import ENGINES
from myna.engine.device import pick_device
from myna.engine.filter_bank import Bank, filter_bank
from myna.models.mossformer2 import MossFormer2, MossSizes

_FULL_SCALE = 32768.0
_SEED = 0
"""The net wants its input dithered; by the same numbers each time, so that a clip comes out the same."""
_DELTA_REACH = 2
_STEP_S = 0.5
"""Pieces whose lengths are in the same half second make a batch; padding changes nothing."""


class MossFormer2Denoiser(NetDenoiser):
    """The net on a device."""

    def __init__(self, wish: Wish) -> None:
        """Raises `MissingAsset`, `BadCheckpoint`, and `BadInput` for a device that is not there."""
        self._device = pick_device(wish.device)
        self._net = load_mossformer2(stored_file(ENGINES["mossformer2"].assets, wish.models)).to(self._device)
        sizes = self._net.sizes
        n_fft = 1 << (sizes.window - 1).bit_length()
        self._bank = Bank(sizes.sample_rate, sizes.window, sizes.hop, n_fft, sizes.bands, is_hamming=True)
        super().__init__(sizes.sample_rate, on_cpu=self._device.type == "cpu")

    def level(self, sound: np.ndarray) -> float:
        """The level as it is, on the scale of 16 bits."""
        return _FULL_SCALE if len(sound) else 1.0

    def padded(self, length: int) -> int:
        """Up to the next half second."""
        step = round(_STEP_S * self.sample_rate)
        return -(-max(length, 1) // step) * step

    @torch.inference_mode()
    def run(self, pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As `NetDenoiser.run`."""
        sounds = [self._whole_frames(torch.from_numpy(piece).to(self._device)) for piece in pieces]
        energies = [features(sound, self._bank) for sound in sounds]
        lengths = torch.tensor([len(rows) for rows in energies], device=self._device)
        batch = torch.nn.utils.rnn.pad_sequence(energies, batch_first=True)
        gains = self._net(batch, lengths)
        window = torch.hamming_window(self._bank.frame, periodic=False, device=self._device)
        return [
            _masked(sound, gain[: len(rows)], window, self._bank.hop)[: len(piece)].cpu().numpy()
            for sound, gain, rows, piece in zip(sounds, gains, energies, pieces, strict=True)
        ]

    def _whole_frames(self, sound: Tensor) -> Tensor:
        """``sound`` (T,) with silence behind it until its last sample lies in a whole frame."""
        frame, hop = self._bank.frame, self._bank.hop
        steps = -(-max(len(sound) - frame, 0) // hop)
        return F.pad(sound, (0, frame + steps * hop - len(sound)))


def features(sound: Tensor, bank: Bank) -> Tensor:
    """Samples (T,) on the scale of 16 bits to dithered energies, their differences and the differences of those.

    (frames, 3 * bands).
    """
    dither = torch.randn(sound.shape, generator=torch.Generator().manual_seed(_SEED)).to(sound.device)
    energies = filter_bank((sound + dither)[None], bank)[0]
    first = _differences(energies)
    return torch.cat((energies, first, _differences(first)), dim=1)


def _differences(rows: Tensor) -> Tensor:
    """The slope of each band over five frames (T, bands), the ends repeated."""
    reach = _DELTA_REACH
    padded = F.pad(rows.T[None], (reach, reach), mode="replicate")[0].T
    steps = range(-reach, reach + 1)
    slope = sum(step * padded[reach + step : reach + step + len(rows)] for step in steps if step)
    return torch.as_tensor(slope) / sum(step * step for step in steps)


def _masked(sound: Tensor, gains: Tensor, window: Tensor, hop: int) -> Tensor:
    """``sound`` (T,) of whole frames with ``gains`` (frames, bins) on its spectrum."""
    size = len(window)
    spectrum = torch.fft.rfft(sound.unfold(0, size, hop) * window) * gains
    frames = torch.fft.irfft(spectrum, size) * window
    weights = window.square().expand_as(frames)
    added, weight = (
        F.fold(rows.T[None], (1, len(sound)), (1, size), stride=(1, hop))[0, 0, 0] for rows in (frames, weights)
    )
    return added / weight


def load_mossformer2(path: Path, usual: MossSizes | None = None) -> MossFormer2:
    """The net of a published file, on the CPU; raises `BadCheckpoint` where it holds another.

    ``usual`` are the sizes that weights do not show; the published ones by default.
    """
    tensors = read_weights(path)
    try:
        sizes = replace(
            usual or MossSizes(),
            bands=tensors["mossformer.norm.weight"].shape[0] // 3,
            width=tensors["mossformer.conv1d_encoder.weight"].shape[0],
            window=2 * (tensors["mossformer.conv1_decoder.weight"].shape[0] - 1),
            layers=1 + max(int(name.split(".")[5]) for name in tensors if ".mossformerM.layers." in name),
        )
    except (KeyError, IndexError, ValueError):
        raise BadCheckpoint(f"{path} does not hold the weights of MossFormer2") from None
    return loaded(MossFormer2(sizes), tensors, path)
