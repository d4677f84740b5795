"""One long recording decoded by several threads, bit for bit as by one.

Only codecs whose decoders forget are cut into ranges. A flac frame stands for itself. An MPEG layer III frame reads at
most 511 bytes of the frames before it (the bit reservoir: ``main_data_begin`` has nine bits) and adds to the overlap of
the transform (one granule) and the filter bank's memory (15 of a granule's 18 slots), so a decoder that was fed 511
bytes of reservoir and three more frames is where it would have been had it decoded everything. Others either keep what
they decoded (Opus, AAC's noise) or are too quick to gain.

Where a packet cannot be decoded, nobody knows what the decoder keeps of it: from there on one decoder goes on alone, as
it would have without ranges, until there were as many good packets as a decoder needs to warm up.

Source: ISO/IEC 11172-3, 2.4.1.7 and 2.4.3.4.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.error import FFmpegError

from myna.audio.mixdown import Mixdown

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet as PacketOf

    Packet = PacketOf[AudioStream]

_RESERVOIR_BYTES = 511
_FRAME_OVERHEAD_BYTES = 38  # header 4, check 2, side information 32 at most
_STATE_FRAMES = 3
_HISTORY = 512
_PART_SAMPLES = 65536
_TOGETHER = 32


@dataclass(frozen=True)
class Part:
    """Mono sound of some packets, and whether the last of them could not be decoded."""

    sound: np.ndarray
    num_packets: int
    is_broken: bool


@dataclass(frozen=True)
class _Range:
    """Packets that are being decoded behind a warm-up of so many others; no task where too few were known."""

    body: list[Packet]
    warm_up: int
    task: Future[tuple[list[Part], AudioCodecContext]] | None


@dataclass(frozen=True)
class _Codec:
    """``packets_per_range``: how many are decoded at a time, some hundred thousand samples."""

    packets_per_range: int
    warm_up: Callable[[Sequence[Packet]], Sequence[Packet] | None]


def can_be_cut(codec: str) -> bool:
    """Whether recordings of this libav codec can be decoded in ranges."""
    return codec in _CODECS


def in_ranges(
    packets: Iterable[Packet], original: AudioCodecContext, mixdown: Callable[[], Mixdown], num_threads: int
) -> Iterator[Part]:
    """Decode ``packets`` in order, with ``num_threads`` threads; exactly what the ``original`` decoder would give.

    Raises:
        BadAudio, LimitExceeded: what `Mixdown.add` raises.
        FFmpegError: what going through ``packets`` raises.
    """
    codec = _CODECS[original.name]
    pool = ThreadPoolExecutor(num_threads, thread_name_prefix="decode")
    try:
        yield from _Ranges(codec, original, mixdown, pool).parts(packets, ahead=num_threads)
    finally:
        pool.shutdown(cancel_futures=True)


def decoded(decoder: AudioCodecContext, packets: Iterable[Packet], mixdown: Mixdown) -> Iterator[Part]:
    """What ``packets`` hold, the next ones for this ``decoder``, in parts of some ten thousand samples.

    Raises like `in_ranges`.
    """
    count, is_broken = 0, False
    for packet in packets:
        count += 1
        try:
            mixdown.add(decoder.decode(packet))
        except FFmpegError:
            is_broken = True
        if is_broken or mixdown.num_samples >= _PART_SAMPLES:
            yield Part(mixdown.take(), count, is_broken)
            count, is_broken = 0, False
    yield Part(mixdown.take(), count, False)


class _Ranges:
    """Ranges that are being decoded, and the decoder that is where one that decodes everything would be."""

    def __init__(
        self, codec: _Codec, original: AudioCodecContext, mixdown: Callable[[], Mixdown], pool: ThreadPoolExecutor
    ) -> None:
        self._codec, self._original, self._mixdown, self._pool = codec, original, mixdown, pool
        self._pending: deque[_Range] = deque()
        self._last: AudioCodecContext | None = None
        self._num_good: float = math.inf  # packets since the last broken one

    def parts(self, packets: Iterable[Packet], ahead: int) -> Iterator[Part]:
        """All parts in order; ``ahead`` ranges are begun before the first one is asked for."""
        for warm_up, body in self._bodies(packets):
            task = None if warm_up is None else self._pool.submit(self._afresh, warm_up, body)
            self._pending.append(_Range(body, len(warm_up or ()), task))
            if len(self._pending) > ahead:
                yield from self._next()
        while self._pending:
            yield from self._next()

    def _bodies(self, packets: Iterable[Packet]) -> Iterator[tuple[Sequence[Packet] | None, list[Packet]]]:
        """Each range's packets, and those before it that bring a decoder there; None where too few are known."""
        history: list[Packet] = []
        body: list[Packet] = []
        for packet in packets:
            body.append(packet)
            if len(body) == self._codec.packets_per_range:
                yield self._codec.warm_up(history), body
                history = [*history, *body][-_HISTORY:]
                body = []
        if body:
            yield self._codec.warm_up(history), body

    def _next(self) -> list[Part]:
        """The parts of the next range: as decoded afresh, if its warm-up was, or by the decoder of the one before."""
        following = self._pending.popleft()
        if following.task is not None and following.warm_up <= self._num_good:
            parts, self._last = following.task.result()
        elif self._last is not None:
            parts = list(decoded(self._last, following.body, self._mixdown()))
        else:
            parts, self._last = self._afresh((), following.body)
        for part in parts:
            self._num_good = 0 if part.is_broken else self._num_good + part.num_packets
        return parts

    def _afresh(self, warm_up: Sequence[Packet], body: Sequence[Packet]) -> tuple[list[Part], AudioCodecContext]:
        is_plain = not any(packet.size == 0 or packet.has_sidedata("skip_samples") for packet in body)
        if warm_up and is_plain:
            decoder = self._warm(warm_up)
            parts = _together(decoder, body, self._mixdown())
            if parts is not None:
                return parts, decoder
        decoder = self._warm(warm_up)
        return list(decoded(decoder, body, self._mixdown())), decoder

    def _warm(self, warm_up: Sequence[Packet]) -> AudioCodecContext:
        decoder = cast(AudioCodecContext, av.CodecContext.create(self._original.name, "r"))
        decoder.extradata = self._original.extradata
        for packet in warm_up:
            try:
                decoder.decode(packet)
            except FFmpegError:
                continue  # its reservoir lies before the warm-up
        return decoder


def _together(decoder: AudioCodecContext, packets: Sequence[Packet], mixdown: Mixdown) -> list[Part] | None:
    """As `decoded`, several packets at a time, which costs a fifth less; None where not all of them are good."""
    parts = []
    for first in range(0, len(packets), _TOGETHER):
        group = packets[first : first + _TOGETHER]
        try:
            frames = decoder.decode(av.Packet(b"".join(map(bytes, group))))
        except FFmpegError:
            return None
        if len(frames) != len(group):
            return None
        mixdown.add(frames)
        parts.append(Part(mixdown.take(), len(group), False))
    return parts


def _nothing(_: Sequence[Packet]) -> Sequence[Packet]:
    return ()


def _reservoir(history: Sequence[Packet]) -> Sequence[Packet] | None:
    """The packets that bring an MPEG layer III decoder to the end of ``history``; None where it is too short."""
    if not history:
        return ()
    held = 0
    for number in range(len(history) - _STATE_FRAMES - 1, -1, -1):
        held += max(0, history[number].size - _FRAME_OVERHEAD_BYTES)
        if held >= _RESERVOIR_BYTES:
            return history[number:]
    return None


_CODECS = {"mp3float": _Codec(512, _reservoir), "mp3": _Codec(512, _reservoir), "flac": _Codec(32, _nothing)}
