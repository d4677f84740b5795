"""Separation by a Roformer: chunks of some seconds, overlapping, faded into each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from myna.engine.dsp import mel_filters
from myna.engine.separation.known import KnownModel
from myna.engine.separation.roformer_config import RoformerConfig, config_of
from myna.engine.separation.weights import half_where_wished, load_net, read_tensors
from myna.models.separation.roformer import BsRoformer, MelBandRoformer, Roformer, RoformerSizes


class RoformerSeparator:
    """A Roformer put to use, as the official program does: what does not fill a chunk is reflected."""

    def __init__(self, net: Roformer, config: RoformerConfig, device: torch.device, *, is_half: bool = False) -> None:
        self._net = net.to(device)
        self._is_half = is_half
        self._config = config
        self._device = device
        self.stems = config.stems

    def separate(self, mix: np.ndarray) -> Iterator[np.ndarray]:
        """As `Separator.separate`."""
        chunk = self._config.chunk
        step = chunk // self._config.overlap
        border = chunk - step if len(mix) > 2 * (chunk - step) else 0
        whole = len(mix) + 2 * border
        sums = np.zeros((self._net.sizes.num_stems, chunk, 2), np.float32)
        weights = np.zeros((chunk, 1), np.float32)
        for start in range(0, whole if len(mix) else 0, step):
            length = min(chunk, whole - start)
            window = _fades(chunk, is_first=start == 0, is_last=start + step >= whole)[:length, None]
            sums[:, :length] += self._chunk(_reflected(mix, start - border, length), chunk)[:, :length] * window
            weights[:length] += window
            ready = whole - start if start + step >= whole else step
            first, last = max(border - start, 0), min(ready, border + len(mix) - start)
            if first < last:
                stems = sums[:, first:last] / weights[first:last]
                yield self._with_rest(stems, mix[start - border + first : start - border + last])
            sums, weights = _moved(sums, step, axis=1), _moved(weights, step, axis=0)

    @torch.inference_mode()
    def _chunk(self, sound: np.ndarray, chunk: int) -> np.ndarray:
        """(t, 2) to (stems, chunk, 2)."""
        missing = chunk - len(sound)
        if missing and len(sound) > chunk // 2 + 1:
            sound = np.pad(sound, ((0, missing), (0, 0)), mode="reflect")
        padded = np.pad(sound, ((0, chunk - len(sound)), (0, 0)))
        channels = torch.from_numpy(np.ascontiguousarray(padded.T)).to(self._device)
        if not self._net.sizes.stereo:
            channels = channels.mean(dim=0, keepdim=True)
        with half_where_wished(self._device, is_half=self._is_half):
            stems: Tensor = self._net(channels[None])[0]
        found = stems.expand(-1, 2, -1).transpose(1, 2).cpu().numpy()
        return np.pad(found, ((0, 0), (0, max(chunk - found.shape[1], 0)), (0, 0)))[:, :chunk]

    def _with_rest(self, stems: np.ndarray, mix: np.ndarray) -> np.ndarray:
        """The net's stems, and the rest of the mix where the net gives only one."""
        return np.concatenate([stems, mix[None] - stems]) if self._config.target else stems


def load_roformer(model: KnownModel, device: torch.device, *, is_half: bool) -> RoformerSeparator:
    """The Roformer of the files of ``model``; raises `BadCheckpoint`."""
    weights = model.files[0]
    config = config_of(read_tensors(weights), weights, model.files[1] if len(model.files) > 1 else None)
    return RoformerSeparator(load_net(lambda _: _built(config.sizes), weights), config, device, is_half=is_half)


def _built(sizes: RoformerSizes) -> Roformer:
    if sizes.freqs_per_bands:
        return BsRoformer(sizes)
    filters = torch.from_numpy(mel_filters(sizes.sample_rate, sizes.stft_n_fft, sizes.num_bands))
    return MelBandRoformer(sizes, filters)


def _fades(chunk: int, *, is_first: bool, is_last: bool) -> np.ndarray:
    """Weights (chunk,): a tenth faded in and out, but nothing to fade into at the ends."""
    window, fade = np.ones(chunk, np.float32), chunk // 10
    if not is_first:
        window[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)
    if not is_last:
        window[chunk - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return window


def _reflected(mix: np.ndarray, first: int, length: int) -> np.ndarray:
    """``length`` samples of ``mix`` (T, 2) from ``first``, the mix mirrored beyond its ends."""
    if first >= 0 and first + length <= len(mix):
        return np.asarray(mix[first : first + length], np.float32)
    places = np.abs(np.arange(first, first + length))
    places = np.where(places >= len(mix), 2 * (len(mix) - 1) - places, places)
    return np.asarray(mix[places], np.float32)


def _moved(values: np.ndarray, step: int, axis: int) -> np.ndarray:
    """``values`` ``step`` places earlier, zeros behind."""
    rest = np.take(values, range(step, values.shape[axis]), axis=axis)
    widths = [(0, step if number == axis else 0) for number in range(values.ndim)]
    return np.pad(rest, widths)
