"""RNNoise, the denoiser that needs no download: it is compiled into pyrnnoise's wheel with its weights.

It takes out hum, hiss and fans well, other people's voices hardly; recordings that are clean pass nearly unchanged.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from myna.audio.io import Audio, resample
from myna.core.errors import MissingExtra
from myna.engine.clean.denoiser import checked, fitted

try:
    from pyrnnoise import rnnoise
except ImportError:  # the engine extra is not installed; `RnNoise` says so
    rnnoise = None


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

    def __init__(self) -> None:
        """Raises `MissingExtra` where pyrnnoise is not installed."""
        if rnnoise is None:
            raise MissingExtra("rnnoise is not installed; get it with: pip install 'myna[engine]'")

    def clean_all(self, sounds: Sequence[Audio]) -> list[np.ndarray]:
        """As `Denoiser.clean_all`."""
        return [self._cleaned(checked(sound), sound.sample_rate) for sound in sounds]

    def _cleaned(self, sound: np.ndarray, sample_rate: int) -> np.ndarray:
        if len(sound) == 0:
            return sound
        wide = resample(sound, sample_rate, self._RATE)
        num_frames = -(-(len(wide) + self._DELAY) // self._FRAME)
        frames = np.zeros(num_frames * self._FRAME, np.float32)
        frames[: len(wide)] = wide * self._FULL_SCALE
        speech = self._run(frames)
        late = frames[self._DELAY : self._DELAY + len(wide)] / self._FULL_SCALE
        cleaned = fitted(resample(late, self._RATE, sample_rate), len(sound))
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
