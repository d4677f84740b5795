"""Second part of the dataset folder: the clips at the data set's level, and their content features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from myna.audio.io import decode, resample, write_wav
from myna.audio.labels import usable_labels
from myna.audio.loudness import level_mix, peak, truncated_int16
from myna.checkpoints.tensor_file import write_tensor
from myna.core.assets import find_for
from myna.core.errors import BadAudio, CallerError
from myna.core.findings import Tally
from myna.core.progress import Progress
from myna.core.training import Precision
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.features.batches import Answer, Piece, each_clip, worked
from myna.engine.features.half import halved, in_half
from myna.engine.features.left_out import note_left_out
from myna.engine.features.places import Place, places_of
from myna.engine.library import Library
from myna.models.content import LiteContent
from myna.models.hubert_on_cpu import lay_out_for_cpu
from myna.models.pretrained import HubertContent

Encoder = HubertContent | LiteContent

STEP = "extract_audio_features"
"""Under which name clips are noted as left out."""
DATASET_RATE_HZ = 32_000
CONTENT_RATE_HZ = 16_000

_MAX_PEAK = 2.2
"""Clips louder than this are broken (official rule)."""
_FULL_SCALE = 32768
_SHORTEST_S = 0.1
_GPU_BATCH, _LITE_BATCH = 16, 4
"""Clips that are computed together on a GPU, and by the bundled encoder on a CPU, which HuBERT fills with one."""


def extract_content(
    labels: Path,
    clips: Path,
    dataset: DatasetFolder,
    *,
    version: ModelVersion,
    models: Path,
    device: str,
    progress: Progress,
    gpu_numbers: str = "",
    precision: Precision = "auto",
) -> int:
    """Write ``5-wav32k`` and ``4-cnhubert`` of every labelled clip in ``clips``; returns their number.

    Clips that are done stay. One that is missing or cannot be used is left out, and named in the progress and in the
    folder's ``left_out.jsonl``. ``gpu_numbers`` and ``precision``: see `places_of`. Raises `BadAudio` where none is
    left, `MissingAsset` without the content encoder.
    """
    places = places_of(device, gpu_numbers, precision)
    find_for(version.name, "content", models)
    tally = Tally()
    names = {label.clip: label for label in usable_labels(labels, tally)}
    files = {clip: _files(dataset, clip) for clip in names}
    todo = {
        clip: _Clip(label.located(clips), *files[clip])
        for clip, label in names.items()
        if not all(path.is_file() for path in files[clip])
    }
    made = each_clip(partial(_Maker, version, models), todo, places, tally, progress, _length)
    done = len(names) - len(todo) + len(made)
    tally.require(done, BadAudio, f"no clip in {clips} can be used")
    note_left_out(dataset, STEP, tally.failures)
    return done


class _Clip(NamedTuple):
    """A clip, and where what is made of it goes."""

    source: Path
    wav: Path
    features: Path


def _files(dataset: DatasetFolder, clip: str) -> tuple[Path, Path]:
    return dataset.wav32k / clip, dataset.content / f"{clip}.pt"


def _length(clip: _Clip) -> float:
    """Bytes: clips of one data set have one form, so that they tell the length well enough."""
    return clip.source.stat().st_size if clip.source.is_file() else 0


@dataclass(frozen=True)
class _Sound:
    """A clip as it is stored, int16 at 32 kHz, and as the encoder hears it, float32 at 16 kHz."""

    stored: np.ndarray
    heard: np.ndarray


class _Maker:
    """Makes features, in one process: its net is read once."""

    def __init__(self, version: ModelVersion, models: Path, place: Place) -> None:
        place.settle()
        self.gain, self.type = version.content_gain, place.type
        self.encoder = Library(models, place.device).content(version)
        if place.device == "cpu" and isinstance(self.encoder, HubertContent):
            lay_out_for_cpu(self.encoder)
        self.half = halved(self.encoder, self.type)
        on_cpu = _LITE_BATCH if isinstance(self.encoder, LiteContent) else 1
        self.batch = on_cpu if place.device == "cpu" else _GPU_BATCH

    def __call__(self, piece: Piece[_Clip]) -> Sequence[Answer[bool]]:
        return worked(piece, self._sound, self._contents, _write, self.batch)

    def _sound(self, clip: _Clip) -> _Sound:
        samples = usable_clip(clip.source)
        return _Sound(truncated_int16(samples, _FULL_SCALE), _at_content_rate(samples, DATASET_RATE_HZ, self.gain))

    def _contents(self, sounds: Sequence[_Sound]) -> list[np.ndarray | CallerError]:
        return [
            BadAudio("its content features are no numbers") if one is None else one.numpy().astype(np.float16)
            for one in contents_of(self.encoder, [sound.heard for sound in sounds], self.type, self.half)
        ]


def _write(clip: _Clip, sound: _Sound, content: np.ndarray) -> None:
    write_wav(clip.wav, sound.stored, DATASET_RATE_HZ)
    write_tensor(clip.features, content)


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
def contents_of(
    encoder: Encoder,
    sounds: Sequence[np.ndarray],
    precision: torch.dtype = torch.float32,
    half: Encoder | None = None,
) -> list[torch.Tensor | None]:
    """Contents (1, C, T50), float32 on the CPU, of 16 kHz ``sounds`` (T,) computed together; None: not a number.

    Each is what the sound alone gives, but for rounding. Where ``precision`` is too coarse for a clip, it is float32's.
    ``half``: ``encoder`` as `halved` gives it.
    """
    device = next(encoder.parameters()).device
    inputs = [torch.from_numpy(sound).to(device) for sound in sounds]
    return in_half((half or encoder).contents, inputs, device, precision, encoder.contents)


@torch.inference_mode()
def content_of(
    encoder: nn.Module, samples: np.ndarray, rate: int, *, gain: float = 1.0, silence_s: float = 0.0
) -> torch.Tensor:
    """Content (1, C, T50) of mono ``samples`` (T,), times ``gain``, with ``silence_s`` seconds of zeros behind them."""
    sound = np.pad(_at_content_rate(samples, rate, gain), (0, round(silence_s * CONTENT_RATE_HZ)))
    device = next(encoder.parameters()).device
    content: torch.Tensor = encoder(torch.from_numpy(sound)[None].to(device))
    return content.float()


def _at_content_rate(samples: np.ndarray, rate: int, gain: float) -> np.ndarray:
    sound: np.ndarray = resample(samples, rate, CONTENT_RATE_HZ) * np.float32(gain)
    return sound
