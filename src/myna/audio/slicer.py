"""Cuts recordings at their pauses, where the official slicer cuts them, into clips with its names.

Silence is judged by RMS frames, one per ``hop_size``; or somebody else says where nobody speaks (`PauseFinder`). A
recording is never held as a whole: its clips are written while it is decoded. Rules: audio-slicer by openvpi as
GPT-SoVITS carries it, observed from outside. Not kept are its crash on inputs of a few hundred samples, its division by
a silent clip's peak, its dividing a loud clip twice, and its wrap-around above full scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from myna.audio.clip_writing import CLIP_RATE_HZ as CLIP_RATE_HZ
from myna.audio.clip_writing import ClipWriter
from myna.audio.cutting import Cutter, FrameCounts, LevelMeter, Span
from myna.audio.io import DecodeLimits, decode_blocks
from myna.audio.slice_settings import SliceSettings as SliceSettings
from myna.audio.tape import Tape
from myna.core.errors import CallerError
from myna.core.progress import Progress, silent

SLICE_LIMITS = DecodeLimits(max_bytes=1 << 40, max_seconds=48 * 3600.0)
"""Length costs no memory here, so two days may be cut."""

_BLOCK_SAMPLES = 65536


class PauseFinder(Protocol):
    """Says frame by frame where nobody speaks, in sound of `CLIP_RATE_HZ`."""

    def feed(self, block: np.ndarray) -> np.ndarray:
        """True ``(F,)`` for each further frame that is a pause, as far as ``block`` ``(t,)`` tells."""

    def finish(self) -> np.ndarray:
        """The same for the frames that only the end of the sound decides; what is left out is a pause."""


def slice_bounds(samples: np.ndarray, sample_rate: int, settings: SliceSettings) -> list[tuple[int, int]]:
    """Where the clips of ``samples`` ``(T,)`` begin and end, in samples.

    Ends are multiples of the hop and may pass the end of the sound by up to one hop; file names keep them so.
    """
    if not len(samples):
        return []
    counts = settings.in_frames(sample_rate)
    frames = _Frames(counts, settings, None)
    blocks = (samples[at : at + _BLOCK_SAMPLES] for at in range(0, len(samples), _BLOCK_SAMPLES))
    spans = [span for block in blocks for span in frames.feed(block)] + list(frames.finish())
    bounds = [(start * counts.hop, end * counts.hop) for start, end in spans]
    return [(start, end) for start, end in bounds if start < min(end, len(samples))]


def slice_blocks(
    blocks: Iterable[np.ndarray], name: str, folder: Path, settings: SliceSettings, pauses: PauseFinder | None = None
) -> Iterator[Path]:
    """Cut a recording that comes in ``blocks`` ``(t,)`` at `CLIP_RATE_HZ` into ``folder``; the clips in order.

    ``name`` is what its clips are called after, ``<name>_<start>_<end>.wav`` (int16 mono). What has to wait for
    the next cut waits in memory, and in a nameless file in ``folder`` where that would be more than a few minutes.
    A recording that turns out to be damaged leaves no clip behind.

    Raises:
        CallerError: what ``blocks`` raise.
        WorkspaceError: a clip cannot be written.
    """
    counts = settings.in_frames(CLIP_RATE_HZ)
    frames = _Frames(counts, settings, pauses)
    with Tape(folder) as tape, ClipWriter(name, folder, settings) as writer:
        try:
            for block in blocks:
                tape.append(block)
                for start, end in frames.feed(block):
                    yield from writer.write(tape, start * counts.hop, end * counts.hop)
                tape.forget(frames.cutter.needed_from * counts.hop)
            for start, end in frames.finish():
                yield from writer.write(tape, start * counts.hop, end * counts.hop)
            yield from writer.rest()
        except CallerError:
            writer.remove_all()
            raise


def slice_file(
    path: Path,
    folder: Path,
    settings: SliceSettings,
    *,
    limits: DecodeLimits = SLICE_LIMITS,
    pauses: PauseFinder | None = None,
    ahead: bool = False,
    progress: Progress = silent,
) -> Iterator[Path]:
    """Cut one recording into ``folder``, see `slice_blocks`; the clips as they are written.

    Raises:
        BadAudio, LimitExceeded, NotFound: the recording cannot be decoded, see `decode_blocks`.
        WorkspaceError: a clip cannot be written.
    """
    blocks = decode_blocks(path, CLIP_RATE_HZ, limits=limits, ahead=ahead, checks_packets=False, progress=progress)
    return slice_blocks(blocks, path.name, folder, settings, pauses)


class _Frames:
    """Sound in, spans of frames out: measures, listens and cuts."""

    def __init__(self, counts: FrameCounts, settings: SliceSettings, pauses: PauseFinder | None) -> None:
        self.cutter = Cutter(counts)
        self._meter = LevelMeter(counts)
        self._threshold = 10 ** (settings.threshold / 20)
        self._pauses = pauses
        self._levels = np.zeros(0, np.float32)
        self._silent = np.zeros(0, bool)

    def feed(self, block: np.ndarray) -> Iterator[Span]:
        """The clips that are certain with this ``block`` ``(t,)``."""
        levels = self._meter.feed(block)
        if self._pauses is None:
            return self.cutter.feed(levels, levels < self._threshold)
        return self._feed(levels, self._pauses.feed(block))

    def finish(self) -> Iterator[Span]:
        """The clips up to the end of the sound."""
        levels = self._meter.finish()
        if self._pauses is None:
            yield from self.cutter.feed(levels, levels < self._threshold)
        else:
            last = self._pauses.finish()
            missing = len(self._levels) + len(levels) - len(self._silent) - len(last)
            yield from self._feed(levels, np.concatenate((last, np.ones(max(0, missing), bool))))
        yield from self.cutter.finish()

    def _feed(self, levels: np.ndarray, silent: np.ndarray) -> Iterator[Span]:
        """Feed what both are known of."""
        self._levels = np.concatenate((self._levels, levels))
        self._silent = np.concatenate((self._silent, silent))
        known = min(len(self._levels), len(self._silent))
        levels, self._levels = np.split(self._levels, [known])
        silent, self._silent = np.split(self._silent, [known])
        return self.cutter.feed(levels, silent)
