"""Separation by the VR nets: a mask on the magnitudes of the mix, phases kept.

The spectrum is scaled by the loudest point of the whole mix, so that is looked for first. Then windows of 512 frames
(5.6 s) go through the net; what the net makes of their outer frames is guessed without context and dropped. Sound
comes out a few windows at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from myna.engine.separation.vr_spectrum import SYNTHESIS_FRAMES, analyse, layout, synthesise
from myna.engine.separation.weights import half_where_wished

_WINDOW_FRAMES = 512
_WINDOWS = 4
"""That are analysed, and turned into sound, together."""


class VrSeparator:
    """A VR net put to use.

    ``gives_voice`` says whether the mask leaves the voice or what sounds beside it. ``aggressiveness`` (0 to 20)
    sharpens the mask of the older nets: it is raised to a power, above 1.8 kHz more than below.
    """

    stems = ("vocals", "instrument")

    def __init__(
        self, net: nn.Module, device: torch.device, *, gives_voice: bool, aggressiveness: int, is_half: bool = False
    ) -> None:
        # A fifth quicker on a CPU; torch's own types do not know this form of the call.
        self._net: nn.Module = net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._is_half = is_half
        self._context = int(net.CONTEXT)  # type: ignore[arg-type]
        self._device = device
        self._gives_voice = gives_voice
        self._aggressiveness = aggressiveness / 100
        self._step = _WINDOW_FRAMES - 2 * self._context

    def separate(self, mix: np.ndarray) -> Iterator[np.ndarray]:
        """As `Separator.separate`."""
        hop = layout().hop
        num_frames = len(mix) // hop + 1
        rest = int(len(mix) % hop > 0)  # one more frame for the last samples; the net does not see it
        loudest = self._loudest(mix, num_frames)
        kept: list[Tensor] = []
        first, done = 0, 0  # frame that `kept` begins with; frames that have become sound
        stride = _WINDOWS * self._step
        for start in range(0, num_frames if len(mix) else 0, stride):
            count = min(stride, num_frames - start)
            is_last = start + count == num_frames
            parts = self._masked(mix, start, count, num_frames, loudest, rest if is_last else 0)
            kept = [torch.cat([old, new], dim=-1) for old, new in zip(kept, parts, strict=True)] if kept else parts
            stop = num_frames - 1 + rest if is_last else start + count - SYNTHESIS_FRAMES
            sound = torch.stack([synthesise(kept[0], kept[2]), synthesise(kept[1], kept[2])])
            block = sound[..., (done - first) * hop : (stop - first) * hop].transpose(1, 2).cpu().numpy()
            yield block[:, : len(mix) - done * hop]
            done = stop
            keep = max(0, done - SYNTHESIS_FRAMES)
            kept = [part[..., keep - first :] for part in kept]
            first = keep

    @torch.inference_mode()
    def _loudest(self, mix: np.ndarray, num_frames: int) -> float:
        """The largest magnitude of the whole spectrum."""
        stride = _WINDOWS * self._step
        spectra = (
            analyse(mix, start, min(stride, num_frames - start), self._device)[0]
            for start in range(0, num_frames, stride)
        )
        return max(float(spectrum.abs().max()) for spectrum in spectra)

    @torch.inference_mode()
    def _masked(
        self, mix: np.ndarray, start: int, count: int, num_frames: int, loudest: float, more: int
    ) -> list[Tensor]:
        """Frames ``start`` to ``start + count`` of the voice, of the rest, and the mix's bins above.

        ``more`` frames behind them are masked as the last one.
        """
        side, windows = self._context, -(-count // self._step)
        wide, above = analyse(mix, start - side, windows * self._step + 2 * side, self._device)
        frames = torch.arange(start - side, start - side + wide.shape[-1], device=self._device)
        inside = (frames >= 0) & (frames < num_frames)  # around the song the nets have never seen anything
        magnitudes = wide.abs() * inside / (loudest or 1.0)
        masks = []
        for index in range(windows):
            window = magnitudes[..., index * self._step :][..., :_WINDOW_FRAMES]
            with half_where_wished(self._device, is_half=self._is_half):
                mask = self._net(window[None].contiguous(memory_format=torch.channels_last))[0]
            masks.append(mask.float()[..., side : side + self._step])
        mask = F.pad(self._sharpened(torch.cat(masks, dim=-1)[..., :count]), (0, more), mode="replicate")
        count += more
        inner = wide[..., side : side + count]
        chosen = inner * mask
        voice, rest = (chosen, inner - chosen) if self._gives_voice else (inner - chosen, chosen)
        return [voice, rest, above[..., side : side + count]]

    def _sharpened(self, mask: Tensor) -> Tensor:
        """The ``mask`` (2, bins + 1, T) with the aggressiveness that is wished."""
        if not self._aggressiveness:
            return mask
        border = layout().bands[0].high
        power = torch.full((mask.shape[1], 1), 1 + self._aggressiveness, device=mask.device)
        power[:border] = 1 + self._aggressiveness / 3
        sharpened: Tensor = mask**power
        return sharpened
