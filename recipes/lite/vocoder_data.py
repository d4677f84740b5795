"""Decode the training speech once for the vocoder: samples and pitch.

    python recipes/lite/vocoder_data.py --speech SPEECH --work WORK
    python recipes/lite/vocoder_data.py --pack --work WORK           # from WORK/pack, without SPEECH: English only

Writes into WORK ``voices.jsonl`` (one line per clip), ``voices.s16`` (24 kHz, all clips end to end) and ``pitch.f16``
(Hz of every 10 ms, 0 without voice). A vocoder knows no language, so clips of all languages are taken, but none whose
licence would bind the weights (CC-BY-SA).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import soxr
from corpus import read_listing
from features import level
from listing import listed, table
from pack import Shard, read_pack, shard_clips
from pitch_track import pitch

from myna.core.versions import version

LITE = version("lite")
HOP = 240
SHORTEST_S = 1.0


Heard = tuple[np.ndarray, np.ndarray]


def heard(samples: np.ndarray, rate: int) -> Heard:
    """Samples (T,) int16 at the mel's rate, a whole number of mel frames, and the pitch of every 10 ms, float16."""
    sound = soxr.resample(level(samples), rate, LITE.mel.sample_rate)
    sound = sound[: len(sound) // LITE.mel.hop * LITE.mel.hop]
    whole = np.round(sound.clip(-1, 1) * 32767).astype(np.int16)
    return whole, pitch(sound, LITE.mel.sample_rate)[: len(whole) // HOP].astype(np.float16)


def heard_file(path: Path) -> Heard:
    """`heard` of a recording."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return heard(samples.mean(1), rate)


def heard_shard(work: Path, shard: Shard) -> list[tuple[int, Heard]]:
    """`heard` of every clip of a shard of a pack, by the clip's number."""
    return [(number, heard(samples, rate)) for number, samples, rate in shard_clips(work, shard)]


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


def all_heard(options: argparse.Namespace, pool: ProcessPoolExecutor) -> Iterator[tuple[dict, Heard]]:
    """Every clip with what is heard of it."""
    if options.pack:
        clips, shards = read_listing(options.work), read_pack(options.work)
        for found in pool.map(partial(heard_shard, options.work), shards):
            yield from ((clips[number], one) for number, one in found)
        return
    clips = all_clips(options.speech)
    found = pool.map(heard_file, (options.speech / clip["file"] for clip in clips), chunksize=16)
    yield from zip(clips, found, strict=True)


def main() -> None:
    """Decode and lay end to end every clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--speech", type=Path)
    source.add_argument("--pack", action="store_true", help="decode WORK/pack; clips.jsonl is there already")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    work, at = options.work, 0
    work.mkdir(parents=True, exist_ok=True)
    names = ("voices.s16", "pitch.f16", "voices.jsonl")
    with (
        ProcessPoolExecutor(options.processes) as pool,
        (work / f"{names[0]}.partial").open("wb") as sounds,
        (work / f"{names[1]}.partial").open("wb") as pitches,
        (work / f"{names[2]}.partial").open("w", encoding="utf-8") as index,
    ):
        for clip, (sound, hz) in all_heard(options, pool):
            row = {k: clip[k] for k in ("file", "speaker", "split")} | {"start": at, "frames": len(sound) // HOP}
            sound.tofile(sounds)
            hz.tofile(pitches)
            index.write(json.dumps(row, ensure_ascii=False) + "\n")
            at += row["frames"]
    for name in names:
        (work / f"{name}.partial").rename(work / name)


if __name__ == "__main__":
    main()
