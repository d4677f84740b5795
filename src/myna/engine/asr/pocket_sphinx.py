"""CMU PocketSphinx: weak, but it brings its model in its wheel. American English only."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from myna.audio.io import Audio, to_int16
from myna.engine.asr.heard import Recogniser, Transcript, Wish, Word, mean_confidence, sound_of

try:
    import pocketsphinx
except ImportError:  # the engine extra is not installed; the table says so
    pocketsphinx = None

_FRAMES_PER_S = 100
_CLIPS_PER_PROCESS = 4
_MOST_PROCESSES = 8
_WATCH_S = 1.0
_ALTERNATIVE = re.compile(r"\(\d+\)$")
"""Marks the second and later pronunciations of a word, as in ``the(2)``."""


class PocketSphinx(Recogniser):
    """134,000 words, a trigram language model; clips are spread over processes, since one decoder uses one processor.

    Its default options stand: more Gaussians, no phone look-ahead and another weight of the language model were tried,
    and made no or more errors for more time. Words are lower case, without punctuation.
    """

    def __init__(self, wish: Wish) -> None:
        self._processes = min(wish.processes or len(os.sched_getaffinity(0)), _MOST_PROCESSES)
        self.at_once = self._processes * _CLIPS_PER_PROCESS
        self._decoder = new_decoder()
        self._pool: ProcessPoolExecutor | None = None

    def hear(self, clips: Sequence[Audio]) -> list[Transcript]:
        """As `Recogniser.hear`. A clip or two are heard in this process: another one takes a second to start."""
        sounds = [sound_of(clip) for clip in clips]
        data = [None if sound is None else to_int16(sound).tobytes() for sound in sounds]
        if self._processes == 1 or len(clips) <= 2:
            return [heard(self._decoder, sound) for sound in data]
        if self._pool is None:
            watch = (os.getpid(),)
            self._pool = ProcessPoolExecutor(self._processes, get_context("spawn"), _begin, watch)
        return list(self._pool.map(_heard_here, data))

    def close(self) -> None:
        """End the other processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def new_decoder() -> pocketsphinx.Decoder:
    """A decoder with the model of its wheel."""
    return pocketsphinx.Decoder(loglevel="FATAL")


def heard(decoder: pocketsphinx.Decoder, sound: bytes | None) -> Transcript:
    """What 16-bit ``sound`` at 16 kHz says."""
    if sound is None:
        return Transcript("")
    # Forget the noise of the utterance before, or the same sound would be heard differently the next time.
    decoder.reinit_feat()
    # Whole utterances, because the model's level and channel normalisation averages over all of it.
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
    words = tuple(_words(decoder))
    text = " ".join(word.text for word in words)
    return Transcript(text, words, mean_confidence(words), "en" if words else "")


def _words(decoder: pocketsphinx.Decoder) -> list[Word]:
    """What the decoder holds now, without its silences and noises."""
    if decoder.hyp() is None:
        return []
    return [
        Word(
            text=_ALTERNATIVE.sub("", segment.word),
            start_s=segment.start_frame / _FRAMES_PER_S,
            end_s=(segment.end_frame + 1) / _FRAMES_PER_S,
            confidence=min(1.0, float(segment.prob)),
        )
        for segment in decoder.seg()
        if segment.word[0] not in "<["
    ]


_here: list[pocketsphinx.Decoder] = []
"""The decoder of this process, where it is one of a pool."""


def _begin(parent: int) -> None:
    """Get a process of the pool ready: it ends with the one that wants it, and interrupts are that one's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _here.append(new_decoder())


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


def _heard_here(sound: bytes | None) -> Transcript:
    return heard(_here[0], sound)
