"""Third part of the dataset folder: who speaks in each clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from myna.audio.io import Audio, decode
from myna.audio.labels import Label, usable_labels
from myna.checkpoints.tensor_file import write_tensor
from myna.core.errors import BadAudio, CallerError, NotFound
from myna.core.findings import Tally
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.device import pick_device
from myna.engine.features.left_out import note_left_out
from myna.engine.library import Library
from myna.engine.speaker_print import speaker_print
from myna.engine.voiceprint import similarity, voiceprint

STEP = "extract_speaker_vectors"
"""Under which name clips are noted as left out."""


def extract_voiceprints(
    labels: Path,
    clips: Path,
    dataset: DatasetFolder,
    *,
    version: ModelVersion,
    models: Path,
    device: str,
    progress: Progress,
) -> int:
    """Write ``7-sv_cn/<clip>.pt`` of every labelled clip; returns their number.

    Each is (1, 256) float32, GE2E's view of the clip in ``clips``; for versions that take a speaker vector (1, 20480),
    the speaker net's view of the level-mixed clip in ``5-wav32k``. Files that are there stay. A clip that is missing,
    silent or too short has none, and is named in the progress and in the folder's ``left_out.jsonl``. Raises `BadAudio`
    where none is left, and for those versions `MissingAsset`, `BadCheckpoint`, and `NotFound` where ``5-wav32k`` is
    not there.
    """
    _check(models, device)
    printed = _speaker_net_print(dataset, version, models, device) if version.has_speaker_vector else _ge2e_print(clips)
    tally, done = Tally(), 0
    listed = usable_labels(labels, tally)
    for number, label in enumerate(listed):
        progress(number / len(listed), label.clip)
        path = dataset.speaker / f"{label.clip}.pt"
        if not path.is_file():
            try:
                write_tensor(path, printed(label))
            except CallerError as error:
                tally.add(label.clip, error)
                progress(number / len(listed), f"left out {tally.failures[-1]}")
                continue
        done += 1
    tally.require(done, BadAudio, f"no clip in {clips} can be used")
    note_left_out(dataset, STEP, tally.failures)
    return done


def _ge2e_print(clips: Path) -> Callable[[Label], np.ndarray]:
    """From a label to its clip's voiceprint (1, 256)."""

    def printed(label: Label) -> np.ndarray:
        audio = _decoded(label.located(clips))
        return voiceprint(audio.samples, audio.sample_rate)[None]

    return printed


def _speaker_net_print(
    dataset: DatasetFolder, version: ModelVersion, models: Path, device: str
) -> Callable[[Label], np.ndarray]:
    """From a label to the speaker vector (1, 20480) of its clip in ``5-wav32k``."""
    if not dataset.wav32k.is_dir():
        raise NotFound(f"there are no clips in {dataset.wav32k}; run extract_audio_features first")
    library = Library(models, device)
    net = library.speaker_net(version)

    def printed(label: Label) -> np.ndarray:
        audio = _decoded(dataset.wav32k / label.clip)
        sound = torch.from_numpy(audio.samples)[None].to(library.device)
        vector: np.ndarray = speaker_print(net, sound, audio.sample_rate).cpu().numpy()
        return vector

    return printed


def _decoded(path: Path) -> Audio:
    if not path.is_file():
        raise BadAudio("there is no such clip")
    return decode(path)


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
