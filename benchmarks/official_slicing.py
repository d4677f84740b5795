"""One process of the official way of slicing, as `tools/slice_audio.py` goes about it; `workshop.py` starts it.

    python benchmarks/official_slicing.py SOURCE FOLDER FFMPEG I_PART ALL_PART

A file is decoded as a whole by an ffmpeg process into a pipe (by PyAV in its place where FFMPEG is empty), RMS is taken
of overlapping frames in one array, a loop in Python goes over the frames, a file is written for each clip. The default
parameters. What the official process imports beside that is imported too, where it is installed.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np

IMPORTS = ("ffmpeg", "gradio", "pandas", "scipy.io.wavfile")
CLIP_RATE = 32_000


def official(source: Path, folder: Path, ffmpeg: str, part: int, parts: int) -> None:
    """One process of the official way of slicing, with the default parameters."""
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    for file in files[part::parts]:
        sound = _decoded(file, ffmpeg)
        for start, end in _spans(_levels(sound)):
            clip = sound[start * 320 : end * 320]
            peak = np.abs(clip).max()
            if peak > 1:
                clip = clip / peak
            clip = clip / peak * (0.9 * 0.25) + 0.75 * clip
            with wave.open(f"{folder}/{file.name}_{start * 320:010d}_{end * 320:010d}.wav", "wb") as out:
                out.setnchannels(1)
                out.setsampwidth(2)
                out.setframerate(CLIP_RATE)
                out.writeframes((clip * 32767).astype(np.int16).tobytes())


def _decoded(file: Path, ffmpeg: str) -> np.ndarray:
    """All of a file through a pipe."""
    asked = ["-f", "f32le", "-acodec", "pcm_f32le", "-ac", "1", "-ar", str(CLIP_RATE), "-"]
    command = [ffmpeg, "-nostdin", "-threads", "0", "-i", str(file), *asked]
    if not ffmpeg:
        command = [sys.executable, str(Path(__file__).with_name("workshop.py")), "--decode", str(file)]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.float32).flatten()


def _levels(sound: np.ndarray) -> np.ndarray:
    """RMS of windows of 1280 samples every 320, all windows in one array."""
    padded = np.pad(sound, 640)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 1280)[::320]
    levels: np.ndarray = np.sqrt(np.mean(np.abs(windows) ** 2, axis=1))
    return levels


def _spans(levels: np.ndarray) -> list[tuple[int, int]]:
    """Clips between pauses, by a loop over the frames; simpler than the official rules, and as long."""
    spans, pause, begin = [], None, 0
    for frame, level in enumerate(levels):
        if level < 10 ** (-34 / 20):
            pause = frame if pause is None else pause
        elif pause is not None:
            if frame - pause >= 30 and frame - begin >= 400:
                cut = pause + int(levels[pause:frame].argmin())
                spans.append((begin, cut))
                begin = cut
            pause = None
    return [*spans, (begin, len(levels))]


def imported() -> list[str]:
    """Import what the official process imports; those that are there."""
    there = []
    for name in IMPORTS:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue
        there.append(name)
    return there


def main() -> None:
    """Do the work that the arguments name, or say what there is to import."""
    names = imported()
    if len(sys.argv) == 1:
        print(" ".join(names))
        return
    source, folder, ffmpeg, part, parts = sys.argv[1:]
    official(Path(source), Path(folder), ffmpeg, int(part), int(parts))


if __name__ == "__main__":
    main()
