"""Third part of the dataset folder: who speaks in each clip."""

from __future__ import annotations

from pathlib import Path

from myna.audio.io import decode
from myna.audio.labels import read_labels
from myna.checkpoints.tensor_file import write_tensor
from myna.core.errors import BadAudio, BadInput
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.device import pick_device
from myna.engine.voiceprint import similarity, voiceprint


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
    """Write ``7-sv_cn/<clip>.pt``, each (1, 256) float32, of every labelled clip in ``clips``; returns their number.

    Files that are there stay. A clip that is missing, silent or too short for a voiceprint has none, and is named in
    the progress. Raises `BadAudio` where none is left, `BadInput` for a version whose nets want another voiceprint.
    """
    if version.has_speaker_vector:
        raise BadInput(f"version {version.name!r} wants another model's voiceprints, which cannot be made yet")
    _check(models, device)
    listed, done, last = read_labels(labels), 0, ""
    for number, label in enumerate(listed):
        progress(number / len(listed), label.clip)
        path = dataset.speaker / f"{label.clip}.pt"
        if not path.is_file():
            clip = label.located(clips)
            try:
                if not clip.is_file():
                    raise BadAudio("there is no such clip")
                audio = decode(clip)
                write_tensor(path, voiceprint(audio.samples, audio.sample_rate)[None])
            except BadAudio as error:
                last = f"{label.clip}: {error}"
                progress(number / len(listed), f"left out {last}")
                continue
        done += 1
    if not done:
        raise BadAudio(f"no clip in {clips} can be used; {last}")
    return done


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
