"""CMU PocketSphinx: weak, but it brings its model in its wheel. American English only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from myna.audio.io import Audio, to_int16
from myna.core.errors import InstallationError
from myna.engine.asr.heard import Recogniser, Transcript, Wish, Word, mean_confidence, sound_of
from myna.engine.sphinx import FRAMES_PER_S, Decoder, HeardWord, begin, words_here

_CLIPS_PER_PROCESS = 2  # few, because what was heard is kept after each batch
_MOST_PROCESSES = 8


class PocketSphinx(Recogniser):
    """134,000 words, a trigram language model; clips are spread over processes, since one decoder uses one processor.

    Its default options stand: more Gaussians, no phone look-ahead and another weight of the language model were tried,
    and made no or more errors for more time. Words are lower case, without punctuation.
    """

    def __init__(self, wish: Wish) -> None:
        self._processes = min(wish.processes or len(os.sched_getaffinity(0)), _MOST_PROCESSES)
        self.at_once = self._processes * _CLIPS_PER_PROCESS
        self._decoder = Decoder()
        self._pool: ProcessPoolExecutor | None = None

    def hear(self, clips: Sequence[Audio]) -> list[Transcript]:
        """As `Recogniser.hear`. A clip or two are heard in this process: another one takes a second to start."""
        sounds = [sound_of(clip) for clip in clips]
        data = [None if sound is None else to_int16(sound).tobytes() for sound in sounds]
        if self._processes == 1 or len(clips) <= 2:
            return [_transcript(self._decoder.words(sound)) for sound in data]
        if self._pool is None:
            # Not a fork: one of a process with threads may hang.
            self._pool = ProcessPoolExecutor(self._processes, get_context("spawn"), begin, (os.getpid(),))
        try:
            return [_transcript(words) for words in self._pool.map(words_here, data)]
        except BrokenProcessPool:
            raise InstallationError(
                "a process that hears was ended from outside, perhaps for want of memory; run the same command again "
                "with fewer processes"
            ) from None

    def close(self) -> None:
        """End the other processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _transcript(heard: Sequence[HeardWord]) -> Transcript:
    words = tuple(
        Word(text, start / FRAMES_PER_S, end / FRAMES_PER_S, min(1.0, sure)) for text, start, end, sure in heard
    )
    text = " ".join(word.text for word in words)
    return Transcript(text, words, mean_confidence(words), "en" if words else "")
