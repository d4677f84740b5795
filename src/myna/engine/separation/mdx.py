"""Separation by an MDX-Net in ONNX: the de-reverberation of the official tool, ``onnx_dereverb_By_FoxJoy``.

The net sees the complex spectra of both channels as four channels, up to 22 kHz, and gives those of the reverberation;
what is left is the dry voice. It is asked twice, the second time with the signs turned, and half the difference taken:
what it makes up of itself cancels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from myna.core.errors import BadCheckpoint, MissingExtra
from myna.engine.separation.separator import RATE_HZ

try:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors
except ImportError:  # the engine extra is not installed whole; `load_mdx_dereverb` says so
    onnxruntime = None

_SEGMENT = 15 * RATE_HZ
_MARGIN = RATE_HZ


@dataclass(frozen=True)
class MdxSizes:
    """Bins and frames that go in at once, of spectra with windows of ``n_fft`` and this ``hop``."""

    n_fft: int = 6144
    hop: int = 1024
    bins: int = 3072
    frames: int = 512

    @property
    def chunk(self) -> int:
        """Samples that go through the net at once."""
        return self.hop * (self.frames - 1)


class MdxDereverb:
    """An MDX-Net put to use as the official tool does: segments of 15 s with a second of context, chunks within."""

    stems = ("main_vocal", "others")

    def __init__(self, net: Any, sizes: MdxSizes, name: str) -> None:
        self._net, self._sizes, self._input = net, sizes, name

    def separate(self, mix: np.ndarray) -> Iterator[np.ndarray]:
        """As `Separator.separate`."""
        for start in range(0, len(mix), _SEGMENT):
            stop = min(start + _SEGMENT, len(mix))
            first = max(start - _MARGIN, 0)
            sound = np.asarray(mix[first : stop + _MARGIN], np.float32)
            taken = self._reverberation(sound)[start - first : stop - first]
            yield np.stack([sound[start - first : stop - first] - taken, taken])

    @torch.inference_mode()
    def _reverberation(self, sound: np.ndarray) -> np.ndarray:
        """What the net hears of the room in ``sound`` (T, 2)."""
        chunk, trim = self._sizes.chunk, self._sizes.n_fft // 2
        step = chunk - 2 * trim
        missing = step - len(sound) % step
        padded = torch.from_numpy(np.pad(sound, ((trim, trim + missing), (0, 0))).T.copy())
        starts = range(0, len(sound) + missing, step)
        pieces = [self._piece(padded[:, start : start + chunk])[:, trim:-trim] for start in starts]
        joined: np.ndarray = torch.cat(pieces, dim=1)[:, : len(sound)].T.numpy()
        return joined

    def _piece(self, sound: Tensor) -> Tensor:
        """One chunk through the net: (2, chunk) to (2, chunk)."""
        sizes = self._sizes
        window = torch.hann_window(sizes.n_fft)
        spectrum = torch.stft(sound, sizes.n_fft, sizes.hop, window=window, return_complex=True)
        seen = torch.view_as_real(spectrum[:, : sizes.bins]).permute(0, 3, 1, 2).reshape(1, 4, sizes.bins, sizes.frames)
        heard = (self._run(seen.numpy()) - self._run(-seen.numpy())) / 2
        pairs = torch.from_numpy(heard).reshape(2, 2, sizes.bins, sizes.frames).permute(0, 2, 3, 1).contiguous()
        full = torch.zeros_like(spectrum)
        full[:, : sizes.bins] = torch.view_as_complex(pairs)
        return torch.istft(full, sizes.n_fft, sizes.hop, window=window, length=sound.shape[1])

    def _run(self, seen: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._net.run(None, {self._input: seen})[0]
        return found


def load_mdx_dereverb(path: Path, device: torch.device, sizes: MdxSizes | None = None) -> MdxDereverb:
    """The net in the file ``path``; raises `BadCheckpoint`, and `MissingExtra` where onnxruntime is not installed.

    ``sizes`` None: those of the published file.
    """
    if onnxruntime is None:
        raise MissingExtra(f"{path.name} needs onnxruntime; install it with: pip install 'myna[engine]'")
    wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    there = onnxruntime.get_available_providers()
    providers = [*(name for name in wanted if name in there), "CPUExecutionProvider"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    unreadable = (onnx_errors.Fail, onnx_errors.InvalidArgument, onnx_errors.InvalidGraph, onnx_errors.InvalidProtobuf)
    try:
        net = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except unreadable as error:
        raise BadCheckpoint(f"{path} is no ONNX net that can be read: {str(error).splitlines()[0][:200]}") from None
    sizes = sizes or MdxSizes()
    told, *others = net.get_inputs()
    shape = [1, 4, sizes.bins, sizes.frames]
    fits = (
        not others
        and len(told.shape) == 4
        and all(not isinstance(given, int) or given == needed for given, needed in zip(told.shape, shape, strict=True))
    )
    if not fits:
        raise BadCheckpoint(f"{path} takes {told.shape} and not spectra of {shape}: it is another net")
    return MdxDereverb(net, sizes, told.name)
