"""Recordings in, as mono float32; and 16-bit WAVE out.

Everything is decoded in this process by libav (PyAV), from a stream of bytes and never from a name. The limits hold
while decoding, so a small file that unpacks to days of silence costs no more than a file of the allowed length.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

import av
import numpy as np
import soxr
from av.error import FFmpegError

from myna.audio.container import check_whole, identify, not_opened, too_many_channels, truncated
from myna.audio.source import Source, bytes_of
from myna.core.errors import BadAudio, BadInput, LimitExceeded
from myna.core.workspace import write_bytes

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

CODECS = ",".join(
    (
        "aac,alac,flac,libopus,mp3,mp3float,opus,vorbis,adpcm_ima_wav,adpcm_ms",
        "pcm_alaw,pcm_mulaw,pcm_u8,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le",
        "pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le",
    )
)
"""libav decoders that may run; video and pictures in a file are never decoded."""

MAX_PEAK = 64.0
"""36 dB over full scale: beyond it the file holds something else than samples in -1..1."""

_BLOCK_SAMPLES = 65536
_DURATION_SLACK_S = 0.25  # encoder delay and padding that headers may or may not count


@dataclass(frozen=True)
class DecodeLimits:
    """What a recording may be at most (and at least); anything else raises `LimitExceeded` while decoding."""

    max_bytes: int = 1 << 30
    max_seconds: float = 7200.0
    max_channels: int = 8
    min_rate_hz: int = 4000
    max_rate_hz: int = 384000


DEFAULT_LIMITS = DecodeLimits()


@dataclass(frozen=True)
class Audio:
    """Mono sound: ``samples`` float32 ``(T,)``, full scale -1..1 (louder is kept), at ``sample_rate`` Hz."""

    samples: np.ndarray
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says. ``seconds`` is None where it does not say; only decoding tells the truth."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    seconds: float | None


def decode(source: Source, sample_rate: int | None = None, *, limits: DecodeLimits = DEFAULT_LIMITS) -> Audio:
    """Decode a whole recording to mono, at ``sample_rate`` Hz (its own rate where None).

    Raises:
        BadAudio: not audio, empty, truncated, damaged, or samples that are not numbers.
        LimitExceeded: more bytes, seconds, channels or Hz than ``limits`` allow.
        NotFound: the path is no file.
    """
    sound = bytearray()  # grows in place; joining a list of blocks would need the memory twice
    with _opened(source, limits) as recording:
        rate = recording.sample_rate
        for block in resample_blocks(recording.blocks(), rate, sample_rate):
            sound += block.data
    return Audio(np.frombuffer(sound, np.float32), sample_rate or rate)


def decode_blocks(
    source: Source, sample_rate: int | None = None, *, limits: DecodeLimits = DEFAULT_LIMITS
) -> Iterator[np.ndarray]:
    """Like `decode`, block by block: float32 ``(t,)`` mono. The file is opened when the first block is asked for.

    A damaged or truncated recording raises when the damage is reached, thus after blocks that were good.
    """
    with _opened(source, limits) as recording:
        yield from resample_blocks(recording.blocks(), recording.sample_rate, sample_rate)


def probe(source: Source, *, limits: DecodeLimits = DEFAULT_LIMITS) -> AudioInfo:
    """What the header says, without decoding. Raises like `decode`."""
    with _opened(source, limits) as recording:
        return recording.info


def resample(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """``samples`` ``(T,)`` or ``(T, channels)`` as float32 at ``to_hz`` (soxr, high quality)."""
    if min(from_hz, to_hz) <= 0:
        raise BadInput(f"cannot resample from {from_hz} Hz to {to_hz} Hz; both must be above 0")
    sound = np.asarray(samples, np.float32)
    if from_hz == to_hz:
        return sound
    return np.asarray(soxr.resample(sound, from_hz, to_hz, quality="HQ"), np.float32)


def resample_blocks(blocks: Iterator[np.ndarray], from_hz: int, to_hz: int | None) -> Iterator[np.ndarray]:
    """Like `resample`, for mono sound in blocks ``(t,)``; joined, they are what `resample` gives for the whole."""
    if to_hz is None or to_hz == from_hz:
        yield from blocks
        return
    if to_hz <= 0:
        raise BadInput(f"cannot resample to {to_hz} Hz; the rate must be above 0")
    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
    for block in blocks:
        sound = stream.resample_chunk(block)
        if len(sound):
            yield sound
    tail = stream.resample_chunk(np.empty(0, np.float32), last=True)
    if len(tail):
        yield tail


def as_float(raw: np.ndarray) -> np.ndarray:
    """PCM of any sample format as float32, full scale -1..1."""
    if raw.dtype == np.uint8:
        return (raw.astype(np.float32) - 128) / 128
    if raw.dtype.kind == "i":
        return raw.astype(np.float32) / np.float32(2.0 ** (8 * raw.dtype.itemsize - 1))
    return raw.astype(np.float32, copy=False)


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Float samples in -1..1 as int16; louder ones are clipped, never wrapped around. int16 stays as it is.

    Raises:
        BadAudio: a sample is not a number.
    """
    if samples.dtype == np.int16:
        return samples
    if not np.isfinite(samples).all():
        raise BadAudio("cannot write samples that are not numbers (NaN or infinite)")
    scaled = np.rint(np.clip(samples, -1.0, 32767 / 32768) * np.float32(32768))
    return cast(np.ndarray, scaled.astype(np.int16))


def write_wav(path: Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write 16-bit mono WAVE (RIFF) in one go: the file is there whole or not at all.

    Raises:
        WorkspaceError: the folder cannot be written or the disk is full.
    """
    data = to_int16(np.asarray(samples)).astype("<i2", copy=False).tobytes()
    if len(data) > 0xFFFFFFFF - 36:
        raise LimitExceeded(f"{path.name} would pass 4 GiB, more than WAVE can hold; write shorter pieces or flac")
    write_bytes(path, wav_header(sample_rate, len(data)) + data)


def too_long(most: float, seconds: float | None = None) -> LimitExceeded:
    """The error for more than ``most`` seconds; ``seconds`` is the whole length where it is known."""
    length = "longer than" if seconds is None else f"{seconds:.1f} s long, more than"
    return LimitExceeded(f"the recording is {length} the allowed {most:.0f} s; give a shorter one")


def wav_header(sample_rate: int, num_bytes: int | None) -> bytes:
    """RIFF/WAVE head for 16-bit mono PCM; ``num_bytes`` None writes the "unknown length" of a stream."""
    data = 0xFFFFFFFF if num_bytes is None else num_bytes
    riff = 0xFFFFFFFF if num_bytes is None else num_bytes + 36
    words = (b"RIFF", riff.to_bytes(4, "little"), b"WAVEfmt ", (16).to_bytes(4, "little"), b"\x01\x00\x01\x00")
    rates = (sample_rate.to_bytes(4, "little"), (2 * sample_rate).to_bytes(4, "little"), b"\x02\x00\x10\x00")
    return b"".join(words + rates) + b"data" + data.to_bytes(4, "little")


class _Nameless:
    """A stream as libav may see it: bytes only, no name to judge by."""

    def __init__(self, stream: BinaryIO) -> None:
        self.read, self.seek, self.tell = stream.read, stream.seek, stream.tell


class _Recording:
    """An open recording: its header judged, its samples not yet decoded."""

    def __init__(self, container: InputContainer, stream: AudioStream, limits: DecodeLimits) -> None:
        self._container = container
        self._stream = stream
        self._limits = limits
        self.sample_rate = int(stream.rate or 0)
        self.info = AudioInfo(
            container.format.name.split(",")[0],
            stream.codec_context.name,
            self.sample_rate,
            stream.codec_context.channels,
            self._declared_seconds(),
        )
        self._check_header()

    def check_packets(self) -> None:
        """Add up what the packets say of themselves: far quicker than decoding, and a lying header has no say."""
        ticks, unit = 0, self._stream.time_base or 0
        try:
            for packet in self._container.demux(self._stream):
                duration = packet.duration or 0
                ticks += (
                    duration if duration < 1 << 31 else 0
                )  # the padding of a last packet, as negative 32-bit number
                if ticks * unit > self._limits.max_seconds + 1:  # a packet of padding is no offence
                    raise too_long(self._limits.max_seconds)
        except FFmpegError:
            raise self._damaged() from None

    def blocks(self) -> Iterator[np.ndarray]:
        """Mono float32 blocks of some ten thousand samples, every limit checked on the way."""
        pending: list[np.ndarray] = []
        waiting = total = 0
        most = int(self._limits.max_seconds * self.sample_rate)
        for frame in self._frames():
            sound = self._mono(frame)
            total += len(sound)
            if total > most:
                raise self._too_long()
            pending.append(sound)
            waiting += len(sound)
            if waiting >= _BLOCK_SAMPLES:
                yield _checked(np.concatenate(pending))
                pending, waiting = [], 0
        if pending:
            yield _checked(np.concatenate(pending))
        self._check_ending(total)

    def _frames(self) -> Iterator[AudioFrame]:
        """Decoded frames; a few broken packets are skipped (streams often begin inside a frame), many are damage."""
        packets = broken = 0
        try:
            for packet in self._container.demux(self._stream):
                packets += 1
                try:
                    yield from packet.decode()
                except FFmpegError:
                    broken += 1
                    if broken > 8 + packets // 50:
                        raise self._damaged() from None
        except FFmpegError:
            raise self._damaged() from None
        if broken * 2 > packets:
            raise self._damaged()

    def _mono(self, frame: AudioFrame) -> np.ndarray:
        channels = frame.layout.nb_channels
        if frame.sample_rate != self.sample_rate:
            rates = f"{self.sample_rate} to {frame.sample_rate} Hz"
            raise BadAudio(f"the recording changes from {rates} midway; export it with one rate")
        if channels > self._limits.max_channels:
            raise too_many_channels(channels, self._limits.max_channels)
        raw = frame.to_ndarray()
        sound = as_float(raw)
        if channels == 1:
            return sound.reshape(-1)
        side_by_side = sound if frame.format.is_planar else sound.reshape(-1, channels).T
        return cast(np.ndarray, side_by_side.mean(axis=0))

    def _declared_seconds(self) -> float | None:
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        return self._container.duration / 1e6 if self._container.duration else None

    def _check_header(self) -> None:
        limits, info = self._limits, self.info
        if info.channels > limits.max_channels:
            raise too_many_channels(info.channels, limits.max_channels)
        if not limits.min_rate_hz <= info.sample_rate <= limits.max_rate_hz:
            raise LimitExceeded(
                f"the recording has {info.sample_rate} Hz; allowed are {limits.min_rate_hz} to {limits.max_rate_hz} Hz"
            )
        if info.seconds is not None and info.seconds > limits.max_seconds:
            raise self._too_long(info.seconds)

    def _check_ending(self, total: int) -> None:
        """There must be sound, and formats whose header tells the length exactly must keep their word."""
        promised = self.info.seconds or 0.0
        is_exact = self.info.container in ("flac", "mov", "matroska")
        if is_exact and total / self.sample_rate < promised - _DURATION_SLACK_S:
            raise truncated(f"its header promises {promised:.1f} s, {total / self.sample_rate:.1f} s are there")
        if not total:
            raise BadAudio("the recording holds no sound at all; record at least a few seconds of speech")

    def _too_long(self, seconds: float | None = None) -> LimitExceeded:
        return too_long(self._limits.max_seconds, seconds)

    @staticmethod
    def _damaged() -> BadAudio:
        return BadAudio("the recording is damaged and cannot be decoded; copy or export it again")


def _checked(sound: np.ndarray) -> np.ndarray:
    peak = float(np.max(np.abs(sound)))  # NaN if any sample is
    if not np.isfinite(peak):
        raise BadAudio("the recording holds samples that are not numbers (NaN or infinite); export it as 16-bit PCM")
    if peak > MAX_PEAK:
        raise BadAudio(f"the recording's samples reach {peak:.3g} where 1.0 is full scale; scale them to -1..1")
    return sound


def _refuse_other_files(*_: object) -> NoReturn:
    raise BadAudio("the recording refers to another file; give a recording that is complete in itself")


@contextmanager
def _opened(source: Source, limits: DecodeLimits) -> Iterator[_Recording]:
    with bytes_of(source, limits.max_bytes) as stream:
        demuxers = identify(stream)
        check_whole(stream, demuxers, limits.max_channels)
        with _demuxed(stream, demuxers, limits) as recording:
            recording.check_packets()
        stream.seek(0)
        with _demuxed(stream, demuxers, limits) as recording:
            yield recording


@contextmanager
def _demuxed(stream: BinaryIO, demuxers: str, limits: DecodeLimits) -> Iterator[_Recording]:
    options = {"format_whitelist": demuxers, "codec_whitelist": CODECS, "protocol_whitelist": ""}
    try:
        # Titles and the like are not read, so it does not matter in what letters they are.
        container = av.open(
            _Nameless(stream), "r", options=options, io_open=_refuse_other_files, metadata_errors="replace"
        )
    except FFmpegError:
        raise not_opened(demuxers) from None
    with container:
        audio = container.streams.best("audio")
        if audio is None:
            raise BadAudio("the file holds no audio track that can be decoded; give a file with sound in it")
        yield _Recording(container, audio, limits)  # type: ignore[arg-type]
