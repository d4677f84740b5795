"""How good the denoisers are: SI-SDR of clean speech mixed with five noises, before and after.

    python benchmarks/denoise.py FOLDER_WITH_CLEAN_FLAC_OR_WAV [--engine rnnoise] [--clips 6]

SI-SDR (Le Roux et al. 2019) in dB: higher is better. "none" is the clean recording itself: what the denoiser does to
speech that needed no help.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from myna.audio.io import Audio, decode
from myna.engine.clean.table import ENGINES, denoiser

SAMPLE_RATE = 24_000
LEVELS_DB = (0, 5, 10, 20)


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio of ``estimate`` (T,) in dB."""
    reference, estimate = reference - reference.mean(), estimate - estimate.mean()
    target = reference * (estimate @ reference) / (reference @ reference)
    rest = estimate - target
    return float(10 * np.log10((target @ target) / max(rest @ rest, 1e-20)))


def coloured(length: int, exponent: float, seed: int) -> np.ndarray:
    """Noise whose power falls with frequency to the power of ``exponent``."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    frequency = np.maximum(np.arange(len(spectrum)), 20 * length / SAMPLE_RATE)
    noise: np.ndarray = np.fft.irfft(spectrum / frequency ** (exponent / 2), length)
    return noise


def hum(length: int, seed: int) -> np.ndarray:
    """Mains hum of 50 Hz and its harmonics over a little hiss."""
    moments = np.arange(length) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * 50 * k * moments + k) / k for k in range(1, 12))
    noise: np.ndarray = tones / np.std(tones) + 0.3 * np.random.default_rng(seed).standard_normal(length)
    return noise


def noises(voices: list[np.ndarray]) -> dict[str, Callable[[int, int], np.ndarray]]:
    """Noise makers by name: (samples, seed) to noise (T,)."""

    def babble(length: int, seed: int) -> np.ndarray:
        choice = np.random.default_rng(seed)
        shifted = [np.roll(np.resize(voice, length), choice.integers(length)) for voice in voices]
        mixed: np.ndarray = np.sum([voice / np.std(voice) for voice in shifted], axis=0)
        return mixed

    return {
        "white": lambda length, seed: coloured(length, 0.0, seed),
        "pink": lambda length, seed: coloured(length, 1.0, seed),
        "fan": lambda length, seed: coloured(length, 2.0, seed),
        "hum": hum,
        "babble": babble,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", choices=list(ENGINES), default="rnnoise")
    parser.add_argument("--clips", type=int, default=6)
    arguments = parser.parse_args()
    paths = sorted(path for path in arguments.folder.rglob("*") if path.suffix in {".flac", ".wav"})
    voices = [decode(path, SAMPLE_RATE).samples for path in paths]
    step = max(1, len(voices) // arguments.clips)
    clips, others = voices[::step][: arguments.clips], voices[1::step][:6]
    engine = denoiser(arguments.engine)
    started, seconds = time.process_time(), 0.0

    print(f"{arguments.engine} on {len(clips)} clips; SI-SDR in dB, after (before)")
    print("noise   " + "".join(f"{level:>4} dB SNR     " for level in LEVELS_DB))
    for name, make in noises(others).items():
        cells = []
        for level in LEVELS_DB:
            before, after = [], []
            for seed, clip in enumerate(clips):
                noise = make(len(clip), seed)
                mixed = clip + noise * (np.std(clip) / np.std(noise) * 10 ** (-level / 20))
                before.append(si_sdr(clip, mixed))
                after.append(si_sdr(clip, engine.clean_all([Audio(mixed.astype(np.float32), SAMPLE_RATE)])[0]))
                seconds += len(clip) / SAMPLE_RATE
            cells.append(f"{np.mean(after):6.1f} ({np.mean(before):4.1f})")
        print(f"{name:<8}" + "  ".join(cells))
    untouched = [si_sdr(clip, engine.clean_all([Audio(clip, SAMPLE_RATE)])[0]) for clip in clips]
    print(f"none    {np.mean(untouched):6.1f}")
    print(f"processor time per second of sound: {(time.process_time() - started) / seconds:.3f} s")


if __name__ == "__main__":
    main()
