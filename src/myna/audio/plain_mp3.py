"""Which MP3 files are plain: all their frames of one form, one behind the other, each with the bytes it asks for.

Those may be decoded by mpg123 (`mp3_pieces`), which gives what libav gives; what both make of damage differs. So every
frame's header is looked at.

Sources: ISO/IEC 11172-3, 2.4.1 and 2.4.2 (headers, side information); the Xing/Info tag, which LAME extends by the
encoder's delay and padding.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from typing import BinaryIO

from myna.audio.container import after_id3

_READ_BYTES = 1 << 20
_MOST_FRAME_BYTES = 2881  # 160 kbit/s at 8 kHz, with a padding byte
_DECODER_DELAY = 529
_HEAD = struct.Struct(">IHH")
"""A header, the first two bytes of the side information, and the same where a checksum stands in between."""
_KBITS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),  # MPEG 1
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),  # MPEG 2
    0: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),  # MPEG 2.5
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


@dataclass(frozen=True)
class FrameForm:
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
        """In Hz."""
        return _RATES_HZ[self.version][self.rate_index]

    @property
    def channels(self) -> int:
        """One or two."""
        return 1 if self.is_mono else 2

    @property
    def overhead(self) -> int:
        """Bytes of a frame that are never main data: header and side information."""
        return 4 + self.side_bytes

    def lengths(self) -> list[int]:
        """Bytes of a frame by the third byte of its header; 0 where that byte cannot stand there."""
        slots = self.samples // 8
        return [
            slots * 1000 * _KBITS[self.version][byte >> 4] // self.sample_rate + (byte >> 1 & 1)
            if byte >> 2 & 3 == self.rate_index and _KBITS[self.version][byte >> 4]
            else 0
            for byte in range(256)
        ]


@dataclass(frozen=True)
class PlainMp3:
    """A plain file: where each frame begins, and the last one ends, in bytes.

    ``skip`` and ``trim`` are the samples of its sound, per channel, that the encoder put in front and behind.
    """

    form: FrameForm
    offsets: array[int]
    skip: int
    trim: int

    @property
    def num_frames(self) -> int:
        """How many frames of sound there are."""
        return len(self.offsets) - 1

    @property
    def num_samples(self) -> int:
        """How long the sound is, per channel."""
        return self.num_frames * self.form.samples - self.skip - self.trim


def plain_mp3(stream: BinaryIO) -> PlainMp3 | None:
    """What ``stream`` holds if it is a plain file of layer III, else None; leaves the stream at its start."""
    start = after_id3(stream)
    stream.seek(start)
    head = stream.read(_MOST_FRAME_BYTES)
    form = _form(head)
    plain = None if form is None else _plain(stream, start, head, form)
    stream.seek(0)
    return plain if plain is not None and plain.num_samples > 0 else None


def _plain(stream: BinaryIO, start: int, head: bytes, form: FrameForm) -> PlainMp3 | None:
    tag = _tag(head, form)
    offsets = _offsets(stream, start + (form.lengths()[head[2]] if tag is not None else 0), form)
    return None if offsets is None else PlainMp3(form, offsets, *(tag or (0, 0)))


def _form(head: bytes) -> FrameForm | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:  # sync word, layer III
        return None
    version, rate_index = head[1] >> 3 & 3, head[2] >> 2 & 3
    if version not in _KBITS or rate_index == 3:
        return None
    return FrameForm(version, rate_index, head[3] >> 6 == 3)


def _tag(head: bytes, form: FrameForm) -> tuple[int, int] | None:
    """How many samples the tag in the first frame takes off each end; None where there is no tag, thus sound."""
    at = form.overhead
    if head[at : at + 4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(head[at + 4 : at + 8], "big")
    lame = at + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    gap = int.from_bytes(head[lame + 21 : lame + 24], "big")
    delay, padding = gap >> 12, gap & 0xFFF
    return (delay + _DECODER_DELAY, max(0, padding - _DECODER_DELAY)) if gap else (0, 0)


def _offsets(stream: BinaryIO, first: int, form: FrameForm) -> array[int] | None:
    """Where the frames lie from ``first`` to the end or a tag there; None where they are not plain."""
    kinds: dict[int, tuple[int, int, bool] | None] = {}  # by the header: a file has few different ones
    shift = 7 if form.version == 3 else 8
    offsets, held, at, base, size, enough = array("Q"), 0, 0, first, 0, 0
    stream.seek(first)
    data, read = b"", _HEAD.unpack_from
    while True:
        if at >= enough:
            data, base, at = data[at:] + stream.read(_READ_BYTES), base + at, 0
            size, enough = len(data), len(data) - _MOST_FRAME_BYTES
        offsets.append(base + at)
        if at + _HEAD.size > size or data[at] != 0xFF:
            return offsets if _ends(data[at:]) else None
        header, side, side_behind_check = read(data, at)
        kind = kinds.get(header) or kinds.setdefault(header, _kind(header, form))
        if kind is None:
            return None
        length, room, has_check = kind
        if (side_behind_check if has_check else side) >> shift > held or at + length > size:
            return None
        held += room  # more than a frame can ask for, soon
        at += length


def _kind(header: int, form: FrameForm) -> tuple[int, int, bool] | None:
    """Of a frame with this ``header``: its bytes, those that may hold main data, and whether it has a checksum."""
    length = form.lengths()[header >> 8 & 0xFF]
    has_check = not header >> 16 & 1
    is_one = header >> 17 & 0x7F == 0x71 | form.version << 2 and (header >> 6 & 3 == 3) == form.is_mono
    return (length, length - form.overhead - 2 * has_check, has_check) if length and is_one else None


def _ends(rest: bytes) -> bool:
    """Whether what is left behind the last frame is nothing, or a tag."""
    return not rest or (rest[:3] == b"TAG" and len(rest) == 128) or rest[:8] == b"APETAGEX"
