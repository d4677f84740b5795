"""How fast a data set's features are made, against the official way of working; for `training.py`.

Text, content, speaker vectors and tokens of made-up clips, by nets of published sizes and random weights. What a
peer's decoding process costs only because it is a Python is taken off: it stands for an ffmpeg that starts for nothing.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import plain_features
import torch
import transformers
from clock import Speed, spent

from myna.audio.io import write_wav
from myna.audio.labels import Label, write_labels
from myna.checkpoints.tensor_file import read_tensor
from myna.core.assets import asset
from myna.core.progress import silent
from myna.core.versions import ModelVersion, version
from myna.core.workspace import DatasetFolder
from myna.engine.features.content import extract_content
from myna.engine.features.phones import extract_phones
from myna.engine.features.places import places_of
from myna.engine.features.semantic import extract_semantic
from myna.engine.features.voiceprint import extract_voiceprints
from myna.engine.weights import save_net
from myna.models.eres2net import EresNet
from myna.models.sovits_vits import SovitsVits

VERSION = "v2Pro"
_RATE_HZ = 32_000
_SECONDS = (2.0, 8.0, 4.0)
_TEXT = "The quick brown fox jumps over the lazy dog near the river bank."
_STARTS = 5


def write_nets(models: Path, record: ModelVersion) -> Path:
    """Random nets where the published ones belong; returns the SoVITS's file."""
    transformers.HubertModel(transformers.HubertConfig()).save_pretrained(models / asset("hubert").file)
    place = models / asset("pro_voiceprint").file
    place.parent.mkdir(parents=True, exist_ok=True)
    torch.save(EresNet().state_dict(), place)
    assert record.vits is not None
    save_net(models / "sovits.safetensors", SovitsVits(record.vits), version=record, provenance={})
    return models / "sovits.safetensors"


def write_clips(folder: Path, count: int) -> Path:
    """Clips of 2 to 8 s, most of them about 4 s long, and their label file."""
    rng, noise, labels = random.Random(0), np.random.default_rng(0), []
    for number in range(count):
        seconds = rng.triangular(*_SECONDS)
        path = folder / "clips" / f"{number:04}.wav"
        write_wav(path, noise.normal(0, 0.1, round(seconds * _RATE_HZ)).astype(np.float32), _RATE_HZ)
        labels.append(Label(path, "x", "en", _TEXT))
    write_labels(folder / "x.list", labels)
    return folder / "x.list"


def measure_features(given: argparse.Namespace) -> Speed:
    """All four parts, by the peer and by us, once it is certain that both make the same."""
    torch.manual_seed(0)
    record, device, count = version(VERSION), given.device, min(given.clips, given.feature_clips)
    with TemporaryDirectory() as name:
        folder = Path(name)
        sovits, labels = write_nets(folder / "models", record), write_clips(folder, count)
        theirs, ours = DatasetFolder(folder / "theirs"), DatasetFolder(folder / "ours")
        plain = 0.0
        for part in ("text", "content", "vectors", "tokens"):
            seconds = _plain(part, labels, theirs, folder / "models", sovits, device)
            plain += seconds - (_start_s(device) * count if part in ("content", "vectors") else 0.0)
            sys.stdout.write(f"  plain {part}: {seconds / count:.3f} s a clip\n")
        own = _ours(given, labels, ours, folder / "models", sovits)
        shown = places_of(device, precision=given.precision)[0].precision
        _check(theirs, ours, 0.02 if shown == "fp32" else 0.2)
    return Speed(count / plain, count / own, shown, 0.0)


def _plain(part: str, labels: Path, dataset: DatasetFolder, models: Path, sovits: Path, device: str) -> float:
    paths = [str(path) for path in (labels, labels.parent / "clips", dataset.path, models, sovits)]
    command = [sys.executable, plain_features.__file__, part, *paths, VERSION, device]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def _start_s(device: str) -> float:
    begin = spent(device)
    for _ in range(_STARTS):
        plain_features.start_decoder()
    return (spent(device) - begin) / _STARTS


def _ours(given: argparse.Namespace, labels: Path, dataset: DatasetFolder, models: Path, sovits: Path) -> float:
    options = {"version": version(VERSION), "models": models, "device": given.device, "progress": silent}
    half = options | {"precision": given.precision}
    total, begin = 0.0, spent(given.device)
    for part in ("text", "content", "vectors", "tokens"):
        if part == "text":
            extract_phones(labels, dataset, **half)
        elif part == "content":
            extract_content(labels, labels.parent / "clips", dataset, **half)
        elif part == "vectors":
            extract_voiceprints(labels, labels.parent / "clips", dataset, **half)
        else:
            extract_semantic(dataset, sovits=sovits, **options)
        seconds, begin = spent(given.device) - begin, spent(given.device)
        total += seconds
        sys.stdout.write(f"  ours {part}: {seconds / given.feature_clips:.3f} s a clip\n")
    return total


def _check(theirs: DatasetFolder, ours: DatasetFolder, share: float) -> None:
    """Leave where features differ by more than ``share`` of their size."""
    for path in sorted(theirs.content.iterdir()):
        first, second = (
            read_tensor(folder / path.name).astype(np.float32) for folder in (theirs.content, ours.content)
        )
        if first.shape != second.shape or np.abs(first - second).mean() > share * np.abs(first).mean():
            raise SystemExit(f"the peer's features of {path.stem} are other ones: nothing to compare")
