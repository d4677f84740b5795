"""Made-up speech for the engine's tests: buzzes with a melody and a rhythm, and dataset folders of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myna.audio.io import write_wav
from myna.audio.labels import Label, write_labels
from myna.core.progress import silent
from myna.core.versions import version
from myna.core.workspace import DatasetFolder
from myna.engine.features.content import extract_content
from myna.engine.features.phones import extract_phones
from myna.engine.features.semantic import extract_semantic
from myna.engine.features.voiceprint import extract_voiceprints

LITE = version("lite")
RATE = 32_000

TEXTS = (
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "She sells sea shells by the sea shore every single morning.",
    "A journey of a thousand miles begins with one small step.",
)


def buzz(seconds: float, pitch_hz: float = 120.0, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """A voice-like sound (T,): harmonics of a wandering pitch, louder and softer about four times a second."""
    time = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(seed)
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time + seed))) / rate
    sound = sum(np.sin(number * phase) / number for number in range(1, 20))
    envelope = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time + rng.uniform(0, 6))
    return (0.15 * envelope * sound + 0.002 * rng.standard_normal(len(time))).astype(np.float32)


@dataclass(frozen=True)
class Recordings:
    """A label file and the folder of its clips."""

    labels: Path
    clips: Path
    dataset: DatasetFolder


def record(folder: Path, seconds: tuple[float, ...] = (4.0, 5.0, 4.5)) -> Recordings:
    """One clip per length, labelled with `TEXTS` in turn."""
    clips = folder / "clips"
    clips.mkdir(parents=True)
    labels = []
    for number, length in enumerate(seconds):
        path = clips / f"clip{number}.wav"
        write_wav(path, buzz(length, seed=number), RATE)
        labels.append(Label(path, "buzz", "en", TEXTS[number % len(TEXTS)]))
    write_labels(folder / "clips.list", labels)
    return Recordings(folder / "clips.list", clips, DatasetFolder(folder / "buzz"))


def extract(recordings: Recordings, models: Path) -> DatasetFolder:
    """All parts of the dataset folder."""
    labels, clips, dataset = recordings.labels, recordings.clips, recordings.dataset
    extract_phones(labels, dataset, version=LITE, models=models, device="cpu", progress=silent)
    extract_content(labels, clips, dataset, version=LITE, models=models, device="cpu", progress=silent)
    extract_voiceprints(labels, clips, dataset, version=LITE, models=models, device="cpu", progress=silent)
    extract_semantic(dataset, version=LITE, models=models, sovits=None, device="cpu", progress=silent)
    return dataset
