"""DNSMOS: a small net guesses how listeners would rate speech, its background and both together (Reddy et al. 2022).

The file ``sig_bak_ovr.onnx`` is that of Microsoft's DNS Challenge (MIT), found in the models folder or in the wheel
``speechmos``, of which nothing else is used: its own code wants librosa and pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna.audio.io import Audio, resample
from myna.core.assets import find, place
from myna.core.errors import BadCheckpoint, MissingExtra
from myna.engine.measures import Opinion

try:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as onnx_errors
except ImportError:  # the engine extra is not installed; `Dnsmos` says so
    onnxruntime = None

RATE_HZ = 16_000
WINDOW = 144_160
"""Samples that the net hears at once: 9.01 s."""

_HOP = RATE_HZ
_BATCH = 4
"""Windows at once; more only cost memory."""

MOST_WINDOWS = 4
"""Windows of one sound that are heard by default, spread evenly: the mean of all differs by a few hundredths."""

# What the net says is bent to the scale of listeners by polynomials published with it, highest power first.
_SCALES = {
    "speech": (-0.08397278, 1.22083953, 0.0052439),
    "background": (-0.13166888, 1.60915514, -0.39604546),
    "overall": (-0.06766283, 1.11546468, 0.04602535),
}


class Dnsmos:
    """The net in memory. Its answers are those of the published script, which hears every window of a sound."""

    def __init__(self, file: Path, most_windows: int | None = MOST_WINDOWS) -> None:
        """Raises `MissingExtra` without onnxruntime, `BadCheckpoint` where ``file`` cannot be read."""
        if onnxruntime is None:
            raise MissingExtra("DNSMOS needs onnxruntime; install it with: pip install 'myna[engine]'")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # clips are many and small; threads that wait for each other only burn
        unreadable = (onnx_errors.Fail, onnx_errors.InvalidGraph, onnx_errors.InvalidProtobuf, onnx_errors.NoSuchFile)
        try:
            self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except unreadable as error:
            raise BadCheckpoint(f"{file} cannot be read: {str(error).partition(chr(10))[0]}") from error
        self._input = self._session.get_inputs()[0]
        if self._input.shape[1:] != [WINDOW]:
            raise BadCheckpoint(f"{file} is not the net of DNSMOS P.835: it hears {self._input.shape[1:]} samples")
        self._most = most_windows

    def opinions(self, sounds: Sequence[Audio]) -> list[Opinion | None]:
        """What listeners would say of each sound; None for an empty one. Windows of all sounds are heard together."""
        windows, owners = [], []
        answers: list[list[npt.NDArray[np.float64]]] = [[] for _ in sounds]
        for number, sound in enumerate(sounds):
            for window in _windows(sound, self._most):
                windows.append(window)
                owners.append(number)
            if len(windows) >= _BATCH or number + 1 == len(sounds):
                for at in range(0, len(windows), _BATCH):
                    for owner, answer in zip(owners[at:], self._ask(windows[at : at + _BATCH]), strict=False):
                        answers[owner].append(answer)
                windows, owners = [], []
        return [_opinion(each) for each in answers]

    def _ask(self, windows: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float64]:
        """Windows (W,) each to (B, 3): speech, background, overall, on the scale of listeners."""
        raw = self._session.run(None, {self._input.name: np.stack(windows)})[0].astype(np.float64)
        return np.stack([np.polyval(bend, raw[:, row]) for row, bend in enumerate(_SCALES.values())], axis=1)


def judge_in(models: Path) -> Dnsmos | None:
    """DNSMOS with the file of the models folder or of the wheel; None where there is none, or no onnxruntime."""
    file = dnsmos_file(models)
    return Dnsmos(file) if file is not None and onnxruntime is not None else None


def dnsmos_file(models: Path) -> Path | None:
    """The net's file in the models folder, else in the installed wheel, else None."""
    if place("dnsmos", models).exists():
        return find("dnsmos", models) / "sig_bak_ovr.onnx"
    wheel = find_spec("speechmos")
    if wheel is None or wheel.origin is None:
        return None
    file = Path(wheel.origin).with_name("dnsmos_models") / "sig_bak_ovr.onnx"
    return file if file.is_file() else None


def _windows(sound: Audio, most: int | None) -> list[npt.NDArray[np.float32]]:
    """The windows (W,) of one sound, a second apart; one that is too short is doubled until it is long enough."""
    samples = np.clip(resample(sound.samples, sound.sample_rate, RATE_HZ), -1.0, 1.0)
    if not len(samples):
        return []
    while len(samples) < WINDOW:
        samples = np.concatenate((samples, samples))
    count = max(len(samples) // RATE_HZ - 9, 1)
    chosen = range(count) if most is None or count <= most else np.linspace(0, count - 1, most).astype(int)
    return [samples[at * _HOP : at * _HOP + WINDOW] for at in chosen]


def _opinion(answers: list[npt.NDArray[np.float64]]) -> Opinion | None:
    if not answers:
        return None
    speech, background, overall = np.mean(answers, axis=0)
    return Opinion(float(overall), float(speech), float(background))
