"""Third part of the dataset folder: who speaks in each clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from myna.audio.io import Audio, decode
from myna.audio.labels import usable_labels
from myna.checkpoints.tensor_file import write_tensor
from myna.core.errors import BadAudio, CallerError, NotFound
from myna.core.findings import Tally
from myna.core.progress import Progress
from myna.core.training import Precision
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.device import pick_device
from myna.engine.features.batches import Answer, Piece, each_clip, worked
from myna.engine.features.half import halved, in_half
from myna.engine.features.left_out import note_left_out
from myna.engine.features.places import Place, places_of
from myna.engine.library import Library
from myna.engine.speaker_print import speaker_bank, speaker_prints
from myna.engine.voiceprint import similarity, voiceprint
from myna.models.eres2net import fold_norms

STEP = "extract_speaker_vectors"
"""Under which name clips are noted as left out."""
_GPU_BATCH = 16


def extract_voiceprints(
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
    """Write ``7-sv_cn/<clip>.pt`` of every labelled clip; returns their number.

    Each is (1, 256) float32, GE2E's view of the clip in ``clips``; for versions that take a speaker vector (1, 20480),
    the speaker net's view of the level-mixed clip in ``5-wav32k``. Files that are there stay. A clip that is missing,
    silent or too short has none, and is named in the progress and in the folder's ``left_out.jsonl``.
    ``gpu_numbers`` and ``precision``: see `places_of`; GE2E is small and runs on the CPU. Raises `BadAudio` where none
    is left, and for those versions `MissingAsset`, `BadCheckpoint`, and `NotFound` where ``5-wav32k`` is not there.
    """
    places = places_of(device, gpu_numbers, precision)
    has_net = version.has_speaker_vector
    if has_net and not dataset.wav32k.is_dir():
        raise NotFound(f"there are no clips in {dataset.wav32k}; run extract_audio_features first")
    tally = Tally()
    names = {label.clip: label for label in usable_labels(labels, tally)}
    files = {clip: dataset.speaker / f"{clip}.pt" for clip in names}
    todo = {
        clip: _Clip(dataset.wav32k / clip if has_net else label.located(clips), files[clip])
        for clip, label in names.items()
        if not files[clip].is_file()
    }
    make: Callable[[Place], _Maker] = partial(_NetMaker, version, models) if has_net else _Maker
    made = each_clip(make, todo, places, tally, progress, _length)
    done = len(names) - len(todo) + len(made)
    tally.require(done, BadAudio, f"no clip in {clips} can be used")
    note_left_out(dataset, STEP, tally.failures)
    return done


class _Clip(NamedTuple):
    """A clip, and where its voiceprint goes."""

    source: Path
    vector: Path


def _length(clip: _Clip) -> float:
    return clip.source.stat().st_size if clip.source.is_file() else 0


class _Maker:
    """Makes voiceprints (1, 256), in one process."""

    batch = 1
    """Clips that are computed together."""

    def __init__(self, place: Place) -> None:
        place.settle()

    def __call__(self, piece: Piece[_Clip]) -> Sequence[Answer[bool]]:
        return worked(piece, self.ready, self.vectors, _write, self.batch)

    def ready(self, clip: _Clip) -> Audio:
        """The clip's sound."""
        if not clip.source.is_file():
            raise BadAudio("there is no such clip")
        return decode(clip.source)

    def vectors(self, sounds: Sequence[Audio]) -> list[np.ndarray | CallerError]:
        """Who speaks in each of them, (1, W), or why that cannot be said."""
        found: list[np.ndarray | CallerError] = []
        for sound in sounds:
            try:
                found.append(self.vector(sound))
            except CallerError as error:
                found.append(error)
        return found

    def vector(self, sound: Audio) -> np.ndarray:
        """Who speaks, (1, W) float32; raises `BadAudio`."""
        return voiceprint(sound.samples, sound.sample_rate)[None]


class _NetMaker(_Maker):
    """Makes speaker vectors (1, 20480); the speaker net is read once."""

    def __init__(self, version: ModelVersion, models: Path, place: Place) -> None:
        super().__init__(place)
        self.library, self.type = Library(models, place.device), place.type
        self.batch = 1 if place.device == "cpu" else _GPU_BATCH  # one clip fills a CPU
        self.net = self.library.speaker_net(version)
        fold_norms(self.net)
        # Its convolutions are a fifth quicker in this order of memory.
        self.half = halved(self.net, self.type).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def vectors(self, sounds: Sequence[Audio]) -> list[np.ndarray | CallerError]:
        """As above. The filter bank is always float32's: energies are too small for half precision."""
        device, found, banks = self.library.device, dict[int, np.ndarray | CallerError](), dict[int, torch.Tensor]()
        for number, sound in enumerate(sounds):
            try:
                banks[number] = speaker_bank(torch.from_numpy(sound.samples).to(device), sound.sample_rate)
            except CallerError as error:
                found[number] = error
        half, whole = partial(speaker_prints, self.half), partial(speaker_prints, self.net)
        vectors = in_half(half, list(banks.values()), device, self.type, whole) if banks else []
        for number, vector in zip(banks, vectors, strict=True):
            found[number] = BadAudio("its speaker vector is no number") if vector is None else vector.numpy()
        return [found[number] for number in range(len(sounds))]


def _write(clip: _Clip, _sound: Audio, vector: np.ndarray) -> None:
    write_tensor(clip.vector, vector)


def voiceprint_similarity(first: Path, second: Path, *, models: Path, device: str) -> float:
    """How alike the voices in two recordings are, 0 to 1 (cosine); raises `BadAudio` where one holds no voice."""
    _check(models, device)
    prints = []
    for path in (first, second):
        audio = decode(path)
        prints.append(voiceprint(audio.samples, audio.sample_rate))
    return similarity(*prints)


def _check(models: Path, device: str) -> None:
    """A wrong device is wrong here too, though the small encoder comes with the package and runs on the CPU."""
    del models
    pick_device(device)
