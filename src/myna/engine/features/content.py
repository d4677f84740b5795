"""Second part of the dataset folder: the clips at the data set's level, and their content features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from myna.audio.io import decode, resample, write_wav
from myna.audio.labels import usable_labels
from myna.audio.loudness import level_mix, peak, truncated_int16
from myna.checkpoints.tensor_file import write_tensor
from myna.core.errors import BadAudio, CallerError
from myna.core.findings import Tally
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.features.left_out import note_left_out
from myna.engine.library import Library

STEP = "extract_audio_features"
"""Under which name clips are noted as left out."""
DATASET_RATE_HZ = 32_000
CONTENT_RATE_HZ = 16_000

_MAX_PEAK = 2.2
"""Clips louder than this are broken (official rule)."""
_FULL_SCALE = 32768
_SHORTEST_S = 0.1


def extract_content(
    labels: Path,
    clips: Path,
    dataset: DatasetFolder,
    *,
    version: ModelVersion,
    models: Path,
    device: str,
    progress: Progress,
) -> int:
    """Write ``5-wav32k`` and ``4-cnhubert`` of every labelled clip in ``clips``; returns their number.

    Clips that are done stay. One that is missing or cannot be used is left out, and named in the progress and in the
    folder's ``left_out.jsonl``. Raises `BadAudio` where none is left, `MissingAsset` without the content encoder.
    """
    encoder = Library(models, device).content(version)
    tally, done = Tally(), 0
    listed = usable_labels(labels, tally)
    for number, label in enumerate(listed):
        progress(number / len(listed), label.clip)
        wav, features = dataset.wav32k / label.clip, dataset.content / f"{label.clip}.pt"
        if not (wav.is_file() and features.is_file()):
            try:
                samples = usable_clip(label.located(clips))
            except CallerError as error:
                tally.add(label.clip, error)
                progress(number / len(listed), f"left out {tally.failures[-1]}")
                continue
            content = content_of(encoder, samples, DATASET_RATE_HZ, gain=version.content_gain)
            write_wav(wav, truncated_int16(samples, _FULL_SCALE), DATASET_RATE_HZ)
            write_tensor(features, content.cpu().numpy().astype(np.float16))
        done += 1
    tally.require(done, BadAudio, f"no clip in {clips} can be used")
    note_left_out(dataset, STEP, tally.failures)
    return done


def usable_clip(path: Path) -> np.ndarray:
    """The clip's samples (T,) at 32 kHz and the data set's level; raises `BadAudio` where it cannot be used."""
    if not path.is_file():
        raise BadAudio("there is no such clip")
    samples = decode(path, DATASET_RATE_HZ).samples
    if len(samples) < _SHORTEST_S * DATASET_RATE_HZ:
        raise BadAudio(f"it is shorter than {_SHORTEST_S} s")
    if not 0 < peak(samples) <= _MAX_PEAK:
        raise BadAudio("it is silent" if peak(samples) == 0 else f"it is louder than {_MAX_PEAK} times full scale")
    return level_mix(samples)


@torch.inference_mode()
def content_of(
    encoder: nn.Module, samples: np.ndarray, rate: int, *, gain: float = 1.0, silence_s: float = 0.0
) -> torch.Tensor:
    """Content (1, C, T50) of mono ``samples`` (T,), times ``gain``, with ``silence_s`` seconds of zeros behind them."""
    sound = resample(samples, rate, CONTENT_RATE_HZ) * np.float32(gain)
    sound = np.pad(sound, (0, round(silence_s * CONTENT_RATE_HZ)))
    device = next(encoder.parameters()).device
    content: torch.Tensor = encoder(torch.from_numpy(sound)[None].to(device))
    return content.float()
