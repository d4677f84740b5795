"""Plain MP3 files decoded by mpg123 (libsndfile), some thousand frames at a time and several times at once.

libav hands out frames of 1152 samples, each of which costs calls of Python that hold the interpreter; here a call gives
a million samples and holds nothing. Both give the same sound, to 2e-6 of full scale in what the tests make.

A frame reads at most 511 bytes of main data of those before it (the bit reservoir: ``main_data_begin`` has nine bits)
and adds to the overlap of the transform (one granule) and the filter bank's memory (15 of a granule's 18 slots). So a
decoder that is begun with frames that hold 511 bytes, and three more, is where it would be had it decoded everything.
The former are made silent, their main data left where it lies: what they read themselves is not there.

Sources: ISO/IEC 11172-3, 2.4.1.7 and 2.4.3.4; the Xing tag.
"""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import numpy as np
import soundfile as sf

from myna.audio.mixdown import Mixing, mean, pair
from myna.audio.plain_mp3 import FrameForm, PlainMp3
from myna.audio.recording import AudioInfo, Part

_PIECE_FRAMES = 1024
"""27 s at 44.1 kHz: each array that goes from thread to thread costs turns of the interpreter, which cost more than
what smaller ones would gain from the cache."""
_RESERVOIR_BYTES = 511
_STATE_FRAMES = 3
_CHECK_BYTES = 2
_CYCLE_FRAMES = 8
"""After so many frames mpg123's filter bank adds in the same order again, so sums are the same to the last bit."""
_TAG_BITRATES = {3: 9, 2: 8, 0: 8}
"""Index of 128 and 64 kbit/s: a frame of that length holds a tag, whatever the other frames have."""


@dataclass(frozen=True)
class _Piece:
    """Some frames, those that a decoder has to begin with in front; of its sound the last ``num_samples`` count."""

    form: FrameForm
    data: bytearray
    num_frames: int
    num_samples: int


@contextmanager
def opened_by_mpg123(stream: BinaryIO, plain: PlainMp3, is_stereo: bool = False) -> Iterator[Mpg123Decoder]:
    """The decoder of a plain file."""
    yield Mpg123Decoder(stream, plain, pair if is_stereo else mean)


class Mpg123Decoder:
    """A `myna.audio.recording.Decoder` of a plain file."""

    def __init__(self, stream: BinaryIO, plain: PlainMp3, mixing: Mixing) -> None:
        self._stream, self._plain, self._mixing = stream, plain, mixing
        form = plain.form
        seconds = plain.num_samples / form.sample_rate
        self.info = AudioInfo("mp3", "mp3float", form.sample_rate, form.channels, seconds)

    def check_length(self) -> None:
        """The headers were added up: what they say is the length."""

    def parts(self, num_threads: int) -> Iterator[Part]:
        """The recording in order."""
        return (Part(block, 1, False) for block in mp3_blocks(self._stream, self._plain, self._mixing, num_threads))


def mp3_blocks(stream: BinaryIO, plain: PlainMp3, mixing: Mixing, num_threads: int = 0) -> Iterator[np.ndarray]:
    """The sound of a plain file, float32 by ``mixing``, in the same blocks whatever the number of threads.

    Without threads, each piece is decoded when it is asked for.
    """
    end = plain.skip + plain.num_samples
    at = 0
    pieces, sound = _pieces(stream, plain), partial(_sound, mixing)
    for block in _in_threads(sound, pieces, num_threads) if num_threads else map(sound, pieces):
        heard = block[max(plain.skip - at, 0) : max(end - at, 0)]
        at += len(block)
        if len(heard):
            yield heard


def _in_threads(
    sound: Callable[[_Piece], np.ndarray], pieces: Iterator[_Piece], num_threads: int
) -> Iterator[np.ndarray]:
    pending: deque[Future[np.ndarray]] = deque()
    pool = ThreadPoolExecutor(num_threads, thread_name_prefix="mp3")
    try:
        for piece in pieces:
            pending.append(pool.submit(sound, piece))
            if len(pending) > num_threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _pieces(stream: BinaryIO, plain: PlainMp3) -> Iterator[_Piece]:
    for first in range(0, plain.num_frames, _PIECE_FRAMES):
        end, heard = min(first + _PIECE_FRAMES, plain.num_frames), max(0, first - _STATE_FRAMES)
        begin = _reservoir(plain, heard)
        stream.seek(plain.offsets[begin])
        data = bytearray(stream.read(plain.offsets[end] - plain.offsets[begin]))
        for frame in range(begin, heard):
            _silence(data, plain.offsets[frame] - plain.offsets[begin], plain.form)
        yield _Piece(plain.form, data, end - begin, (end - first) * plain.form.samples)


def _reservoir(plain: PlainMp3, frame: int) -> int:
    """The frame with which a decoder has to begin so that ``frame`` finds all that it may read."""
    held = 0
    while frame > 0 and held < _RESERVOIR_BYTES:
        frame -= 1
        held += max(0, plain.offsets[frame + 1] - plain.offsets[frame] - plain.form.overhead - _CHECK_BYTES)
    return frame // _CYCLE_FRAMES * _CYCLE_FRAMES


def _silence(data: bytearray, at: int, form: FrameForm) -> None:
    """Let the frame ``at`` that place say that it is nothing, from as far back as it can: so the main data is kept."""
    side = at + 4 + (0 if data[at + 1] & 1 else _CHECK_BYTES)
    furthest = b"\xff\x80" if form.version == 3 else b"\xff"
    data[side : side + form.side_bytes] = furthest.ljust(form.side_bytes, b"\0")


def _sound(mixing: Mixing, piece: _Piece) -> np.ndarray:
    """A piece, mixed."""
    # The silent frames in front are for mpg123, which mutes the beginning of a file with a tag.
    num_frames = _CYCLE_FRAMES + piece.num_frames
    whole = _frame(piece.form, num_frames) + _CYCLE_FRAMES * _frame(piece.form) + piece.data
    with sf.SoundFile(_file(whole)) as file:
        # At once: between two calls soundfile lets mpg123 seek, which makes it forget.
        sound: np.ndarray = file.read(num_frames * piece.form.samples, "float32", always_2d=True)
    missing = piece.num_samples - len(sound)
    if missing > 0:  # damage inside frames, at which mpg123 gave up: what is behind keeps its place
        sound = np.concatenate((np.zeros((missing, piece.form.channels), np.float32), sound))
    rows = sound[len(sound) - piece.num_samples :].T
    return mixing(list(rows))


def _file(data: bytes | bytearray) -> int | io.BytesIO:
    """``data`` as libsndfile reads it best: from a file, which a call of Python for every frame would not be."""
    if not hasattr(os, "memfd_create"):
        return io.BytesIO(data)
    number = os.memfd_create("mp3")
    os.write(number, data)
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _frame(form: FrameForm, num_following: int = 0) -> bytes:
    """A silent frame, or the tag that says how many follow: without it mpg123 would guess, and stop there."""
    third = _TAG_BITRATES[form.version] << 4 | form.rate_index << 2
    head = bytes((0xFF, 0xE3 | form.version << 3, third, 0xC0 if form.is_mono else 0x00))
    tag = b"Xing" + (1).to_bytes(4, "big") + num_following.to_bytes(4, "big") if num_following else b""
    return (head + bytes(form.side_bytes) + tag).ljust(form.lengths()[third], b"\0")
