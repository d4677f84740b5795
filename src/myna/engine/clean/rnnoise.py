"""Taking noise out of recordings: engines behind one protocol, in one table.

The default, RNNoise, is compiled into pyrnnoise's wheel with its weights, so it needs no download. It takes out hum,
hiss and fans well, other people's voices hardly; recordings that are clean pass nearly unchanged.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np

from myna.audio.io import resample
from myna.core.errors import BadAudio, MissingExtra, UnknownChoice

try:
    from pyrnnoise import rnnoise
except ImportError:  # the engine extra is not installed; `denoiser` says so
    rnnoise = None


class Denoiser(Protocol):
    """Takes noise out of speech. One instance serves one caller at a time."""

    def clean(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """Mono ``samples`` (T,), in [-1, 1], without noise: float32, same length, rate, level and place in time.

        Raises `BadAudio` for NaN or more than one channel.
        """
        ...


class Unchanged:
    """No denoising: for recordings that are clean already."""

    def clean(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """As `Denoiser.clean`: the samples as they are, checked."""
        return _checked(samples, sample_rate)


class RnNoise:
    """RNNoise (Valin 2018), a recurrent net that sets the gains of 32 bands, at 48 kHz in frames of 10 ms.

    The net costs speech about 16 dB of fidelity even where there is no noise. So its output is mixed with the original,
    weighted by the noise that it heard itself: at 0 dB of signal to noise nearly all comes from the net, at 20 dB a
    third, at 30 dB a twentieth.
    """

    _RATE = 48_000
    _FRAME = 480
    _DELAY = 960
    """Samples by which RNNoise's output comes late (measured; one frame of overlap and one of look-ahead)."""
    _FULL_SCALE = 32768.0
    _DISTORTION = 10**-1.65
    """Power of what the net does to clean speech, relative to the speech: -16.5 dB (measured)."""
    _SURE_SPEECH = 0.8
    _SURE_PAUSE = 0.2
    _MIN_PAUSE_FRAMES = 10

    def clean(self, samples: np.ndarray, sample_rate: int) -> np.ndarray:
        """As `Denoiser.clean`."""
        sound = _checked(samples, sample_rate)
        if len(sound) == 0:
            return sound
        wide = resample(sound, sample_rate, self._RATE)
        num_frames = -(-(len(wide) + self._DELAY) // self._FRAME)
        frames = np.zeros(num_frames * self._FRAME, np.float32)
        frames[: len(wide)] = wide * self._FULL_SCALE
        speech = self._run(frames)
        late = frames[self._DELAY : self._DELAY + len(wide)] / self._FULL_SCALE
        cleaned = _fitted(resample(late, self._RATE, sample_rate), len(sound))
        noise = self._noise_ratio(wide, speech)
        weight = np.float32(noise / (noise + self._DISTORTION))
        mixed: np.ndarray = sound + weight * (cleaned - sound)
        return mixed

    def _run(self, frames: np.ndarray) -> np.ndarray:
        """Clean whole frames of 480 samples in place; answers how likely each is speech. Each call starts afresh."""
        start = frames.ctypes.data
        pointer = ctypes.POINTER(ctypes.c_float)
        speech = []
        with _state() as state:
            for offset in range(0, frames.nbytes, self._FRAME * frames.itemsize):
                frame = ctypes.cast(start + offset, pointer)
                speech.append(rnnoise.lib.rnnoise_process_frame(state, frame, frame))
        return np.array(speech)

    def _noise_ratio(self, wide: np.ndarray, speech: np.ndarray) -> float:
        """Power of the noise in ``wide`` (T,) relative to its speech, from pauses and speech as the net heard them."""
        num_frames = len(wide) // self._FRAME
        if num_frames == 0:
            return 0.0
        power = np.square(wide[: num_frames * self._FRAME]).reshape(num_frames, -1).mean(axis=1)
        heard = speech[self._DELAY // self._FRAME :][:num_frames]
        pauses = power[heard < self._SURE_PAUSE]
        if len(pauses) < self._MIN_PAUSE_FRAMES:
            pauses = np.sort(power)[: max(1, num_frames // 10)]
        # The median, because pauses hold the ends of words too.
        noise = float(np.median(pauses))
        voiced = power[heard > self._SURE_SPEECH]
        voice = float(voiced.mean()) - noise if len(voiced) else 0.0
        # Where nothing is speech, all of it is noise.
        return noise / voice if voice > 0 else (1.0 if noise > 0 else 0.0)


@contextmanager
def _state() -> Iterator[object]:
    """RNNoise's memory, freed at the end."""
    state = rnnoise.create()
    try:
        yield state
    finally:
        rnnoise.destroy(state)


def _checked(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """``samples`` as float32; raises `BadAudio`."""
    if samples.ndim != 1 or sample_rate <= 0 or not np.isfinite(samples).all():
        raise BadAudio("denoising needs one channel of numbers at a rate above 0 Hz")
    return samples.astype(np.float32)


def _fitted(sound: np.ndarray, length: int) -> np.ndarray:
    """``sound`` cut or filled with zeros to ``length``: resampling there and back may be off by a sample."""
    return np.pad(sound, (0, max(length - len(sound), 0)))[:length]


@dataclass(frozen=True)
class Engine:
    """A row of the table: how one is made. ``is_installed`` is false where its library is absent."""

    make: Callable[[], Denoiser]
    extra: str
    is_installed: bool


ENGINES: Mapping[str, Engine] = MappingProxyType(
    {
        "rnnoise": Engine(RnNoise, extra="engine", is_installed=rnnoise is not None),
        "none": Engine(Unchanged, extra="", is_installed=True),
    }
)


def denoiser(engine: str) -> Denoiser:
    """A denoiser; raises `UnknownChoice` for a name outside the table, `MissingExtra` where its library is absent."""
    if engine not in ENGINES:
        raise UnknownChoice("denoiser", engine, ENGINES)
    row = ENGINES[engine]
    if not row.is_installed:
        raise MissingExtra(f"{engine} is not installed; get it with: pip install 'myna[{row.extra}]'")
    return row.make()
