"""How good separation is and how fast: SI-SDR of speech taken out of made music, before and after.

    python benchmarks/separation.py [FOLDER_WITH_SPEECH] [--model centre] [--models FOLDER] [--clips 4]

SI-SDR (Le Roux et al. 2019) in dB: higher is better. Without a folder, the bundled demo recording is the speech.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from myna.audio.io import decode
from myna.core.assets import bundled
from myna.engine.separation.songs import load_chain, separate_samples
from myna.engine.separation.table import Wish
from myna.testing.music import RATE_HZ, mixed, si_sdr

SECONDS = 12
LEVELS_DB = (-5, 0, 5, 15)


def voices(folder: Path | None, count: int) -> list[np.ndarray]:
    """Pieces of speech of 6 to 12 s at 44.1 kHz."""
    paths = [bundled("demo/recording.flac")] if folder is None else sorted(folder.rglob("*.flac"))
    length = SECONDS * RATE_HZ
    if folder is None:
        sound = decode(paths[0], RATE_HZ).samples
        return [sound[start : start + length] for start in range(0, len(sound) - length // 2, length)][:count]
    step = max(1, len(paths) // count)
    sounds = [decode(path, RATE_HZ).samples for path in paths[::step][:count]]
    return [np.resize(sound, max(min(len(sound), length), length // 2)) for sound in sounds]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--model", default="centre")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clips", type=int, default=4)
    arguments = parser.parse_args()
    stages = load_chain(arguments.model, Wish(arguments.models, arguments.device))
    clips = voices(arguments.folder, arguments.clips)
    started, seconds = time.process_time(), 0.0
    print(f"{arguments.model} on {len(clips)} clips; SI-SDR in dB, before -> after")
    print("| music | the voice is louder by | voice | music taken out |")
    print("| --- | --- | --- | --- |")
    for is_wide in (True, False):
        for level in LEVELS_DB:
            rows = []
            for seed, clip in enumerate(clips):
                voice, music = mixed(clip, level, seed, is_wide=is_wide)
                stems = list(separate_samples(voice + music, RATE_HZ, stages).values())
                mix = voice + music
                rest = mix - stems[0]
                rows.append([si_sdr(voice, mix), si_sdr(voice, stems[0]), si_sdr(music, mix), si_sdr(music, rest)])
                seconds += len(clip) / RATE_HZ
            before, after, music_before, music_after = np.mean(rows, axis=0)
            name = "stereo" if is_wide else "mono"
            print(f"| {name} | {level} dB | {before:.1f} -> {after:.1f} | {music_before:.1f} -> {music_after:.1f} |")
    print(f"processor time per second of sound: {(time.process_time() - started) / seconds:.3f} s")


if __name__ == "__main__":
    main()
