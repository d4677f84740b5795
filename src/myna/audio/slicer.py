"""Cuts recordings at their pauses, where the official slicer cuts them.

Silence is judged by RMS frames, one per ``hop_size``. A pause is cut when it is long enough and the last cut is far
enough away; the cut lies on the quietest frame, and of a long pause the middle is thrown away. Rules: audio-slicer by
openvpi as GPT-SoVITS carries it, observed from outside. Not kept are its crash on inputs of a few hundred samples, its
division by a silent clip's peak, its dividing a loud clip twice, and its wrap-around above full scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np

from myna.audio.io import DEFAULT_LIMITS, Audio, DecodeLimits, decode, write_wav
from myna.audio.loudness import check_level, level_mix, peak, truncated_int16
from myna.core.errors import BadInput, MynaError, NotFound
from myna.core.progress import Progress, silent

CLIP_RATE_HZ = 32000
"""Clips are stored at this rate, and their names count its samples."""

_MAX_MS = 3_600_000
_BATCH_FRAMES = 4096
_NOTHING = 1e-7  # under the last bit of 24: a resampler's echo of past sound must not move a cut in digital silence


@dataclass(frozen=True)
class SliceSettings:
    """How to cut; the official names and defaults, lengths in ms.

    Attributes:
        threshold: RMS in dB of full scale below which a frame is silent.
        min_length: a cut needs at least this much since the last cut.
        min_interval: the shortest pause that is cut.
        hop_size: step of the RMS frames, thus the precision of a cut.
        max_sil_kept: silence kept on each side of a cut.
        max_length: longer clips are cut at their quietest point; 0 means never, as the official slicer does.
        top: peak of the normalised share (official ``_max``).
        share: how much of the sound is normalised (official ``alpha``).

    Raises:
        BadInput: values that contradict each other.
    """

    threshold: float = -34.0
    min_length: int = 4000
    min_interval: int = 300
    hop_size: int = 10
    max_sil_kept: int = 500
    max_length: int = 0
    top: float = 0.9
    share: float = 0.25

    def __post_init__(self) -> None:
        if not -120.0 <= self.threshold < 0.0:
            raise BadInput(f"threshold is {self.threshold:g} dB; it must be between -120 and 0, such as -34")
        if not 1 <= self.hop_size <= self.min_interval <= self.min_length <= _MAX_MS:
            raise BadInput(
                f"hop_size {self.hop_size}, min_interval {self.min_interval} and min_length {self.min_length} ms "
                f"do not fit: 1 <= hop_size <= min_interval <= min_length <= {_MAX_MS} must hold"
            )
        if not self.hop_size <= self.max_sil_kept <= _MAX_MS:
            raise BadInput(
                f"max_sil_kept is {self.max_sil_kept} ms; it must be between hop_size ({self.hop_size}) and {_MAX_MS}"
            )
        if self.max_length and not max(self.min_length, 2 * self.hop_size) <= self.max_length <= _MAX_MS:
            raise BadInput(
                f"max_length is {self.max_length} ms; it must be 0 (no maximum) or between min_length "
                f"({self.min_length}), two hops and {_MAX_MS}"
            )
        check_level(self.top, self.share)


@dataclass(frozen=True)
class SliceReport:
    """What came of a folder: the clips in order, and why a file gave none (file, one-line reason)."""

    clips: list[Path] = field(default_factory=list)
    failures: list[tuple[Path, str]] = field(default_factory=list)


def slice_bounds(samples: np.ndarray, sample_rate: int, settings: SliceSettings) -> list[tuple[int, int]]:
    """Where the clips of ``samples`` ``(T,)`` begin and end, in samples.

    Ends are multiples of the hop and may pass the end of the sound by up to one hop; file names keep them so.
    """
    if not len(samples):
        return []
    frames = _Frames(settings, sample_rate)
    levels = frames.levels(samples)
    spans = _between(_silences(levels, frames), len(levels))
    if frames.max_length:
        spans = [piece for span in spans for piece in _shortened(levels, span, frames.max_length)]
    bounds = [(start * frames.hop, end * frames.hop) for start, end in spans]
    return [(start, end) for start, end in bounds if start < min(end, len(samples))]


def slice_file(
    path: Path, folder: Path, settings: SliceSettings, *, limits: DecodeLimits = DEFAULT_LIMITS
) -> list[Path]:
    """Cut one recording into ``folder`` as ``<name>_<start>_<end>.wav`` (32 kHz int16 mono); the clips in order.

    Raises:
        BadAudio, LimitExceeded, NotFound: the recording cannot be decoded, see `decode`.
        WorkspaceError: a clip cannot be written.
    """
    sound = decode(path, CLIP_RATE_HZ, limits=limits)
    return [clip for clip, _ in _written(sound, path.name, folder, settings)]


def slice_all(
    source: Path,
    folder: Path,
    settings: SliceSettings,
    progress: Progress = silent,
    *,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> SliceReport:
    """Cut a recording, or every entry of a folder in the order of names; a file that fails is reported, not fatal.

    Raises:
        NotFound: no such file or folder.
        WorkspaceError: a clip cannot be written (this ends the work: the next clip could not be written either).
    """
    files = [source] if source.is_file() else _entries(source)
    report = SliceReport()
    for number, file in enumerate(files):
        progress(number / len(files), f"slicing {file.name}")
        try:
            sound = decode(file, CLIP_RATE_HZ, limits=limits)
        except MynaError as error:
            report.failures.append((file, str(error)))
            continue
        for clip, done in _written(sound, file.name, folder, settings):
            progress((number + done) / len(files), f"wrote {clip.name}")
            report.clips.append(clip)
    progress(1.0, f"{len(report.clips)} clips")
    return report


def clip_samples(sound: np.ndarray, settings: SliceSettings) -> np.ndarray:
    """One clip as stored: levelled, int16 ``(T,)``."""
    loudest = peak(sound)
    return truncated_int16(level_mix(sound / max(loudest, 1.0), settings.top, settings.share), 32767)


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise NotFound(f"there is no file or folder {folder}; give a recording or a folder of recordings")
    # Dot files are half-written or bookkeeping of the desktop, never recordings.
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _written(sound: Audio, name: str, folder: Path, settings: SliceSettings) -> Iterator[tuple[Path, float]]:
    """Write the clips one by one; each with the share of them that is done."""
    bounds = slice_bounds(sound.samples, sound.sample_rate, settings)
    for number, (start, end) in enumerate(bounds, 1):
        clip = folder / f"{name}_{start:010d}_{end:010d}.wav"
        write_wav(clip, clip_samples(sound.samples[start:end], settings), sound.sample_rate)
        yield clip, number / len(bounds)


class _Frames:
    """The settings counted in RMS frames of one sample rate."""

    def __init__(self, settings: SliceSettings, sample_rate: int) -> None:
        self.hop = max(1, round(sample_rate * settings.hop_size / 1000))
        self.window = max(1, min(round(sample_rate * settings.min_interval / 1000), 4 * self.hop))
        self.threshold = 10 ** (settings.threshold / 20)
        self.min_length = self._count(sample_rate, settings.min_length)
        self.min_interval = self._count(sample_rate, settings.min_interval)
        self.max_sil_kept = self._count(sample_rate, settings.max_sil_kept)
        self.max_length = self._count(sample_rate, settings.max_length)

    def _count(self, sample_rate: int, milliseconds: int) -> int:
        return round(sample_rate * milliseconds / 1000 / self.hop)

    def levels(self, samples: np.ndarray) -> np.ndarray:
        """RMS ``(F,)`` of windows centred on every hop, the sound padded with zeros on both sides."""
        half = self.window // 2
        num_frames = (len(samples) + 2 * half - self.window) // self.hop + 1
        # In batches, because overlapping windows of an hour would take four times the hour's memory.
        starts = range(0, num_frames, _BATCH_FRAMES)
        levels = np.concatenate([self._batch(samples, at, min(at + _BATCH_FRAMES, num_frames)) for at in starts])
        levels[levels < _NOTHING] = 0.0
        return levels

    def _batch(self, samples: np.ndarray, first: int, end: int) -> np.ndarray:
        begin = first * self.hop - self.window // 2
        stop = (end - 1) * self.hop - self.window // 2 + self.window
        piece = np.pad(samples[max(begin, 0) : stop], (max(-begin, 0), max(stop - len(samples), 0)))
        windows = np.lib.stride_tricks.sliding_window_view(piece, self.window)[:: self.hop]
        return cast(np.ndarray, np.sqrt(np.mean(np.square(windows), axis=1)))


def _silences(levels: np.ndarray, frames: _Frames) -> list[tuple[int, int]]:
    """What is thrown away: (first, end) frames of every cut; equal where a cut is a point."""
    cuts: list[tuple[int, int]] = []
    clip_start = 0
    runs = list(_runs(levels < frames.threshold))
    for start, end in runs:
        if end == len(levels):  # trailing silence ends the last clip and is dropped behind its quietest frame
            if end - start >= frames.min_interval:
                cuts.append((_quietest(levels, start, min(end, start + frames.max_sil_kept)), end + 1))
            break
        is_leading = start == 0 and end > frames.max_sil_kept
        is_pause = end - start >= frames.min_interval and end - clip_start >= frames.min_length
        if is_leading or is_pause:
            cut = _cut(levels, start, end, frames.max_sil_kept)
            cuts.append((0, cut[1]) if start == 0 else cut)
            clip_start = cut[1]
    return cuts


def _cut(levels: np.ndarray, start: int, end: int, kept: int) -> tuple[int, int]:
    """What is dropped of the silence ``start``..``end`` when ``kept`` frames may stay on each side."""
    if end - start <= kept:
        point = _quietest(levels, start, end)
        return point, point
    left = _quietest(levels, start, start + kept)
    right = _quietest(levels, end - kept, end)
    if end - start <= 2 * kept:  # both sides overlap: the quietest frame of the overlap may widen the cut
        point = _quietest(levels, end - kept, start + kept)
        return min(left, point), right if start == 0 else max(right, point)
    return left, right


def _between(cuts: list[tuple[int, int]], num_frames: int) -> list[tuple[int, int]]:
    """The spans that the cuts leave over."""
    edges = [(0, 0), *cuts, (num_frames, num_frames)]
    return [(left[1], right[0]) for left, right in pairwise(edges) if left[1] < right[0]]


def _shortened(levels: np.ndarray, span: tuple[int, int], most: int) -> Iterator[tuple[int, int]]:
    """The span in pieces of at most ``most`` frames, cut where it is quietest; no piece is shorter than a quarter."""
    start, end = span
    while end - start > most:
        cut = _quietest(levels, start + most // 2, min(start + most, end - max(1, most // 4)))
        yield start, cut
        start = cut
    yield start, end


def _quietest(levels: np.ndarray, first: int, last: int) -> int:
    """The frame of the lowest level between ``first`` and ``last``, both included; the first of equals."""
    return first + int(np.argmin(levels[first : last + 1]))


def _runs(flags: np.ndarray) -> Sequence[tuple[int, int]]:
    """(first, end) of every run of True in ``(F,)``."""
    steps = np.diff(flags.astype(np.int8), prepend=0, append=0)
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))
