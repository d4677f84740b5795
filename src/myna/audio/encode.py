"""Speech out: a stream of PCM blocks becomes a stream of bytes, in one of seven formats, as early as the format allows.

Which codec stands behind a name:

- ``ogg`` is Ogg Vorbis (libsndfile), what GPT-SoVITS clients get under this name and game engines read; its pages of
  about 4 KiB come out once a second. ``opus`` is Ogg Opus (libopus), ten pages a second, fed the 48 kHz it works at.
- ``flac`` and ``mp3`` heads tell the length only where `encode` writes them; a stream cannot know it.
- ``mp3`` and ``aac`` (ADTS) carry a few hundredths of a second of encoder delay; players of streams do not cut it off.
- ``wav`` streams with the length field "unknown" (0xFFFFFFFF), as pipes do; `encode` writes the true length.
- ``raw`` is int16, little endian, no head.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import soundfile

from myna.audio.io import as_float, resample_blocks, to_int16, wav_header
from myna.core.errors import BadInput, UnknownChoice
from myna.core.workspace import write_bytes

_PIECE_SAMPLES = 16384  # libsndfile's Vorbis encoder keeps a whole write on its stack
_MPEG_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True)
class Format:
    """One way to store sound. ``rates_hz`` are the rates its codec takes; empty means any."""

    name: str
    media_type: str
    muxer: str = ""
    codec: str = ""
    rates_hz: tuple[int, ...] = ()
    bits_per_s: int = 0
    muxer_options: dict[str, str] = field(default_factory=dict)

    def rate_for(self, sample_rate: int) -> int:
        """The rate the codec is fed: the lowest it takes that loses nothing, else its highest."""
        if not self.rates_hz:
            return sample_rate
        return next((rate for rate in self.rates_hz if rate >= sample_rate), self.rates_hz[-1])


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format("wav", "audio/wav"),
        Format("mp3", "audio/mpeg", "mp3", "libmp3lame", _MPEG_RATES_HZ, 96000),
        Format("opus", "audio/ogg", "ogg", "libopus", (48000,), 64000, {"page_duration": "100000"}),
        Format("ogg", "audio/ogg"),
        Format("aac", "audio/aac", "adts", "aac", _MPEG_RATES_HZ, 96000),
        Format("flac", "audio/flac", "flac", "flac"),
        Format("raw", "audio/pcm"),
    )
}


def format_named(name: str) -> Format:
    """The `Format` called ``name``; raises `UnknownChoice`."""
    if name not in FORMATS:
        raise UnknownChoice("audio format", name, FORMATS)
    return FORMATS[name]


def encode_stream(
    chunks: Iterable[np.ndarray],
    sample_rate: int,
    format: str,  # noqa: A002
    out_rate_hz: int | None = None,
) -> Iterator[bytes]:
    """Encode mono blocks, float ``(t,)`` in -1..1 or int16, at ``sample_rate`` Hz; bytes come out as blocks go in.

    ``out_rate_hz`` is the rate of formats that take any (wav, raw, ogg); None: as it is.

    No blocks at all give what stands at the head of such a file. The format's name is judged at the call, not at the
    first byte.

    Raises:
        UnknownChoice: no such format.
        BadInput: a rate that is not above 0, or blocks that are not mono.
        BadAudio: a sample that is not a number.
    """
    return _stream(chunks, sample_rate, format_named(format), _Outlet(), out_rate_hz)


def encode(samples: np.ndarray, sample_rate: int, format: str) -> bytes:  # noqa: A002
    """A whole file at once; like `encode_stream`, except that its head tells its true length."""
    data = b"".join(_stream([samples], sample_rate, format_named(format), _Whole()))
    if format != "wav":
        return data
    head = len(wav_header(sample_rate, None))
    return wav_header(sample_rate, len(data) - head) + data[head:]


def write_audio(path: Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write a file in the format its name ends with (``speech.mp3``); there whole or not at all.

    Raises:
        UnknownChoice: the name ends with no known format.
        WorkspaceError: the folder cannot be written or the disk is full.
    """
    write_bytes(path, encode(samples, sample_rate, path.suffix.lower().lstrip(".")))


def _stream(
    chunks: Iterable[np.ndarray],
    sample_rate: int,
    row: Format,
    outlet: _Outlet | _Whole,
    out_rate_hz: int | None = None,
) -> Iterator[bytes]:
    if sample_rate <= 0:
        raise BadInput(f"cannot encode at {sample_rate} Hz; the rate must be above 0")
    rate = row.rate_for(sample_rate) if row.rates_hz or out_rate_hz is None else out_rate_hz
    blocks = _pieces(chunks, sample_rate, rate)
    if row.codec:
        return _by_libav(blocks, rate, row, outlet)
    if row.name == "ogg":
        return _by_libsndfile(blocks, rate)
    return _plain(blocks, wav_header(rate, None) if row.name == "wav" else b"")


def _pieces(chunks: Iterable[np.ndarray], from_hz: int, to_hz: int) -> Iterator[np.ndarray]:
    """The same sound as int16 pieces of bounded length at the codec's rate."""
    for sound in resample_blocks((_mono(chunk) for chunk in chunks), from_hz, to_hz):
        pcm = to_int16(sound)
        for start in range(0, len(pcm), _PIECE_SAMPLES):
            yield pcm[start : start + _PIECE_SAMPLES]


def _mono(chunk: np.ndarray) -> np.ndarray:
    if chunk.ndim != 1:
        raise BadInput(f"a block of sound must be mono, shape (t,), not {chunk.shape}")
    return as_float(chunk)


def _plain(blocks: Iterator[np.ndarray], head: bytes) -> Iterator[bytes]:
    if head:
        yield head
    for block in blocks:
        yield block.astype("<i2", copy=False).tobytes()


class _Outlet:
    """Where encoders write. It only ever grows, and says so to encoders that would like to seek back."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._taken = 0

    def write(self, data: bytes) -> int:
        self._waiting += data
        return len(data)

    def tell(self) -> int:
        return self._taken + len(self._waiting)

    def take(self) -> bytes:
        """What was written since the last call."""
        data = bytes(self._waiting)
        self._waiting.clear()
        self._taken += len(data)
        return data

    def rest(self) -> bytes:
        """What the encoder wrote on being closed."""
        return self.take()


class _Whole(io.BytesIO):
    """Where encoders write that may go back and complete the head; everything comes at the end."""

    def take(self) -> bytes:
        """Nothing yet."""
        return b""

    def rest(self) -> bytes:
        """The file."""
        return self.getvalue()


class _SndfileOutlet(_Outlet):
    """libsndfile demands these two of every file; its Ogg writer asks where the end is and never goes back."""

    def seek(self, *_: int) -> int:
        return self.tell()

    def read(self, *_: int) -> bytes:
        return b""


def _by_libav(blocks: Iterator[np.ndarray], rate: int, row: Format, outlet: _Outlet | _Whole) -> Iterator[bytes]:
    options = {"flush_packets": "1", **row.muxer_options}
    with av.open(outlet, "w", format=row.muxer, options=options) as container:
        stream = cast(av.AudioStream, container.add_stream(row.codec, rate=rate))
        stream.codec_context.layout = "mono"
        if row.bits_per_s:
            stream.codec_context.bit_rate = row.bits_per_s
        container.start_encoding()  # so that even a stream without sound gets its head
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout="mono", rate=rate)
        position = 0
        for block in blocks:
            frame = av.AudioFrame.from_ndarray(block[None], format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), position
            position += len(block)
            for converted in resampler.resample(frame):
                container.mux(stream.encode(converted))
            if data := outlet.take():
                yield data
        if position:
            for converted in resampler.resample(None):
                container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    yield outlet.rest()


def _by_libsndfile(blocks: Iterator[np.ndarray], rate: int) -> Iterator[bytes]:
    outlet = _SndfileOutlet()
    with soundfile.SoundFile(outlet, "w", rate, 1, format="OGG", subtype="VORBIS") as file:
        for block in blocks:
            file.write(block)
            if data := outlet.take():
                yield data
    yield outlet.rest()
