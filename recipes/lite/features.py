"""What the stages read, made of recordings or of a pack: log-mels and spectrograms.

    python recipes/lite/features.py --work WORK [--kinds mel spec] [--processes 16]     # from WORK/pack, without SPEECH

Per kind one flat float16 array, all clips end to end, with ``spans.json`` that says where each lies: ``front`` (100
frames/s, 80 bands, 16 kHz), ``moved`` (the same of the clip at another pitch and speed), ``mel`` (the lite mel),
``spec`` (magnitudes, 50 frames/s).
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import torch
from corpus import BINS, SPANS
from pack import read_pack, shard_clips

from myna.core.versions import version
from myna.core.workspace import write_bytes
from myna.engine.dsp import mel, mel_filters, spectrogram
from myna.models.content import FrontEnd

LITE = version("lite")
LOWEST, HIGHEST = 0.8, 1.25
"""How much slower and lower, or faster and higher, the clip is in ``moved``."""
AT_ONCE = 24

Sound = tuple[int, np.ndarray, int]
"""A clip's number, samples (T,), rate."""
Task = tuple[str, Any]
"""``files`` and a list of (number, file), or ``shard`` and one of a pack."""


def front_filters() -> torch.Tensor:
    """The content encoder's mel filters, (80, 257)."""
    return torch.as_tensor(mel_filters(sample_rate=16000, n_fft=512, bands=80), dtype=torch.float32)


def level(samples: np.ndarray) -> np.ndarray:
    """The official loudness mix of the data set: half peak-normalised, half as recorded."""
    peak = float(np.abs(samples).max())
    return samples / max(peak, 1e-4) * (0.95 * 0.5) + 0.5 * samples


def features(number: int, samples: np.ndarray, rate: int, kinds: Sequence[str]) -> dict[str, np.ndarray]:
    """Each kind of frames of one clip, float16 (T, bins)."""
    samples = level(samples)
    front = FrontEnd(80)
    front.filters.copy_(front_filters())

    def at(hz: float) -> torch.Tensor:
        return torch.from_numpy(soxr.resample(samples, rate, hz).astype(np.float32))[None]

    def made(kind: str) -> torch.Tensor:
        if kind == "front":
            return front(at(16000))[0]
        if kind == "moved":  # heard at 16 kHz, so it is faster and higher, formants too: `augment` moves these back
            return front(at(16000 / random.Random(number).uniform(LOWEST, HIGHEST)))[0]
        if kind == "mel":
            return mel(at(LITE.mel.sample_rate), LITE.mel)[0].T
        return spectrogram(at(32000), 2048, 640, 2048)[0, : LITE.flow.reference_bins].T

    return {kind: made(kind).numpy().astype(np.float16) for kind in kinds}


def from_files(speech: Path, clips: Sequence[tuple[int, str]]) -> Iterator[Sound]:
    """Decode recordings."""
    for number, file in clips:
        samples, rate = soundfile.read(speech / file, dtype="float32", always_2d=True)
        yield number, samples.mean(1), rate


def extract(task: Task, source: Path, kinds: Sequence[str]) -> list[tuple[int, dict[str, np.ndarray]]]:
    """The features of some files of the speech folder, or of a shard of a pack."""
    torch.set_num_threads(1)
    how, what = task
    sounds = from_files(source, what) if how == "files" else shard_clips(source, what)
    return [(number, features(number, samples, rate, kinds)) for number, samples, rate in sounds]


def write_features(work: Path, tasks: Sequence[Task], source: Path, kinds: Sequence[str], n: int) -> None:
    """Decode all ``tasks`` by ``n`` processes and lay the arrays end to end."""
    spans: dict[str, dict[int, tuple[int, int]]] = {kind: {} for kind in kinds}
    offsets = dict.fromkeys(kinds, 0)
    with ExitStack() as stack:
        files = {kind: stack.enter_context((work / f"{kind}.f16.partial").open("wb")) for kind in kinds}
        pool = stack.enter_context(ProcessPoolExecutor(n))
        for done, found in enumerate(pool.map(partial(extract, source=source, kinds=kinds), tasks), start=1):
            for number, arrays in found:
                for kind, array in arrays.items():
                    spans[kind][number] = (offsets[kind], len(array))
                    offsets[kind] += len(array)
                    array.tofile(files[kind])
            if done % 50 == 0 or done == len(tasks):
                print(f"decoded: {done} of {len(tasks)}", flush=True)
    for kind in kinds:
        (work / f"{kind}.f16.partial").rename(work / f"{kind}.f16")
    there = json.loads((work / SPANS).read_text()) if (work / SPANS).is_file() else {}
    write_bytes(work / SPANS, json.dumps(there | spans).encode())


def main() -> None:
    """Decode a pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--kinds", nargs="+", choices=list(BINS), default=list(BINS))
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    tasks = [("shard", shard) for shard in read_pack(options.work)]
    write_features(options.work, tasks, options.work, options.kinds, options.processes)


if __name__ == "__main__":
    main()
