"""Decode the training speech once and pack what the stages read: log-mels, spectrograms, phones.

    python recipes/lite/prepare.py --speech SPEECH/train --test SPEECH/test --work WORK

Writes into WORK: ``clips.jsonl`` (one line per clip), and per kind one flat float16 array with all clips end to end:
``front.f16`` (100 frames/s, 80 bands, 16 kHz), ``mel.f16`` (the lite mel), ``spec.f16`` (reference bins at 50 frames/s).
"""

from __future__ import annotations

import argparse
import csv
import json
from concurrent.futures import ProcessPoolExecutor
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


def clips(speech: Path, test: Path) -> list[dict]:
    """The English clips of the manifest, with the split each belongs to."""
    with open(speech / "manifest.tsv", encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if r["language"] == "en"]
    learners: dict[str, int] = {}
    for row in rows:
        if row["speaker"].startswith("so762"):
            learners[row["speaker"]] = learners.get(row["speaker"], 0) + 1
    held = set(sorted(learners, key=lambda s: (-learners[s], s))[:HELD_OUT])
    out = [
        {"file": str(speech / r["path"]), "speaker": r["speaker"], "gender": r["gender"], "text": r["text"],
         "split": "held" if r["speaker"] in held else "train"}
        for r in rows if float(r["seconds"]) >= 1.0
    ]
    with open(test / "transcripts.tsv", encoding="utf-8", newline="") as file:
        for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if r["language"] == "en" and (r["speaker"] == "LJ" or r["speaker"].startswith("watson")):
                out.append({"file": str(test / r["file"]), "speaker": r["speaker"], "gender": "", "text": r["text"],
                            "split": "held"})
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    todo = clips(options.speech, options.test)
    names = ("front", "mel", "spec")
    offsets = dict.fromkeys(names, 0)
    files = {name: open(options.work / f"{name}.f16.partial", "wb") for name in names}
    with ProcessPoolExecutor(options.processes) as pool, open(options.work / "clips.jsonl.partial", "w") as index:
        results = pool.map(extract, (Path(c["file"]) for c in todo), chunksize=16)
        for done, (clip, (*arrays, seconds)) in enumerate(zip(todo, results, strict=True), start=1):
            clip["seconds"] = round(seconds, 3)
            for name, array in zip(names, arrays, strict=True):
                clip[name] = [offsets[name], len(array)]
                offsets[name] += len(array)
                array.tofile(files[name])
            index.write(json.dumps(clip, ensure_ascii=False) + "\n")
            if done % 500 == 0:
                print(f"{done}/{len(todo)} clips", flush=True)
    for name, file in files.items():
        file.close()
        (options.work / f"{name}.f16.partial").rename(options.work / f"{name}.f16")
    (options.work / "clips.jsonl.partial").rename(options.work / "clips.jsonl")


if __name__ == "__main__":
    main()
