"""An open recording: judged by its header, decoded part by part, every limit held on the way."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from myna.audio.container import MPEG_AUDIO, check_whole, identify, too_many_channels, truncated
from myna.audio.plain_mp3 import plain_mp3
from myna.audio.source import Source, bytes_of
from myna.core.errors import BadAudio, LimitExceeded
from myna.core.named import Named

MAX_PEAK = 64.0
"""36 dB over full scale: beyond it the file holds something else than samples in -1..1."""

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
class Part:
    """Sound of some packets, and whether the last of them could not be decoded."""

    sound: np.ndarray
    num_packets: int
    is_broken: bool


class Decoder(Protocol):
    """What decodes one recording, mixed down to ``(t,)`` or, where that was asked for, to ``(t, 2)``."""

    info: AudioInfo

    def check_length(self) -> None:
        """Raise `LimitExceeded` if the recording is too long, as far as that is known without decoding."""

    def parts(self, num_threads: int) -> Iterator[Part]:
        """The recording in order, decoded by that many threads beside the caller's, if it can be."""


_DECODERS: Named[Callable[..., AbstractContextManager[Decoder]]] = Named(
    {"libav": "myna.audio.by_libav:opened_by_libav", "mpg123": "myna.audio.mp3_pieces:opened_by_mpg123"}
)
"""Each brings a library that takes its time to start."""


class Recording:
    """An open recording: its header judged, its samples not yet decoded."""

    def __init__(self, decoder: Decoder, limits: DecodeLimits) -> None:
        self._decoder = decoder
        self._limits = limits
        self.info = decoder.info
        self.sample_rate = self.info.sample_rate
        self._check_header()

    def blocks(self, num_threads: int = 0) -> Generator[np.ndarray, None, None]:
        """Float32 blocks of some ten thousand samples, of plain MP3 a million, every limit checked on the way.

        Plain MP3 is decoded by ``num_threads`` threads beside the caller's, if any. A few broken packets are skipped
        (streams often begin inside a frame), many are damage.
        """
        total = packets = broken = 0
        most = int(self._limits.max_seconds * self.sample_rate)
        for part in self._decoder.parts(num_threads):
            packets += part.num_packets
            broken += part.is_broken
            if part.is_broken and broken > 8 + packets // 50:
                raise damaged()
            total += len(part.sound)
            if total > most:
                raise self._too_long()
            if len(part.sound):
                yield _checked(part.sound)
        if broken * 2 > packets:
            raise damaged()
        self._check_ending(total)

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


def damaged() -> BadAudio:
    """The error for what its decoder gave up."""
    return BadAudio("the recording is damaged and cannot be decoded; copy or export it again")


def _checked(sound: np.ndarray) -> np.ndarray:
    peak = max(float(np.max(sound)), -float(np.min(sound)))  # NaN if any sample is
    if not np.isfinite(peak):
        raise BadAudio("the recording holds samples that are not numbers (NaN or infinite); export it as 16-bit PCM")
    if peak > MAX_PEAK:
        raise BadAudio(f"the recording's samples reach {peak:.3g} where 1.0 is full scale; scale them to -1..1")
    return sound


@contextmanager
def opened(
    source: Source, limits: DecodeLimits, *, checks_packets: bool = True, is_stereo: bool = False
) -> Iterator[Recording]:
    """The recording that ``source`` holds, its header judged.

    ``checks_packets`` goes through all of it first, without decoding, so that what is too long is refused at once.
    Raises like `myna.audio.io.decode`.
    """
    with bytes_of(source, limits.max_bytes) as stream:
        demuxers = identify(stream)
        check_whole(stream, demuxers, limits.max_channels)
        mp3 = plain_mp3(stream) if demuxers == MPEG_AUDIO else None
        if mp3 is not None:  # its headers were added up, so its length is known and need not be checked
            with _DECODERS["mpg123"](stream, mp3, is_stereo) as decoder:
                yield Recording(decoder, limits)
            return
        by_libav = _DECODERS["libav"]
        if checks_packets:
            with by_libav(stream, demuxers, limits) as decoder:
                Recording(decoder, limits)
                decoder.check_length()
            stream.seek(0)
        with by_libav(stream, demuxers, limits, is_stereo) as decoder:
            yield Recording(decoder, limits)
