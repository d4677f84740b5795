"""Decode the training speech once and pack what the stages read: log-mels, spectrograms, phones.

    python recipes/lite/prepare.py --speech SPEECH/train --test SPEECH/test --work WORK

Writes into WORK ``clips.jsonl`` (one line per clip), and per kind one flat float16 array, all clips end to end:
``front.f16`` (100 frames/s, 80 bands, 16 kHz), ``mel.f16`` (the lite mel), ``spec.f16`` (magnitudes, 50 frames/s).
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from myna.core.versions import version
from myna.engine.dsp import mel, mel_filters, spectrogram
from myna.models.content import FrontEnd

LITE = version("lite")
HELD_OUT = 7  # speakers of speechocean762 kept for `myna bench voice`
SHORTEST_S = 1.0


def front_filters() -> torch.Tensor:
    """The content encoder's mel filters, (80, 257)."""
    return torch.as_tensor(mel_filters(sample_rate=16000, n_fft=512, bands=80), dtype=torch.float32)


def level(samples: np.ndarray) -> np.ndarray:
    """The official loudness mix of the data set: half peak-normalised, half as recorded."""
    peak = float(np.abs(samples).max())
    return samples / max(peak, 1e-4) * (0.95 * 0.5) + 0.5 * samples


def extract(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """(front, mel, spec) of one file as float16 (T, bins), and its seconds."""
    torch.set_num_threads(1)
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = level(samples.mean(1))
    at32 = torch.from_numpy(soxr.resample(samples, rate, 32000).astype(np.float32))[None]
    at16 = torch.from_numpy(soxr.resample(samples, rate, 16000).astype(np.float32))[None]
    at_mel = torch.from_numpy(soxr.resample(samples, rate, LITE.mel.sample_rate).astype(np.float32))[None]
    front = FrontEnd(80)
    front.filters.copy_(front_filters())
    spec = spectrogram(at32, 2048, 640, 2048)[:, : LITE.flow.reference_bins]
    arrays = front(at16)[0], mel(at_mel, LITE.mel)[0].T, spec[0].T
    return *(a.numpy().astype(np.float16) for a in arrays), len(samples) / rate


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a tab-separated file with a header; quotes mean nothing."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def clips(speech: Path, test: Path) -> list[dict]:
    """The English clips of the manifest, with the split each belongs to; and the test clips of unseen speakers."""
    rows = [r for r in table(speech / "manifest.tsv") if r["language"] == "en" and float(r["seconds"]) >= SHORTEST_S]
    learners = Counter(r["speaker"] for r in rows if r["speaker"].startswith("so762"))
    held = set(sorted(learners, key=lambda s: (-learners[s], s))[:HELD_OUT])
    unseen = [
        r
        for r in table(test / "transcripts.tsv")
        if r["language"] == "en" and r["speaker"].startswith(("LJ", "watson"))
    ]
    return [
        {"file": str(folder / r[column]), "speaker": r["speaker"], "text": r["text"], "split": split(r)}
        for folder, column, some, split in (
            (speech, "path", rows, lambda r: "held" if r["speaker"] in held else "train"),
            (test, "file", unseen, lambda _: "held"),
        )
        for r in some
    ]


def pack(work: Path, todo: list[dict], processes: int) -> None:
    """Decode every clip and lay the arrays end to end."""
    names = ("front", "mel", "spec")
    offsets = dict.fromkeys(names, 0)
    partial = {name: work / f"{name}.f16.partial" for name in names} | {"index": work / "clips.jsonl.partial"}
    with ExitStack() as stack:
        files = {name: stack.enter_context(path.open("wb")) for name, path in partial.items()}
        pool = stack.enter_context(ProcessPoolExecutor(processes))
        results = pool.map(extract, (Path(c["file"]) for c in todo), chunksize=16)
        for done, (clip, (*arrays, seconds)) in enumerate(zip(todo, results, strict=True), start=1):
            clip["seconds"] = round(seconds, 3)
            for name, array in zip(names, arrays, strict=True):
                clip[name] = [offsets[name], len(array)]
                offsets[name] += len(array)
                array.tofile(files[name])
            files["index"].write((json.dumps(clip, ensure_ascii=False) + "\n").encode())
            if done % 500 == 0:
                print(f"{done}/{len(todo)} clips", flush=True)
    for path in partial.values():
        path.rename(path.with_suffix(""))


def main() -> None:
    """Decode and pack every clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    pack(options.work, clips(options.speech, options.test), options.processes)


if __name__ == "__main__":
    main()
