"""Where nobody speaks, by Silero VAD: pauses that are not silent, such as those of a recording beside a street.

The net (MIT) comes in the wheel of `silero-vad`, of which nothing else is used. It hears 32 ms at a time at 16 kHz,
behind the last 4 ms before, and remembers; a voice begins where it is sure and ends where it is unsure by far, and the
window on either side is the voice's too, as in its own examples.

Source: github.com/snakers4/silero-vad.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from myna.audio.slicer import CLIP_RATE_HZ
from myna.core.errors import MissingExtra

THRESHOLD = 0.5
"""The likelihood from which a voice is taken for one."""

_RATE_HZ = 16_000
_WINDOW = 512
_CONTEXT = 64
_STATE = (1, 1, 128)
_FALL = 0.15  # how far under the threshold a voice ends
_SAMPLES_PER_WINDOW = _WINDOW * CLIP_RATE_HZ // _RATE_HZ
_FILE = "silero_vad_16k_sequence.onnx"


class VoiceActivity:
    """The pauses of one recording at 32 kHz, frame by frame of ``hop`` samples; a `myna.audio.slicer.PauseFinder`.

    Raises:
        MissingExtra: onnxruntime or the net is not installed.
    """

    def __init__(self, hop: int, threshold: float = THRESHOLD) -> None:
        self._hop, self._threshold, self._least = hop, threshold, max(threshold - _FALL, 0.01)
        self._net = _net()
        self._resampler = soxr.ResampleStream(CLIP_RATE_HZ, _RATE_HZ, 1, dtype="float32", quality="HQ")
        self._sound = np.zeros(_CONTEXT, np.float32)  # what was not heard yet, behind what was heard last
        self._states = [np.zeros(_STATE, np.float32)] * 2
        self._is_voice = False
        self._voiced = [False]  # the windows from the one before the next that is told
        self._num_told = 0  # windows
        self._num_frames = 0

    def feed(self, block: np.ndarray) -> np.ndarray:
        """True ``(F,)`` for each further frame without a voice, as far as ``block`` ``(t,)`` tells."""
        return self._heard(self._resampler.resample_chunk(block), is_end=False)

    def finish(self) -> np.ndarray:
        """The same for the frames up to the end."""
        rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        missing = -(len(self._sound) - _CONTEXT + len(rest)) % _WINDOW
        return self._heard(np.concatenate((rest, np.zeros(missing, np.float32))), is_end=True)

    def _heard(self, sound: np.ndarray, *, is_end: bool) -> np.ndarray:
        self._voiced += self._voices(self._likelihoods(sound)) + [False] * is_end
        known = max(0, len(self._voiced) - 2)  # a window is told with its neighbours
        around = np.array(self._voiced, bool)
        is_pause = ~(around[:known] | around[1 : known + 1] | around[2 : known + 2])
        self._voiced = self._voiced[known:]
        first, self._num_told = self._num_told, self._num_told + known
        frames = np.arange(self._num_frames, -(-self._num_told * _SAMPLES_PER_WINDOW // self._hop))
        self._num_frames += len(frames)
        told: np.ndarray = is_pause[frames * self._hop // _SAMPLES_PER_WINDOW - first]
        return told

    def _likelihoods(self, sound: np.ndarray) -> np.ndarray:
        """How likely each further window holds a voice, ``(W,)``."""
        self._sound = np.concatenate((self._sound, sound))
        num_windows = (len(self._sound) - _CONTEXT) // _WINDOW
        if not num_windows:
            return np.zeros(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(self._sound, _CONTEXT + _WINDOW)[::_WINDOW][:num_windows]
        feed = {"input": np.clip(windows, -1.0, 1.0), "h": self._states[0], "c": self._states[1]}
        likelihoods, *self._states = self._net.run(None, feed)
        self._sound = self._sound[num_windows * _WINDOW :]
        return np.asarray(likelihoods)

    def _voices(self, likelihoods: np.ndarray) -> list[bool]:
        voiced = []
        for likelihood in likelihoods.tolist():
            self._is_voice = likelihood >= (self._least if self._is_voice else self._threshold)
            voiced.append(self._is_voice)
        return voiced


@cache
def _net() -> Any:
    """The net, ready to run on one thread."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise _missing("onnxruntime") from None
    package = find_spec("silero_vad")  # not imported: it would bring in more than is needed
    file = Path(package.origin or "").parent / "data" / _FILE if package else None
    if file is None or not file.is_file():
        raise _missing(f"silero-vad 6.2.3 or later with its {_FILE}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _missing(what: str) -> MissingExtra:
    return MissingExtra(
        f"finding voices needs {what}; install it with: pip install 'myna[engine]', or cut at silence (method silence)"
    )
