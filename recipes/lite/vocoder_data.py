"""Decode the training speech once for the vocoder: samples and pitch.

    python recipes/lite/vocoder_data.py --speech SPEECH --work WORK

Writes into WORK ``voices.jsonl`` (one line per clip), ``voices.s16`` (24 kHz, all clips end to end) and ``pitch.f16``
(Hz of every 10 ms, 0 without voice). A vocoder knows no language, so clips of all languages are taken, but none whose
licence would bind the weights (CC-BY-SA).
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import soxr
from features import level
from listing import listed, table
from pitch_track import pitch

from myna.core.versions import version

LITE = version("lite")
HOP = 240
SHORTEST_S = 1.0


def extract(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Samples (T,) int16 at the mel's rate, a whole number of mel frames, and the pitch of every 10 ms, float16."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    sound = soxr.resample(level(samples.mean(1)), rate, LITE.mel.sample_rate)
    sound = sound[: len(sound) // LITE.mel.hop * LITE.mel.hop]
    whole = np.round(sound.clip(-1, 1) * 32767).astype(np.int16)
    return whole, pitch(sound, LITE.mel.sample_rate)[: len(whole) // HOP].astype(np.float16)


def all_clips(speech: Path) -> list[dict]:
    """The English clips as `prepare.py` splits them, and those of other languages for training."""
    rows = table(speech / "train" / "manifest.tsv")
    bound = {f"train/{row['path']}" for row in rows if "-SA" in row.get("licence", "")}
    others = [
        {"file": f"train/{row['path']}", "speaker": row["speaker"], "split": "train"}
        for row in rows
        if row["language"] != "en" and float(row["seconds"]) >= SHORTEST_S
    ]
    return [clip for clip in (*listed(speech, ["en"]), *others) if clip["file"] not in bound]


def main() -> None:
    """Decode and pack every clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    work = options.work
    work.mkdir(parents=True, exist_ok=True)
    todo, at = all_clips(options.speech), 0
    names = ("voices.s16", "pitch.f16", "voices.jsonl")
    with (
        ProcessPoolExecutor(options.processes) as pool,
        (work / f"{names[0]}.partial").open("wb") as sounds,
        (work / f"{names[1]}.partial").open("wb") as pitches,
        (work / f"{names[2]}.partial").open("w", encoding="utf-8") as index,
    ):
        results = pool.map(extract, (options.speech / c["file"] for c in todo), chunksize=16)
        for clip, (sound, hz) in zip(todo, results, strict=True):
            row = {k: clip[k] for k in ("file", "speaker", "split")} | {"start": at, "frames": len(sound) // HOP}
            sound.tofile(sounds)
            hz.tofile(pitches)
            index.write(json.dumps(row, ensure_ascii=False) + "\n")
            at += row["frames"]
    for name in names:
        (work / f"{name}.partial").rename(work / name)


if __name__ == "__main__":
    main()
