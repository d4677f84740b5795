"""How quick the data workshop is, beside the official scripts' way of working, in the same run on the same machine.

    python benchmarks/workshop.py [--only slicing] [--rounds 3] [--ffmpeg FFMPEG]
        [--official-python PYTHON]

Both sides are commands in processes of their own, started in turn; told are the medians of wall-clock and processor
seconds, and the ratio. The official way is `official_slicing.py`: one process for each part of a folder. What the
official process imports (gradio, pandas) counts where ``--official-python`` has it, which the first line says.

Recognition is measured against clips one by one: PocketSphinx in one process; Whisper, of the size of "tiny", by the
loop of the official `fasterwhisper_asr.py`. Ours gives the times of words too, which that does not.

    python benchmarks/workshop.py --memory --hours 10

cuts one recording of that many hours and tells the most memory that took.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

RATE = 44_100
CLIP_RATE = 32_000
CHAPTER_S = 600
CHAPTERS = 6
OFFICIAL_PARTS = 4
"""Processes among which the official program shares a folder, if nobody says otherwise."""

_PEAK = (
    "import re, sys; from pathlib import Path; from myna.cli import run_command; code = run_command(sys.argv[1:]); "
    "print('VmHWM', re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]); sys.exit(code)"
)


@dataclass(frozen=True)
class Row:
    """One line of the table; seconds as (wall, processor)."""

    what: str
    ours: tuple[float, float]
    theirs: tuple[float, float]
    clips: int = 0
    sound_s: float = 0.0
    """Of clips: how many there are, and how long together."""

    def __str__(self) -> str:
        ratio = self.theirs[0] / self.ours[0]
        told = (
            f"{self.what:<44} {self.ours[0]:7.1f} ({self.ours[1]:5.1f})  {self.theirs[0]:7.1f} ({self.theirs[1]:5.1f})"
            f"  {ratio:5.1f}"
        )
        if not self.clips:
            return told
        pace = (f"{self.clips / wall:.1f} clips/s, {wall / self.sound_s:.3f} of real time" for wall, _ in self._sides)
        return f"{told}\n    {'; '.join(pace)}"

    @property
    def _sides(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return self.ours, self.theirs


@dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    place: Path
    rounds: int
    ffmpeg: str
    official_python: str


def speech(seconds: int, seed: int) -> np.ndarray:
    """Noise of a voice's band with pauses, int16 (2, T) at 44.1 kHz: what it says does not matter to a slicer."""
    random = np.random.default_rng(seed)
    length = seconds * RATE
    spectrum = np.fft.rfft(random.standard_normal(length))
    hz = np.fft.rfftfreq(length, 1 / RATE)
    sound = np.fft.irfft(np.where((hz > 100) & (hz < 4000), spectrum, 0.02 * spectrum), length)
    at = 0
    while at < length:
        at += round(random.uniform(1.0, 6.0) * RATE)
        pause = round(random.uniform(0.1, 1.0) * RATE)
        sound[at : at + pause] *= 0.003
        at += pause
    left = 0.3 * sound / np.abs(sound).max()
    return (np.stack([left, 0.8 * left]) * 32767).astype(np.int16)


def chapter(path: Path, seed: int) -> Path:
    """Ten minutes of stereo mp3, 128 kbit/s."""
    with av.open(str(path), "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="stereo")
        stream.bit_rate = 128_000
        resampler = av.AudioResampler("s16p", "stereo", RATE, frame_size=1152)
        for minute in range(CHAPTER_S // 60):
            samples = speech(60, 100 * seed + minute)
            frame = av.AudioFrame.from_ndarray(samples, format="s16p", layout="stereo")
            frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), minute * samples.shape[1]
            for piece in resampler.resample(frame):
                container.mux(stream.encode(piece))
        for piece in resampler.resample(None):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def chapters(place: Path) -> Path:
    """A folder with an hour in six files; made once."""
    folder = place / "chapters"
    if not folder.is_dir():
        folder.mkdir()
        for number in range(CHAPTERS):
            chapter(folder / f"chapter {number}.mp3", number)
    return folder


def joined(place: Path, hours: float) -> Path:
    """One file of so many hours: mp3 files in a row are an mp3 file."""
    path = place / f"{hours:g} hours.mp3"
    files = sorted(chapters(place).iterdir())
    if not path.is_file():
        with path.open("wb") as book:
            for number in range(max(1, round(hours * 3600 / CHAPTER_S))):
                book.write(files[number % len(files)].read_bytes())
    return path


def timed(commands: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Wall-clock and processor seconds of commands that run side by side, their children included."""
    os.sync()  # what the other side has left to be written is not this one's work
    before, begun = os.times(), time.perf_counter()
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for command in commands]
    for process in running:
        _, complaint = process.communicate()
        if process.returncode:
            raise SystemExit(f"{process.args} failed: {complaint.decode(errors='replace')}")
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - begun, processor


def raced(
    what: str, rounds: int, ours: Callable[[], Sequence[Sequence[str]]], theirs: Callable[[], Sequence[Sequence[str]]]
) -> Row:
    """Both sides in turn, ``rounds`` times; medians."""
    results: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
    for _ in range(rounds):
        for side, commands in zip(results, (ours, theirs), strict=True):
            side.append(timed(commands()))
    medians = [tuple(statistics.median(values) for values in zip(*side, strict=True)) for side in results]
    return Row(what, *medians)  # type: ignore[arg-type]


def slicing(options: Options) -> list[Row]:
    """An hour in one file, and in six."""
    clips = options.place / "clips"
    shutil.rmtree(clips, ignore_errors=True)

    def fresh() -> str:
        # Nothing is removed meanwhile: for minutes ext4 may look through what was, whenever a file is made.
        clips.mkdir(exist_ok=True)
        return tempfile.mkdtemp(dir=clips)

    def ours(source: Path) -> list[list[str]]:
        return [[sys.executable, "-m", "myna.cli", "audio_slicer", str(source), fresh()]]

    def theirs(source: Path, parts: int) -> list[list[str]]:
        out = fresh()
        script = str(Path(__file__).with_name("official_slicing.py"))
        command = [options.official_python, script, str(source), out, options.ffmpeg]
        return [[*command, str(part), str(parts)] for part in range(parts)]

    book, folder = joined(options.place, 1.0), chapters(options.place)
    rows = [
        raced("slicing: an hour of mp3, one file", options.rounds, lambda: ours(book), lambda: theirs(book, 1)),
        raced(
            f"slicing: an hour of mp3, six files, {OFFICIAL_PARTS} parts",
            options.rounds,
            lambda: ours(folder),
            lambda: theirs(folder, OFFICIAL_PARTS),
        ),
    ]
    shutil.rmtree(clips)
    return rows


def decode_to_pipe(file: Path) -> None:
    """What ffmpeg does, by its libraries: mono float32 at 32 kHz to standard output, over broken packets."""
    with av.open(str(file)) as container:
        resampler = av.AudioResampler("flt", "mono", CLIP_RATE)
        for packet in container.demux(audio=0):
            try:
                frames = packet.decode()
            except av.InvalidDataError:  # where two files were joined
                continue
            for piece in (piece for frame in frames for piece in resampler.resample(frame)):
                sys.stdout.buffer.write(piece.to_ndarray().tobytes())


def memory(options: Options, hours: float) -> None:
    """Cut one long file and tell the most memory the process had."""
    clips = options.place / "clips"
    shutil.rmtree(clips, ignore_errors=True)
    command = [sys.executable, "-c", _PEAK, "audio_slicer", str(joined(options.place, hours)), str(clips)]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    peak = re.search(r"VmHWM (\d+)", done.stdout)
    kilobytes = int(peak[1]) if peak else 0
    number = sum(1 for clip in clips.glob("*.wav"))
    print(f"{hours:g} hours in {time.perf_counter() - begun:.0f} s, {number} clips, at most {kilobytes / 1024:.0f} MB")


def official_side(options: Options) -> str:
    """By what the official side works here."""
    script = str(Path(__file__).with_name("official_slicing.py"))
    said = subprocess.run([options.official_python, script], capture_output=True, text=True, check=True).stdout
    decoder = "ffmpeg" if options.ffmpeg else "PyAV in place of ffmpeg"
    return f"the official way decodes by {decoder} and imports {said.strip() or 'nothing beside'}"


def machine() -> str:
    """The processor, and how many cores this process may use."""
    told = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    return f"{told[1] if told else platform.machine()}, {cores} cores, load {load:.1f} at the start"


def denoising(options: Options) -> list[Row]:
    """A folder of clips by RNNoise and by FRCRN, the side of each a process of `denoising_sides.py`."""
    sides = Path(__file__).with_name("denoising_sides.py")

    def side(engine: str, how: str) -> list[list[str]]:
        return [[sys.executable, str(sides), how, str(options.place), engine]]

    rows = []
    for title, engine in (("RNNoise", "rnnoise"), ("FRCRN", "frcrn")):
        told = subprocess.run(side(engine, "prepare")[0], capture_output=True, text=True, check=True)
        clips, seconds = told.stdout.split()
        what = f"denoising: {clips} clips by {title}"
        found = raced(what, options.rounds, partial(side, engine, "together"), partial(side, engine, "one_by_one"))
        rows.append(replace(found, clips=int(clips), sound_s=float(seconds)))
    return rows


def recognising(options: Options) -> list[Row]:
    """A folder of clips by PocketSphinx and by Whisper, the side of each a process of `hearing_sides.py`."""
    sides = Path(__file__).with_name("hearing_sides.py")
    told = subprocess.run([sys.executable, sides, "prepare", options.place], capture_output=True, text=True, check=True)
    clips, seconds = told.stdout.split()

    def side(engine: str, how: str) -> list[list[str]]:
        return [[sys.executable, str(sides), how, str(options.place), engine]]

    rows = []
    for title, engine in (("PocketSphinx", "pocketsphinx"), ("Whisper", "faster-whisper")):
        what = f"recognising: {clips} clips by {title}"
        found = raced(what, options.rounds, partial(side, engine, "together"), partial(side, engine, "one_by_one"))
        rows.append(replace(found, clips=int(clips), sound_s=float(seconds)))
    return rows


def separating(options: Options) -> list[Row]:
    """A folder of songs by a VR net of the size of HP2, the side of each a process of `separating_sides.py`."""
    sides = Path(__file__).with_name("separating_sides.py")
    told = subprocess.run([sys.executable, sides, "prepare", options.place], capture_output=True, text=True, check=True)
    songs, seconds = told.stdout.split()

    def side(how: str) -> list[list[str]]:
        return [[sys.executable, str(sides), how, str(options.place)]]

    what = f"separating: {songs} songs by HP2"
    found = raced(what, options.rounds, partial(side, "together"), partial(side, "one_by_one"))
    return [replace(found, clips=int(songs), sound_s=float(seconds))]


ROWS: dict[str, Callable[[Options], list[Row]]] = {
    "slicing": slicing,
    "denoising": denoising,
    "recognising": recognising,
    "separating": separating,
}
"""Every part of the workshop that is measured."""


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--decode"]:
        decode_to_pipe(Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(ROWS), help="one part of the workshop")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ffmpeg", default=shutil.which("ffmpeg") or "", help="the ffmpeg program")
    parser.add_argument("--official-python", default=sys.executable, help="the interpreter of the official side")
    parser.add_argument("--memory", action="store_true", help="cut one long file, and tell the memory")
    parser.add_argument("--hours", type=float, default=10.0, help="with --memory: how long")
    parser.add_argument("--keep", type=Path, help="folder for the recordings, kept for the next time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = arguments.keep or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        options = Options(place, arguments.rounds, arguments.ffmpeg, arguments.official_python)
        print(machine())
        if arguments.memory:
            memory(options, arguments.hours)
            return
        print(f"seconds (of processor time), medians of {options.rounds}; {official_side(options)}")
        print(f"{'':<44} {'ours':>15}  {'official way':>15}  ratio")
        for name, rows in ROWS.items():
            if arguments.only in (None, name):
                for row in rows(options):
                    print(row, flush=True)


if __name__ == "__main__":
    main()
