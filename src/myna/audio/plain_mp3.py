"""MPEG layer III decoded in large blocks by mpg123 (libsndfile), where nothing in the file calls for libav's care.

libav hands out frames of 1152 samples, each of which costs calls of Python that hold the interpreter; here a call
gives some hundred thousand samples and holds nothing, so whoever takes the blocks works beside the decoder. Both give
the same sound to 1e-6 of full scale. What they make of damage differs, hence a look at every frame's header first:
only files whose frames follow each other without a gap, all of one form, each with the bit reservoir it asks for, are
plain.

Sources: ISO/IEC 11172-3, 2.4.1 and 2.4.2 (headers, side information); the Xing/Info tag, which LAME extends by the
encoder's delay and padding.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import soundfile as sf

from myna.audio.container import after_id3

_BLOCK_FRAMES = 1 << 17
_READ_BYTES = 1 << 20
_MOST_FRAME_BYTES = 2881  # 160 kbit/s at 8 kHz, with a padding byte
_DECODER_DELAY = 529
_KBITS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),  # MPEG 1
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),  # MPEG 2
    0: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),  # MPEG 2.5
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


@dataclass(frozen=True)
class PlainMp3:
    """What the headers of a plain file say together; ``num_samples`` is how many a decoder gives, per channel."""

    sample_rate: int
    channels: int
    num_samples: int


@dataclass(frozen=True)
class _Form:
    """What all frames of a file have in common, from the first one's header."""

    version: int
    rate_index: int
    is_mono: bool

    @property
    def samples(self) -> int:
        """Samples of a frame, per channel."""
        return 1152 if self.version == 3 else 576

    @property
    def side_bytes(self) -> int:
        """Bytes of side information, which stand before the main data."""
        if self.version == 3:
            return 17 if self.is_mono else 32
        return 9 if self.is_mono else 17

    @property
    def sample_rate(self) -> int:
        return _RATES_HZ[self.version][self.rate_index]

    def lengths(self) -> list[int]:
        """Bytes of a frame by the third byte of its header; 0 where that byte cannot stand there."""
        slots = self.samples // 8
        return [
            slots * 1000 * _KBITS[self.version][byte >> 4] // self.sample_rate + (byte >> 1 & 1)
            if byte >> 2 & 3 == self.rate_index and _KBITS[self.version][byte >> 4]
            else 0
            for byte in range(256)
        ]


def plain_mp3(stream: BinaryIO) -> PlainMp3 | None:
    """What ``stream`` holds if it is a plain file of layer III, else None; leaves the stream at its start."""
    plain = _by_headers(stream)
    stream.seek(0)
    agreed = plain is not None and _agrees(stream, plain)
    stream.seek(0)
    return plain if agreed else None


def plain_blocks(stream: BinaryIO) -> Iterator[np.ndarray]:
    """The sound of a plain file in blocks, float32 ``(t, channels)``; each is gone when the next one is asked for."""
    with _open(stream) as sound:
        block = np.empty((_BLOCK_FRAMES, sound.channels), np.float32)  # new memory costs as much as the decoding of it
        while len(filled := sound.read(out=block)):
            yield filled


class _Forward(sf.SoundFile):  # type: ignore[misc]
    """Read from its beginning to its end.

    In one that says it can be searched, soundfile seeks to where it is behind each block; mpg123 then decodes some
    frames again, and mutes one where they do not fill its reservoir.
    """

    def seekable(self) -> bool:
        return False


def _open(stream: BinaryIO) -> sf.SoundFile:
    """The file's sound; of a real file libsndfile reads the bytes itself, which saves a call for every kilobyte."""
    stream.seek(0)
    if isinstance(stream, io.BufferedReader):
        return _Forward(stream.fileno(), closefd=False)
    return _Forward(stream)


def _agrees(stream: BinaryIO, plain: PlainMp3) -> bool:
    """Whether mpg123 reads the same headers, and would read to the end: without a tag it guesses where that is."""
    try:
        with _open(stream) as sound:
            form = (sound.samplerate, sound.channels)
            return form == (plain.sample_rate, plain.channels) and sound.frames >= plain.num_samples
    except sf.LibsndfileError:
        return False


def _by_headers(stream: BinaryIO) -> PlainMp3 | None:
    start = after_id3(stream)
    stream.seek(start)
    head = stream.read(_MOST_FRAME_BYTES)
    form = _form(head)
    if form is None:
        return None
    tag = _tag(head, form)
    first = start + (form.lengths()[head[2]] if tag is not None else 0)
    num_frames = _count(stream, first, form)
    num_samples = (num_frames or 0) * form.samples - (tag or 0)
    if num_samples <= 0:
        return None
    return PlainMp3(form.sample_rate, 1 if form.is_mono else 2, num_samples)


def _form(head: bytes) -> _Form | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:  # sync word, layer III
        return None
    version, rate_index = head[1] >> 3 & 3, head[2] >> 2 & 3
    if version not in _KBITS or rate_index == 3:
        return None
    return _Form(version, rate_index, head[3] >> 6 == 3)


def _tag(head: bytes, form: _Form) -> int | None:
    """How many samples the tag in the first frame takes off both ends; None where there is no tag, thus sound."""
    at = 4 + form.side_bytes
    if head[at : at + 4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(head[at + 4 : at + 8], "big")
    lame = at + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    gap = int.from_bytes(head[lame + 21 : lame + 24], "big")
    delay, padding = gap >> 12, gap & 0xFFF
    if not gap:
        return 0
    return delay + _DECODER_DELAY + max(0, padding - _DECODER_DELAY)


def _count(stream: BinaryIO, first: int, form: _Form) -> int | None:
    """How many frames there are from ``first`` to the end or a tag there; None where they are not plain."""
    lengths, second, overhead = form.lengths(), 0xE2 | form.version << 3, 4 + form.side_bytes
    count = held = at = 0
    stream.seek(first)
    data = stream.read(_READ_BYTES)
    while True:
        if len(data) - at < _MOST_FRAME_BYTES:
            data, at = data[at:] + stream.read(_READ_BYTES), 0
        if at + 6 > len(data) or data[at] != 0xFF:
            return count if _ends(data[at:]) else None
        length = lengths[data[at + 2]]
        if data[at + 1] & 0xFE != second or not length or (data[at + 3] >> 6 == 3) != form.is_mono:
            return None
        check = 0 if data[at + 1] & 1 else 2
        side = at + 4 + check
        begin = data[side] << 1 | data[side + 1] >> 7 if form.version == 3 else data[side]
        if begin > held or at + length > len(data):
            return None
        held += length - overhead - check  # more than a frame can ask for, soon
        at += length
        count += 1


def _ends(rest: bytes) -> bool:
    """Whether what is left behind the last frame is nothing, or a tag."""
    return not rest or (rest[:3] == b"TAG" and len(rest) == 128) or rest[:8] == b"APETAGEX"
