"""An open recording: judged by its header, decoded frame by frame, every limit held on the way."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import av
import numpy as np
from av.error import FFmpegError

from myna.audio.container import MPEG_AUDIO, check_whole, identify, not_opened, too_many_channels, truncated
from myna.audio.mixdown import Mixdown
from myna.audio.mp3_pieces import mp3_blocks
from myna.audio.plain_mp3 import PlainMp3, plain_mp3
from myna.audio.source import Source, bytes_of
from myna.core.errors import BadAudio, LimitExceeded

if TYPE_CHECKING:
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

_PART_SAMPLES = 65536
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
class AudioInfo:
    """What a file's header says. ``seconds`` is None where it does not say; only decoding tells the truth."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    seconds: float | None


def too_long(most: float, seconds: float | None = None) -> LimitExceeded:
    """The error for more than ``most`` seconds; ``seconds`` is the whole length where it is known."""
    length = "longer than" if seconds is None else f"{seconds:.1f} s long, more than"
    return LimitExceeded(f"the recording is {length} the allowed {most:.0f} s; give a shorter one")


@dataclass(frozen=True)
class _Part:
    """Sound of some packets, and whether the last of them could not be decoded."""

    sound: np.ndarray
    num_packets: int
    is_broken: bool


@dataclass(frozen=True)
class _Plain:
    """An MP3 file that mpg123 may decode, and what its headers say."""

    stream: BinaryIO
    mp3: PlainMp3


class _Nameless:
    """A stream as libav may see it: bytes only, no name to judge by."""

    def __init__(self, stream: BinaryIO) -> None:
        self.read, self.seek, self.tell = stream.read, stream.seek, stream.tell


class Recording:
    """An open recording: its header judged, its samples not yet decoded."""

    def __init__(
        self,
        container: InputContainer,
        stream: AudioStream,
        limits: DecodeLimits,
        mixdown: type[Mixdown] = Mixdown,
        plain: _Plain | None = None,
    ) -> None:
        self._container = container
        self._stream = stream
        self._limits = limits
        self._mix = mixdown
        self._plain = plain
        self.sample_rate = int(stream.rate or 0)
        self.info = AudioInfo(
            container.format.name.split(",")[0],
            stream.codec_context.name,
            self.sample_rate,
            stream.codec_context.channels,
            self._declared_seconds(),
        )
        self._check_header()

    def check_length(self) -> None:
        """Add up what the packets say of themselves: far quicker than decoding, and a lying header has no say."""
        if self._plain is not None:
            return  # its headers were added up, so its length is known and was judged
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
            raise _damaged() from None

    def blocks(self, num_threads: int = 0) -> Generator[np.ndarray, None, None]:
        """Float32 blocks of some ten thousand samples, as the mixdown gives them, every limit checked on the way.

        Plain MP3 is decoded by ``num_threads`` threads beside the caller's, if any. A few broken packets are skipped
        (streams often begin inside a frame), many are damage.
        """
        total = packets = broken = 0
        most = int(self._limits.max_seconds * self.sample_rate)
        for part in self._parts(num_threads):
            packets += part.num_packets
            broken += part.is_broken
            if part.is_broken and broken > 8 + packets // 50:
                raise _damaged()
            total += len(part.sound)
            if total > most:
                raise self._too_long()
            if len(part.sound):
                yield _checked(part.sound)
        if broken * 2 > packets:
            raise _damaged()
        self._check_ending(total)

    def _parts(self, num_threads: int) -> Iterator[_Part]:
        """The recording in order."""
        mixdown = self._mix(self.sample_rate, self._limits.max_channels)
        if self._plain is not None:
            for block in mp3_blocks(self._plain.stream, self._plain.mp3, num_threads):
                yield _Part(mixdown.mixed(block), 1, False)
            return
        try:
            yield from self._decoded(mixdown)
        except FFmpegError:
            raise _damaged() from None

    def _decoded(self, mixdown: Mixdown) -> Iterator[_Part]:
        count, is_broken = 0, False
        for packet in self._container.demux(self._stream):
            count += 1
            try:
                mixdown.add(packet.decode())
            except FFmpegError:
                is_broken = True
            if is_broken or mixdown.num_samples >= _PART_SAMPLES:
                yield _Part(mixdown.take(), count, is_broken)
                count, is_broken = 0, False
        yield _Part(mixdown.take(), count, False)

    def _declared_seconds(self) -> float | None:
        if self._plain is not None:
            return self._plain.mp3.num_samples / self._plain.mp3.form.sample_rate
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


def _damaged() -> BadAudio:
    return BadAudio("the recording is damaged and cannot be decoded; copy or export it again")


def _checked(sound: np.ndarray) -> np.ndarray:
    peak = max(float(np.max(sound)), -float(np.min(sound)))  # NaN if any sample is
    if not np.isfinite(peak):
        raise BadAudio("the recording holds samples that are not numbers (NaN or infinite); export it as 16-bit PCM")
    if peak > MAX_PEAK:
        raise BadAudio(f"the recording's samples reach {peak:.3g} where 1.0 is full scale; scale them to -1..1")
    return sound


def _refuse_other_files(*_: object) -> NoReturn:
    raise BadAudio("the recording refers to another file; give a recording that is complete in itself")


@contextmanager
def opened(
    source: Source, limits: DecodeLimits, *, checks_packets: bool = True, mixdown: type[Mixdown] = Mixdown
) -> Iterator[Recording]:
    """The recording that ``source`` holds, its header judged.

    ``checks_packets`` goes through all of it first, without decoding, so that what is too long is refused at once.
    Raises like `myna.audio.io.decode`.
    """
    with bytes_of(source, limits.max_bytes) as stream:
        demuxers = identify(stream)
        check_whole(stream, demuxers, limits.max_channels)
        mp3 = plain_mp3(stream) if demuxers == MPEG_AUDIO else None
        plain = None if mp3 is None else _Plain(stream, mp3)
        if checks_packets:
            with _demuxed(stream, demuxers, limits, mixdown, plain) as recording:
                recording.check_length()
            stream.seek(0)
        with _demuxed(stream, demuxers, limits, mixdown, plain) as recording:
            yield recording


@contextmanager
def _demuxed(
    stream: BinaryIO, demuxers: str, limits: DecodeLimits, mixdown: type[Mixdown], plain: _Plain | None
) -> Iterator[Recording]:
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
        yield Recording(container, audio, limits, mixdown, plain)  # type: ignore[arg-type]
