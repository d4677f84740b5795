"""PocketSphinx's decoder, here or in a process of its own, which imports this and no nets: a second instead of many."""

from __future__ import annotations

import os
import re
import signal
import threading
import time

try:
    import pocketsphinx
except ImportError:  # the engine extra is not installed; the table of recognisers says so
    pocketsphinx = None

FRAMES_PER_S = 100
_WATCH_S = 1.0
_ALTERNATIVE = re.compile(r"\(\d+\)$")
"""Marks the second and later pronunciations of a word, as in ``the(2)``."""

HeardWord = tuple[str, int, int, float]
"""A word, its first frame, the frame after its last, how sure the decoder is."""


class Decoder:
    """A decoder with the American English model of its wheel."""

    def __init__(self) -> None:
        self._decoder = pocketsphinx.Decoder(loglevel="FATAL")

    def words(self, sound: bytes | None) -> list[HeardWord]:
        """The words of 16-bit ``sound`` at 16 kHz, without silences and noises; none of None."""
        if sound is None:
            return []
        # Forget the noise of the utterance before, or the same sound would be heard differently the next time.
        self._decoder.reinit_feat()
        # Whole utterances, because the model's level and channel normalisation averages over all of it.
        self._decoder.start_utt()
        self._decoder.process_raw(sound, full_utt=True)
        self._decoder.end_utt()
        if self._decoder.hyp() is None:
            return []
        return [
            (_ALTERNATIVE.sub("", segment.word), segment.start_frame, segment.end_frame + 1, float(segment.prob))
            for segment in self._decoder.seg()
            if segment.word[0] not in "<["
        ]


_here: list[Decoder] = []
"""The decoder of this process, where it is one of a pool."""


def begin(parent: int) -> None:
    """Get a process of a pool ready: it ends with its ``parent``, and interrupts are that one's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _here.append(Decoder())


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


def words_here(sound: bytes | None) -> list[HeardWord]:
    """`Decoder.words` in a process of a pool."""
    return _here[0].words(sound)
