"""Decoded frames become mono float32."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, cast

import av
import numpy as np

from myna.audio.container import too_many_channels
from myna.core.errors import BadAudio

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame


_KINDS = {"u8p": "u1", "s16p": "i2", "s32p": "i4", "fltp": "f4", "dblp": "f8"}
"""libav's planar sample formats, as numpy calls them."""


def as_float(raw: np.ndarray) -> np.ndarray:
    """PCM of any sample format as float32, full scale -1..1."""
    if raw.dtype == np.uint8:
        return (raw.astype(np.float32) - 128) / 128
    if raw.dtype.kind == "i":
        return raw.astype(np.float32) / np.float32(2.0 ** (8 * raw.dtype.itemsize - 1))
    return raw.astype(np.float32, copy=False)


class Mixdown:
    """Collects frames, and gives their mean over the channels: many at a time, because each call of numpy costs."""

    def __init__(self, sample_rate: int, max_channels: int) -> None:
        self._sample_rate, self._max_channels = sample_rate, max_channels
        self._frames: list[AudioFrame] = []

    @property
    def num_samples(self) -> int:
        """About how many samples were added since `take`: frames of a recording are alike."""
        return len(self._frames) * self._frames[-1].samples if self._frames else 0

    def add(self, frames: list[AudioFrame]) -> None:
        """Take in frames."""
        self._frames += frames

    def take(self) -> np.ndarray:
        """What was added since the last call, float32 ``(t,)``.

        Raises:
            BadAudio: a frame has another rate.
            LimitExceeded: a frame has too many channels.
        """
        frames, self._frames = self._frames, []
        for frame in frames:
            if frame.sample_rate != self._sample_rate:
                rates = f"{self._sample_rate} to {frame.sample_rate} Hz"
                raise BadAudio(f"the recording changes from {rates} midway; export it with one rate")
            if frame.layout.nb_channels > self._max_channels:
                raise too_many_channels(frame.layout.nb_channels, self._max_channels)
        alike = groupby(frames, key=lambda frame: (frame.format.name, frame.layout.nb_channels))
        sounds = [self._joined(_rows(list(group))) for _, group in alike]
        return np.concatenate(sounds) if sounds else np.zeros(0, np.float32)

    def mixed(self, block: np.ndarray) -> np.ndarray:
        """What `take` would give for a block that is decoded already, float32 ``(t, channels)``; never a view of it."""
        return self._joined(list(block.T if block.shape[1] > 1 else block.T.copy()))

    def _joined(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """The channels, each ``(t,)``, as one sound."""
        return _mean(rows)


class Pair(Mixdown):
    """The same for two channels: what has one is doubled, what has more is folded as libav folds surround sound.

    There the middle goes to both sides (-3 dB), so a film's voices stay in the middle. Channels of which the file does
    not say where they belong are averaged.
    """

    def __init__(self, sample_rate: int, max_channels: int) -> None:
        super().__init__(sample_rate, max_channels)
        self._folding = av.AudioResampler(format="fltp", layout="stereo", rate=sample_rate)

    def add(self, frames: list[AudioFrame]) -> None:
        """As `Mixdown.add`."""
        for frame in frames:
            folds = 2 < frame.layout.nb_channels <= self._max_channels and frame.sample_rate == self._sample_rate
            is_placed = "channels" not in frame.layout.name
            super().add(self._folding.resample(frame) if folds and is_placed else [frame])

    def take(self) -> np.ndarray:
        """What was added since the last call, float32 ``(num_samples, 2)``."""
        return super().take().reshape(-1, 2)

    def _joined(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack(rows if len(rows) == 2 else [_mean(rows)] * 2, axis=1)


def _rows(frames: Sequence[AudioFrame]) -> list[np.ndarray]:
    """The channels of frames of one form, each ``(t,)`` float32."""
    channels, form = frames[0].layout.nb_channels, frames[0].format
    if form.is_planar:  # as it lies in memory: several times quicker than to_ndarray of each frame
        kind = _KINDS[form.name]
        planes = [[np.frombuffer(memoryview(plane), kind, frame.samples) for plane in frame.planes] for frame in frames]
        return [as_float(np.concatenate(row)) for row in zip(*planes, strict=True)]
    packed = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    return list(as_float(packed).reshape(-1, channels).T)


def _mean(rows: Sequence[np.ndarray]) -> np.ndarray:
    if len(rows) == 1:
        return rows[0]
    mixed = rows[0] + rows[1]  # several times quicker than numpy's mean of few long rows
    for row in rows[2:]:
        mixed += row
    mixed /= len(rows)
    return cast(np.ndarray, mixed)
