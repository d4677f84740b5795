"""How surely the watermark is found, how often where there is none, and what it costs the speech.

    python benchmarks/watermark.py --speech FOLDER [--clips 60] [--unmarked 1000] [--seconds 2 5 10]

FOLDER holds recordings of natural speech, at any depth. Detection is asked of clips of each length, after every
treatment that the mark is meant to survive, and after some that destroy it; false alarms of whole recordings. DNSMOS
where it is installed.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from myna.audio.encode import encode
from myna.audio.io import Audio, decode, resample
from myna.audio.pitch import shifted
from myna.audio.watermark import Marker, find
from myna.core.errors import MynaError
from myna.engine.dnsmos import Dnsmos, dnsmos_file

RATE = 24000
SUFFIXES = (".opus", ".ogg", ".flac", ".wav", ".mp3")
Sound = np.ndarray


def coded(form: str) -> Callable[[Sound], tuple[Sound, int]]:
    """The sound after a codec of `myna.audio.encode`, at its rate there."""

    def treat(sound: Sound) -> tuple[Sound, int]:
        with TemporaryDirectory() as folder:
            file = Path(folder) / f"sound.{form}"
            file.write_bytes(encode(sound, RATE, form))
            audio = decode(file)
        return audio.samples, audio.sample_rate

    return treat


def noisy(snr_db: float) -> Callable[[Sound], tuple[Sound, int]]:
    """White noise so far below the sound."""

    def treat(sound: Sound) -> tuple[Sound, int]:
        level = float(np.sqrt(np.square(sound).mean())) * 10 ** (-snr_db / 20)
        noise = np.random.default_rng(0).normal(size=len(sound)) * level
        return (sound + noise).astype(np.float32), RATE

    return treat


TREATMENTS: dict[str, Callable[[Sound], tuple[Sound, int]]] = {
    "as it is": lambda sound: (sound, RATE),
    "mp3 96 kbit/s": coded("mp3"),
    "Ogg Vorbis": coded("ogg"),
    "Opus 64 kbit/s": coded("opus"),
    "AAC 96 kbit/s": coded("aac"),
    "16 kHz": lambda sound: (resample(sound, RATE, 16000), 16000),
    "8 kHz and back": lambda sound: (resample(resample(sound, RATE, 8000), 8000, RATE), RATE),
    "a tenth as loud": lambda sound: (0.1 * sound, RATE),
    "a fifth cut off the begin": lambda sound: (sound[len(sound) // 5 :], RATE),
    "white noise, 30 dB": noisy(30),
    "white noise, 15 dB": noisy(15),
    "2 % faster": lambda sound: (resample(sound, RATE, round(RATE / 1.02)), RATE),
    "a semitone higher": lambda sound: (shifted(sound, RATE, 1.0), RATE),
}


def recordings(folder: Path) -> Iterator[Sound]:
    """Recordings of all parts of the folder, in an order that mixes them."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    for path in np.random.default_rng(0).permutation(np.array(files, dtype=object)):
        try:
            yield decode(path, RATE).samples
        except MynaError as error:
            print(f"left out: {error}")


def false_alarms(folder: Path, count: int) -> None:
    """How many recordings without a mark are taken for marked ones."""
    found = [find(sound, RATE) for sound in itertools.islice(recordings(folder), count)]
    scores = np.array([one.score for one in found])
    alarms = sum(one.is_marked for one in found)
    seconds = np.mean([one.seconds for one in found])
    print(f"\n{alarms} of {len(found)} unmarked recordings of {seconds:.1f} s on average are taken for marked")
    for level in (0.1, 0.01, 0.001):
        print(f"a chance below {level}: {np.mean([one.chance < level for one in found]):.4f} of them")
    print(f"highest score {scores.max():.2f}; highest probability {max(one.probability for one in found):.4f}")


def detection(folder: Path, count: int, seconds: list[float]) -> None:
    """The share of marked clips that are found, per treatment and length."""
    print("\n| treatment | " + " | ".join(f"{length:g} s" for length in seconds) + " |")
    print("|---" * (len(seconds) + 1) + "|")
    clips: dict[float, list[Sound]] = {}
    for length in seconds:
        size = round(length * RATE)
        long = (sound for sound in recordings(folder) if len(sound) >= size)
        clips[length] = [Marker(RATE).marked(sound)[:size] for sound in itertools.islice(long, count)]
    for name, treat in TREATMENTS.items():
        shares = [np.mean([find(*treat(clip)).is_marked for clip in clips[length]]) for length in seconds]
        print(f"| {name} | " + " | ".join(f"{share:.2f}" for share in shares) + " |", flush=True)


def cost(folder: Path, count: int, models: Path) -> None:
    """What the mark changes: its level below the speech, DNSMOS before and after, and its time."""
    clips = list(itertools.islice(recordings(folder), count))
    began = time.perf_counter()
    marked = [Marker(RATE).marked(clip) for clip in clips]
    spent, length = time.perf_counter() - began, sum(len(clip) for clip in clips) / RATE
    below = [10 * np.log10(np.square(a).sum() / np.square(a - b).sum()) for a, b in zip(clips, marked, strict=True)]
    print(f"\n{np.mean(below):.1f} dB below the speech; marking takes {spent / length:.4f} of the speech's time")
    file = dnsmos_file(models)
    if file is None:
        print("DNSMOS is not installed")
        return
    judge = Dnsmos(file)
    before, after = (judge.opinions([Audio(sound, RATE) for sound in sounds]) for sounds in (clips, marked))
    change = np.array([b.overall - a.overall for a, b in zip(before, after, strict=True)])
    print(f"DNSMOS overall {np.mean([a.overall for a in before]):.3f}, changed by {change.mean():+.4f}")


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--unmarked", type=int, default=1000)
    parser.add_argument("--seconds", type=float, nargs="+", default=[2, 5, 10])
    parser.add_argument("--models", type=Path, default=Path("models"), help="where DNSMOS may lie")
    options = parser.parse_args()
    cost(options.speech, options.clips, options.models)
    detection(options.speech, options.clips, options.seconds)
    false_alarms(options.speech, options.unmarked)


if __name__ == "__main__":
    main()
