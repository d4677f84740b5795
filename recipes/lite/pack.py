"""The clips as Ogg Opus, small enough to travel: ``WORK/pack/NNN.opus``, and ``pack.json`` that says where each lies.

    python recipes/lite/pack.py --speech SPEECH --work WORK [--limit-mb 40] [--turn 0]

Where all do not fit, speakers of whom there is most give up what is above a limit that is the same for all; with
another ``--turn`` they give up other clips. At 15 kbit/s Opus keeps the whole band of 12 kHz.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import soxr
from corpus import read_listing

from myna.core.errors import BadInput
from myna.core.workspace import write_bytes

RATE_HZ = 24000
KBIT = 15.0
_LEAST_KBIT, _MOST_KBIT = 6.0, 256.0  # of libsndfile's scale from 1 to 0
_GAP = RATE_HZ // 50
_SHARD_S = 600.0
INDEX = "pack.json"

Shard = dict


def chosen(clips: Sequence[dict], seconds: float, turn: int) -> list[int]:
    """Numbers of clips, ``seconds`` long in all at most: held-out speakers, then the same limit for every speaker."""
    order = list(range(len(clips)))
    random.Random(turn).shuffle(order)
    by_speaker: dict[str, list[int]] = {}
    for number in order:
        if clips[number]["split"] == "train":
            by_speaker.setdefault(clips[number]["speaker"], []).append(number)
    held = [number for number in order if clips[number]["split"] == "held"]
    left = seconds - sum(clips[number]["seconds"] for number in held)
    if left <= 0:
        raise BadInput(f"{seconds:.0f} s do not hold even the held-out speakers, {seconds - left:.0f} s; allow more")
    totals = {name: sum(clips[number]["seconds"] for number in own) for name, own in by_speaker.items()}
    limit = water_level(list(totals.values()), left)
    picked = list(held)
    for own in by_speaker.values():
        spent = 0.0
        for number in own:
            if spent + clips[number]["seconds"] <= limit:
                picked.append(number)
                spent += clips[number]["seconds"]
    return sorted(picked)


def water_level(totals: Sequence[float], room: float) -> float:
    """The limit at which ``totals``, each cut down to it, sum up to ``room``."""
    left = room
    ordered = sorted(totals)
    for place, total in enumerate(ordered):
        share = left / (len(ordered) - place)
        if total > share:
            return share
        left -= total
    return ordered[-1] if ordered else 0.0


def write_pack(speech: Path, work: Path, limit_mb: float, turn: int, processes: int = 2) -> Path:
    """Write the pack of ``work``; returns its folder. Raises `BadInput` where the limit is too small."""
    clips, folder = read_listing(work), work / "pack"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # 3 % for the container and for bits that follow the speech.
    numbers = chosen(clips, limit_mb * 1e6 * 8 / (KBIT * 1000) * 0.97, turn)
    groups = list(_groups(clips, numbers))
    names = [f"{at:03d}.opus" for at in range(len(groups))]
    files = [[(number, speech / clips[number]["file"]) for number in group] for group in groups]
    with ProcessPoolExecutor(processes) as pool:
        spans = pool.map(_write_shard, [folder / name for name in names], files)
        shards: list[Shard] = [{"file": name, "clips": own} for name, own in zip(names, spans, strict=True)]
    write_bytes(folder / INDEX, json.dumps(shards).encode())
    return folder


def _groups(clips: Sequence[dict], numbers: Sequence[int]) -> Iterator[list[int]]:
    group: list[int] = []
    for number in numbers:
        if group and sum(clips[n]["seconds"] for n in group) + clips[number]["seconds"] > _SHARD_S:
            yield group
            group = []
        group.append(number)
    if group:
        yield group


def _write_shard(path: Path, files: Sequence[tuple[int, Path]]) -> list[tuple[int, int, int]]:
    """(number, first sample, samples) of each clip, with a gap between them for what the codec smears."""
    level = 1 - (KBIT - _LEAST_KBIT) / (_MOST_KBIT - _LEAST_KBIT)
    spans, at = [], 0
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, format="OGG", subtype="OPUS", compression_level=level) as file:
        for number, recording in files:
            samples, rate = soundfile.read(recording, dtype="float32", always_2d=True)
            samples = soxr.resample(samples.mean(1), rate, RATE_HZ).astype(np.float32)
            file.write(np.concatenate((samples, np.zeros(_GAP, np.float32))))
            spans.append((number, at, len(samples)))
            at += len(samples) + _GAP
    return spans


def read_pack(work: Path) -> list[Shard]:
    """The shards of ``work``'s pack; raises `BadInput` where there is none."""
    index = work / "pack" / INDEX
    if not index.is_file():
        raise BadInput(f"{work} holds no pack; run recipes/lite/pack.py where the speech is")
    shards: list[Shard] = json.loads(index.read_text())
    return shards


def shard_clips(work: Path, shard: Shard) -> Iterator[tuple[int, np.ndarray, int]]:
    """Number, samples (T,) and rate of each clip of a shard."""
    samples, rate = soundfile.read(work / "pack" / shard["file"], dtype="float32")
    for number, start, length in shard["clips"]:
        yield number, samples[start : start + length], rate


def main() -> None:
    """Write the pack."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--limit-mb", type=float, default=40.0)
    parser.add_argument("--turn", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    folder = write_pack(options.speech, options.work, options.limit_mb, options.turn, options.processes)
    size = sum(file.stat().st_size for file in folder.iterdir())
    count = sum(len(shard["clips"]) for shard in read_pack(options.work))
    print(f"{count} clips, {size / 1e6:.1f} MB in {folder}")


if __name__ == "__main__":
    main()
