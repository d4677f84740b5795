"""What a file really is, judged by its bytes: an allow-list of containers, and whether the file is whole.

A file's name is never looked at. Playlists and other containers that name further files (m3u8, concat, DASH, SDP) are
not on the list, so nothing inside a file can make Myna open another one.

Sources: RIFF/WAVE and RF64 (EBU 3306), RFC 3533 (Ogg pages), ISO/IEC 11172-3 and 13818-7 (MPEG frame headers), the
Xing/Info tag, id3.org 2.4.0 (tag size).
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from myna.core.errors import BadAudio, LimitExceeded

READABLE = ("wav", "mp3", "m4a", "aac", "flac", "ogg", "opus", "webm", "mp4")
"""What people may hand in, as they call it."""

MPEG_AUDIO = "mp3,aac"
"""Streams without a magic number: the demuxer scores their frames."""

_HEAD_BYTES = 65536
_PLAYLIST_MARKS = b"#EXTM3U,ffconcat,[playlist],<?xml,<smil,<MPD,<ASX,<asx,v=0,[Reference]".split(b",")
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def size_of(stream: BinaryIO) -> int:
    """Bytes from the start to the end of a seekable stream; leaves it at its start."""
    stream.seek(0, 2)
    size = stream.tell()
    stream.seek(0)
    return size


def identify(stream: BinaryIO) -> str:
    """Names of the libav demuxers (comma-separated) that may read this stream.

    Raises:
        BadAudio: the bytes are none of the containers on the list.
    """
    offset = after_id3(stream)
    stream.seek(offset)
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"fLaC":
        return "flac"
    if head[:4] == b"OggS":
        return "ogg"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[4:8] in _MP4_BOXES:
        return "mov"
    start = head.lstrip(b"\xef\xbb\xbf\r\n\t ")[:64]
    if any(start.startswith(mark) for mark in _PLAYLIST_MARKS):
        raise BadAudio(f"this is a playlist or manifest, not a recording; give the recording itself ({_choices()})")
    if _has_mpeg_frame(head):
        return MPEG_AUDIO
    raise not_opened(MPEG_AUDIO)


def check_whole(stream: BinaryIO, demuxer: str, max_channels: int) -> None:
    """Refuse a file whose own header promises more bytes than it holds, or more channels than ``max_channels``.

    Raises:
        BadAudio: truncated.
        LimitExceeded: too many channels (told here because libav cannot open such a file at all).
    """
    size = size_of(stream)
    if demuxer == "wav":
        _check_wav(stream, size, max_channels)
    elif demuxer == "ogg":
        _check_ogg(stream, size)
    elif demuxer == MPEG_AUDIO:
        _check_mp3(stream, size)
    stream.seek(0)


def truncated(what: str) -> BadAudio:
    """The error for a file that ends too early."""
    return BadAudio(f"the recording is truncated: {what}; copy or export it again, whole")


def too_many_channels(channels: int, limit: int) -> LimitExceeded:
    """The error for a file with more channels than allowed."""
    return LimitExceeded(f"the recording has {channels} channels, at most {limit} are allowed; mix it down to stereo")


def not_opened(demuxer: str) -> BadAudio:
    """The error for a file that its demuxer refused."""
    if demuxer == MPEG_AUDIO:  # only the sync word was seen, which other files have too
        return BadAudio(f"this is not audio that can be read; give one of: {_choices()}")
    return BadAudio(f"the {demuxer} file cannot be opened: its header is damaged or cut off; export it again, whole")


def _choices() -> str:
    return ", ".join(READABLE)


def after_id3(stream: BinaryIO) -> int:
    """Offset of the first byte behind any leading ID3v2 tags."""
    offset = 0
    for _ in range(8):  # several tags in a row happen; a chain of thousands does not
        stream.seek(offset)
        head = stream.read(10)
        if len(head) < 10 or head[:3] != b"ID3":
            break
        size = (head[6] & 127) << 21 | (head[7] & 127) << 14 | (head[8] & 127) << 7 | head[9] & 127
        offset += 10 + size
    return offset


def _has_mpeg_frame(head: bytes) -> bool:
    """True where an MPEG audio or ADTS sync word stands in the head; the demuxer then judges the frames."""
    position = head.find(b"\xff")
    while 0 <= position < len(head) - 1:
        if head[position + 1] & 0xE0 == 0xE0:
            return True
        position = head.find(b"\xff", position + 1)
    return False


def _check_wav(stream: BinaryIO, size: int, max_channels: int) -> None:
    """Walk the RIFF chunks up to ``data``. Sizes 0 and 0xFFFFFFFF mean "unknown" (a stream written to a pipe)."""
    stream.seek(12)
    while len(head := stream.read(8)) == 8:
        name, length = head[:4], struct.unpack("<I", head[4:])[0]
        here = stream.tell()
        if name == b"fmt ":
            fields = stream.read(4)
            channels = struct.unpack("<H", fields[2:])[0] if len(fields) == 4 else 0
            if channels > max_channels:
                raise too_many_channels(channels, max_channels)
        if name == b"data":
            if length not in (0, 0xFFFFFFFF) and here + length > size:
                raise truncated(f"its header promises {length} bytes of sound, {size - here} are there")
            return
        stream.seek(here + length + (length & 1))
    raise truncated("no sound follows its header")


def _check_ogg(stream: BinaryIO, size: int) -> None:
    """The last page must end where the file ends."""
    window = min(size, 131072)  # a page is at most 65307 bytes
    stream.seek(size - window)
    tail = stream.read(window)
    at = tail.rfind(b"OggS\x00")
    if at < 0:
        raise truncated("its last page has no beginning")
    segments = tail[at + 26] if at + 26 < len(tail) else 255
    lengths = tail[at + 27 : at + 27 + segments]
    if len(lengths) < segments or at + 27 + segments + sum(lengths) > len(tail):
        raise truncated("its last page is cut off")


def _check_mp3(stream: BinaryIO, size: int) -> None:
    """Where a Xing/Info tag tells the number of bytes, they must be there."""
    offset = after_id3(stream)
    stream.seek(offset)
    head = stream.read(4096)
    at = max(head.find(b"Xing", 0, 256), head.find(b"Info", 0, 256))
    if at < 0 or len(head) < at + 16:
        return
    flags = struct.unpack(">I", head[at + 4 : at + 8])[0]
    if not flags & 2:
        return
    field = at + 8 + 4 * (flags & 1)
    promised = struct.unpack(">I", head[field : field + 4])[0]
    # The count may or may not include the tag frame itself, hence the slack of one frame.
    if offset + promised > size + 1500:
        raise truncated(f"its header promises {promised} bytes, {size - offset} are there")
