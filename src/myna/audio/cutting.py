"""Where the official slicer cuts, found while the sound goes by: nothing is looked at again once it is decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from myna.audio.tape import Tape

Span = tuple[int, int]
"""First frame and end frame of a clip."""

_BATCH_FRAMES = 256
_MOST_LEVELS = 1 << 40  # they are few: none goes to disk
_NOTHING = 1e-7  # under the last bit of 24: a resampler's echo of past sound must not move a cut in digital silence


@dataclass(frozen=True)
class FrameCounts:
    """The settings of a slicer, counted in frames of ``hop`` samples; ``window`` is what a frame hears, in samples.

    ``max_length`` 0 means that clips may have any length.
    """

    hop: int
    window: int
    min_length: int
    min_interval: int
    max_sil_kept: int
    max_length: int


class LevelMeter:
    """RMS of windows centred on every hop, of a sound in blocks, padded with zeros on both sides."""

    def __init__(self, counts: FrameCounts) -> None:
        self._hop, self._window = counts.hop, counts.window
        self._half = counts.window // 2
        self._rest = np.zeros(self._half, np.float32)

    def feed(self, block: np.ndarray) -> np.ndarray:
        """The levels ``(F,)`` that this ``block`` ``(t,)`` completes."""
        sound = np.concatenate((self._rest, block))
        num_frames = max(0, (len(sound) - self._window) // self._hop + 1)
        self._rest = sound[num_frames * self._hop :]
        # In batches, which stay in the cache: every sample is read once for each of four windows.
        starts = range(0, num_frames, _BATCH_FRAMES)
        levels = [self._batch(sound, at, min(at + _BATCH_FRAMES, num_frames)) for at in starts]
        return np.concatenate(levels) if levels else np.zeros(0, np.float32)

    def finish(self) -> np.ndarray:
        """The levels that the padding behind the sound completes."""
        return self.feed(np.zeros(self._half, np.float32))

    def _batch(self, sound: np.ndarray, first: int, end: int) -> np.ndarray:
        squares = np.square(sound[first * self._hop : (end - 1) * self._hop + self._window])
        windows = np.lib.stride_tricks.sliding_window_view(squares, self._window)[:: self._hop]
        levels = np.sqrt(np.mean(windows, axis=1))
        levels[levels < _NOTHING] = 0.0
        return cast(np.ndarray, levels)


class Cutter:
    """Takes levels and what is silent, frame by frame, and gives the clips between the cuts.

    A pause is cut when it is long enough and the last cut far enough away; the cut lies on the quietest frame, and of
    a long pause the middle is thrown away.
    """

    def __init__(self, counts: FrameCounts) -> None:
        self._counts = counts
        self._levels = Tape(most=_MOST_LEVELS)
        self._after_cut = 0  # where the last cut ends
        self._silence: int | None = None  # where the pause begins that is going on
        self._is_cut = False  # whether that pause is sure to be cut, and the clips before it are out
        self.needed_from = 0
        """The first frame that may still be part of a clip."""

    def feed(self, levels: np.ndarray, is_silent: np.ndarray) -> Iterator[Span]:
        """The clips that are certain with these further frames: ``levels`` and ``is_silent``, both ``(F,)``."""
        first = self._levels.end
        self._levels.append(levels)
        turns = np.flatnonzero(np.diff(is_silent, prepend=self._silence is not None))
        for frame in (turns + first).tolist():
            if self._silence is None:
                self._silence = frame
            else:
                yield from self._end_of_pause(self._silence, frame)
                self._silence, self._is_cut = None, False
        yield from self._full_pieces()
        if self._silence is not None:
            yield from self._long_pause(self._silence)
        heard = self.needed_from if self._counts.max_length or self._is_cut else self._levels.end
        self._levels.forget(heard if self._silence is None or self._is_cut else min(heard, self._silence))

    def finish(self) -> Iterator[Span]:
        """The clips up to the end of the sound: silence there, if it is a pause, goes behind its quietest frame."""
        end = self._levels.end
        if self._is_cut:
            return
        if self._silence is not None and end - self._silence >= self._counts.min_interval:
            quietest = self._quietest(self._silence, min(end, self._silence + self._counts.max_sil_kept))
            yield from self._clips(quietest, end)
        else:
            yield from self._clips(end, end)

    def _end_of_pause(self, start: int, end: int) -> Iterator[Span]:
        counts = self._counts
        if self._is_cut:
            self._after_cut = self.needed_from = self._quietest(end - counts.max_sil_kept, end)
            return
        is_leading = start == 0 and end > counts.max_sil_kept
        if is_leading or self._is_pause(start, end):
            left, right = self._cut(start, end)
            yield from self._clips(0 if start == 0 else left, right)

    def _is_pause(self, start: int, end: int) -> bool:
        return end - start >= self._counts.min_interval and end - self._after_cut >= self._counts.min_length

    def _long_pause(self, start: int) -> Iterator[Span]:
        """Cut a pause before its end, once nothing can come of it but a cut; its middle need not be remembered."""
        kept, end = self._counts.max_sil_kept, self._levels.end
        if not self._is_cut and start > 0 and end - start > 2 * kept and self._is_pause(start, end):
            yield from self._clips(self._quietest(start, start + kept), end)
            self._is_cut = True
        if self._is_cut:
            self.needed_from = end - kept

    def _cut(self, start: int, end: int) -> tuple[int, int]:
        """What is dropped of the silence ``start``..``end`` when some may stay on each side; a point drops nothing."""
        kept = self._counts.max_sil_kept
        if end - start <= kept:
            point = self._quietest(start, end)
            return point, point
        left = self._quietest(start, start + kept)
        right = self._quietest(end - kept, end)
        if end - start <= 2 * kept:  # both sides overlap: the quietest frame of the overlap may widen the cut
            point = self._quietest(end - kept, start + kept)
            return min(left, point), right if start == 0 else max(right, point)
        return left, right

    def _clips(self, end: int, next_start: int) -> Iterator[Span]:
        """What lies before a cut from ``end`` to ``next_start``, in pieces that are short enough."""
        most = self._counts.max_length
        while most and end - self.needed_from > most:
            yield self._piece(end - max(1, most // 4))
        if self.needed_from < end:
            yield self.needed_from, end
        self._after_cut = self.needed_from = next_start

    def _full_pieces(self) -> Iterator[Span]:
        """Pieces that are as long as they may be, wherever the clip will end."""
        most = self._counts.max_length
        certain = self._levels.end if self._silence is None else self._silence  # no cut can lie before
        while most and certain - self.needed_from >= most + max(1, most // 4):
            yield self._piece(certain)

    def _piece(self, last: int) -> Span:
        """The next piece, cut where it is quietest; no piece is shorter than a quarter of the longest."""
        start, most = self.needed_from, self._counts.max_length
        self.needed_from = self._quietest(start + most // 2, min(start + most, last))
        return start, self.needed_from

    def _quietest(self, first: int, last: int) -> int:
        """The frame of the lowest level between ``first`` and ``last``, both included; the first of equals."""
        return first + int(np.argmin(self._levels.whole(first, last + 1)))
