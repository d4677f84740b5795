"""Who speaks: 256 numbers per recording, and how alike two of them are.

The published GE2E speaker encoder of Resemblyzer (Apache-2.0) in its own front end: level raised to -30 dBFS, 40 mel
energies of 25 ms every 10 ms, windows of 1.6 s whose vectors are averaged. It took no part in training any voice, so
it can judge them.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch

from myna.audio.io import resample
from myna.checkpoints.native import read_weights
from myna.core.assets import bundled
from myna.core.errors import BadAudio
from myna.engine.dsp import mel_filters
from myna.models.voiceprint import SpeakerEncoder

ASSET = "voiceprint/ge2e.safetensors"
WIDTH = 256

SAMPLE_RATE = 16_000
_N_FFT = 400
_HOP = 160
_BANDS = 40
_WINDOW_FRAMES = 160
_STEP_FRAMES = 77
"""1.3 windows per second."""
_LAST_COVERAGE = 0.75
"""The last window counts when at least this much of it is sound."""
_LEVEL_DBFS = -30.0
_SILENCE = 1e-5
"""Root mean square below which there is nothing to hear, -100 dBFS."""
_MIN_SECONDS = 0.5
_BATCH = 64


def voiceprint(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """The speaker of mono ``samples`` (T,), in [-1, 1], as a unit vector (256,), float32, no entry negative.

    From about 5 s on it is steady; below 1.6 s it is a guess. Raises `BadAudio` when there are less than 0.5 s, only
    silence, or values that are no numbers.
    """
    if samples.ndim != 1 or len(samples) < _MIN_SECONDS * sample_rate:
        raise BadAudio(f"a voiceprint needs one channel of at least {_MIN_SECONDS} s")
    if not np.isfinite(samples).all():
        raise BadAudio("the audio holds values that are no numbers (NaN or infinite)")
    sound = _raised(resample(samples.astype(np.float32), sample_rate, SAMPLE_RATE))
    starts = window_starts(len(sound))
    missing = (starts[-1] + _WINDOW_FRAMES) * _HOP - len(sound)
    mel = mel_energies(np.pad(sound, (0, max(missing, 0))))
    windows = torch.stack([mel[:, start : start + _WINDOW_FRAMES] for start in starts])
    with torch.inference_mode():
        prints = torch.cat([_encoder()(part) for part in torch.split(windows, _BATCH)])
    return mean_voiceprint(list(prints.numpy()))


def mean_voiceprint(prints: list[np.ndarray]) -> np.ndarray:
    """The voiceprint of several recordings of one speaker: their mean (256,), as a unit vector.

    Raises `BadAudio` when all are zero: nothing in them was a voice.
    """
    mean = np.mean(prints, axis=0)
    length = np.linalg.norm(mean)
    if length == 0:
        raise BadAudio("no voice was heard in the audio")
    normalised: np.ndarray = (mean / length).astype(np.float32)
    return normalised


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """How alike two voiceprints are, 0 to 1: the cosine between them. Above about 0.8 they are mostly one speaker."""
    return float(np.dot(first, second) / (np.linalg.norm(first) * np.linalg.norm(second)))


def mel_energies(sound: np.ndarray) -> torch.Tensor:
    """Power-mel of 16 kHz ``sound`` (T,) as (40, 1 + T // 160): frames centred, zeros beyond the ends, no log."""
    spectrum = torch.stft(
        torch.from_numpy(sound),
        _N_FFT,
        hop_length=_HOP,
        window=torch.hann_window(_N_FFT),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    filters = torch.from_numpy(mel_filters(SAMPLE_RATE, _N_FFT, _BANDS))
    return torch.matmul(filters, spectrum.abs().square())


def window_starts(num_samples: int) -> list[int]:
    """First frames of the windows of 160 frames that cover ``num_samples`` at 16 kHz; at least one."""
    num_frames = math.ceil((num_samples + 1) / _HOP)
    starts = list(range(0, max(1, num_frames - _WINDOW_FRAMES + _STEP_FRAMES + 1), _STEP_FRAMES))
    covered = num_samples - starts[-1] * _HOP
    if len(starts) > 1 and covered < _LAST_COVERAGE * _WINDOW_FRAMES * _HOP:
        starts.pop()
    return starts


def _raised(sound: np.ndarray) -> np.ndarray:
    """``sound`` amplified to -30 dBFS where it is quieter; never attenuated."""
    rms = math.sqrt(float(np.mean(np.square(sound, dtype=np.float64))))
    if rms < _SILENCE:
        raise BadAudio("the audio is silent")
    gain = 10 ** (_LEVEL_DBFS / 20) / rms
    raised: np.ndarray = (sound * np.float32(max(gain, 1.0))).astype(np.float32)
    return raised


@lru_cache(maxsize=1)
def _encoder() -> SpeakerEncoder:
    """The bundled encoder; read once per process."""
    weights = read_weights(bundled(ASSET))
    encoder = SpeakerEncoder()
    encoder.load_state_dict({name: tensor.float() for name, tensor in weights.tensors.items()})
    return encoder.eval()
