"""Decoded frames become mono float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import av
import numpy as np

from myna.audio.container import too_many_channels
from myna.core.errors import BadAudio

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame


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
        self._frames: list[np.ndarray] = []
        self._form: tuple[int, bool] = (1, False)
        self._mixed: list[np.ndarray] = []
        self.num_samples = 0

    def add(self, frame: AudioFrame) -> None:
        """Take in a frame; raises `BadAudio` for another rate, `LimitExceeded` for too many channels."""
        channels = frame.layout.nb_channels
        if frame.sample_rate != self._sample_rate:
            rates = f"{self._sample_rate} to {frame.sample_rate} Hz"
            raise BadAudio(f"the recording changes from {rates} midway; export it with one rate")
        if channels > self._max_channels:
            raise too_many_channels(channels, self._max_channels)
        form = (channels, frame.format.is_planar)
        if form != self._form:
            self._mix()
            self._form = form
        self._frames.append(frame.to_ndarray())
        self.num_samples += frame.samples

    def take(self) -> np.ndarray:
        """What was added since the last call, float32 ``(num_samples,)``."""
        self._mix()
        sound = np.concatenate(self._mixed) if self._mixed else np.zeros(0, np.float32)
        self._mixed, self.num_samples = [], 0
        return sound

    def _mix(self) -> None:
        if self._frames:
            sound = as_float(np.concatenate(self._frames, axis=1))
            self._frames = []
            self._mixed.append(self._joined(sound, *self._form))

    def _joined(self, sound: np.ndarray, channels: int, is_planar: bool) -> np.ndarray:
        """``(channels, t)`` or, packed, ``(1, t * channels)`` to ``(t,)``."""
        return _mean(sound, channels, is_planar)


class Pair(Mixdown):
    """The same for two channels: what has one is doubled, what has more is folded as libav folds surround sound.

    There the middle goes to both sides (-3 dB), so a film's voices stay in the middle. Channels of which the file does
    not say where they belong are averaged.
    """

    def __init__(self, sample_rate: int, max_channels: int) -> None:
        super().__init__(sample_rate, max_channels)
        self._folding = av.AudioResampler(format="fltp", layout="stereo", rate=sample_rate)

    def add(self, frame: AudioFrame) -> None:
        """As `Mixdown.add`."""
        folds = 2 < frame.layout.nb_channels <= self._max_channels and frame.sample_rate == self._sample_rate
        if folds and "channels" not in frame.layout.name:
            for folded in self._folding.resample(frame):
                super().add(folded)
        else:
            super().add(frame)

    def take(self) -> np.ndarray:
        """What was added since the last call, float32 ``(num_samples, 2)``."""
        return super().take().reshape(-1, 2)

    def _joined(self, sound: np.ndarray, channels: int, is_planar: bool) -> np.ndarray:
        """``(channels, t)`` or, packed, ``(1, t * channels)`` to ``(t, 2)``."""
        if channels == 2:
            return sound.T if is_planar else sound.reshape(-1, 2)
        return np.repeat(_mean(sound, channels, is_planar)[:, None], 2, axis=1)


def _mean(sound: np.ndarray, channels: int, is_planar: bool) -> np.ndarray:
    """``(channels, t)`` or, packed, ``(1, t * channels)`` to ``(t,)``."""
    if channels == 1:
        return sound.reshape(-1)
    rows = sound if is_planar else sound.reshape(-1, channels).T
    mixed = rows[0] + rows[1]  # several times quicker than numpy's mean of few long rows
    for row in rows[2:]:
        mixed += row
    mixed /= channels
    return cast(np.ndarray, mixed)
