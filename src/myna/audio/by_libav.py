"""Recordings of any kind decoded by libav (PyAV), from a stream of bytes and never from a name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import av
import numpy as np
from av.error import FFmpegError

from myna.audio.container import not_opened, too_many_channels
from myna.audio.mixdown import Mixing, as_float, mean, pair
from myna.audio.recording import AudioInfo, DecodeLimits, Part, damaged, too_long
from myna.core.errors import BadAudio

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

_PROBING = {"wav": {"max_probe_packets": "1"}}
"""libav would search seconds of PCM for codecs that hide in it, 6 ms a file; where it begins they are found too."""

_PART_SAMPLES = 65536
_KINDS = {"u8p": "u1", "s16p": "i2", "s32p": "i4", "fltp": "f4", "dblp": "f8"}
"""libav's planar sample formats, as numpy calls them."""


class _Nameless:
    """A stream as libav may see it: bytes only, no name to judge by."""

    def __init__(self, stream: BinaryIO) -> None:
        self.read, self.seek, self.tell = stream.read, stream.seek, stream.tell


@contextmanager
def opened_by_libav(
    stream: BinaryIO, demuxers: str, limits: DecodeLimits, is_stereo: bool = False
) -> Iterator[LibavDecoder]:
    """The decoder of what ``stream`` holds for one of the ``demuxers``. Raises `BadAudio` where none can read it."""
    options = {"format_whitelist": demuxers, "codec_whitelist": CODECS, "protocol_whitelist": ""}
    options |= _PROBING.get(demuxers, {})
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
        yield LibavDecoder(container, audio, limits, is_stereo)  # type: ignore[arg-type]


def _refuse_other_files(*_: object) -> NoReturn:
    raise BadAudio("the recording refers to another file; give a recording that is complete in itself")


class LibavDecoder:
    """A `myna.audio.recording.Decoder`: demuxes and decodes packet by packet."""

    def __init__(self, container: InputContainer, stream: AudioStream, limits: DecodeLimits, is_stereo: bool) -> None:
        self._container, self._stream = container, stream
        self._limits, self._is_stereo = limits, is_stereo
        codec = stream.codec_context
        self.info = AudioInfo(
            container.format.name.split(",")[0],
            codec.name,
            int(stream.rate or 0),
            codec.channels,
            self._declared_seconds(),
        )

    def check_length(self) -> None:
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
            raise damaged() from None

    def parts(self, num_threads: int) -> Iterator[Part]:  # noqa: ARG002  libav's own are enough
        """The recording in order, some ten thousand samples at a time."""
        frames = (_Pairs if self._is_stereo else _Frames)(self.info.sample_rate, self._limits.max_channels)
        try:
            yield from self._decoded(frames)
        except FFmpegError:
            raise damaged() from None

    def _decoded(self, frames: _Frames) -> Iterator[Part]:
        count, is_broken = 0, False
        for packet in self._container.demux(self._stream):
            count += 1
            try:
                frames.add(packet.decode())
            except FFmpegError:
                is_broken = True
            if is_broken or frames.num_samples >= _PART_SAMPLES:
                yield Part(frames.take(), count, is_broken)
                count, is_broken = 0, False
        yield Part(frames.take(), count, False)

    def _declared_seconds(self) -> float | None:
        stream = self._stream
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        return self._container.duration / 1e6 if self._container.duration else None


class _Frames:
    """Collects frames, and gives their mean over the channels: many at a time, because each call of numpy costs."""

    mixing: Mixing = staticmethod(mean)

    def __init__(self, sample_rate: int, max_channels: int) -> None:
        self._sample_rate, self._max_channels = sample_rate, max_channels
        self._frames: list[AudioFrame] = []

    @property
    def num_samples(self) -> int:
        """About how many samples were added since `take`: frames of a recording are alike."""
        return len(self._frames) * self._frames[-1].samples if self._frames else 0

    def add(self, frames: list[AudioFrame]) -> None:
        """Take in frames."""
        self._frames += frames

    def take(self) -> np.ndarray:
        """What was added since the last call, float32 ``(t,)``.

        Raises:
            BadAudio: a frame has another rate.
            LimitExceeded: a frame has too many channels.
        """
        frames, self._frames = self._frames, []
        for frame in frames:
            if frame.sample_rate != self._sample_rate:
                rates = f"{self._sample_rate} to {frame.sample_rate} Hz"
                raise BadAudio(f"the recording changes from {rates} midway; export it with one rate")
            if frame.layout.nb_channels > self._max_channels:
                raise too_many_channels(frame.layout.nb_channels, self._max_channels)
        alike = groupby(frames, key=lambda frame: (frame.format.name, frame.layout.nb_channels))
        sounds = [self.mixing(_rows(list(group))) for _, group in alike]
        return np.concatenate(sounds) if sounds else np.zeros(0, np.float32)


class _Pairs(_Frames):
    """The same for two channels: what has one is doubled, what has more is folded as libav folds surround sound.

    There the middle goes to both sides (-3 dB), so a film's voices stay in the middle. Channels of which the file does
    not say where they belong are averaged.
    """

    mixing: Mixing = staticmethod(pair)

    def __init__(self, sample_rate: int, max_channels: int) -> None:
        super().__init__(sample_rate, max_channels)
        self._folding = av.AudioResampler(format="fltp", layout="stereo", rate=sample_rate)

    def add(self, frames: list[AudioFrame]) -> None:
        """As `_Frames.add`."""
        for frame in frames:
            folds = 2 < frame.layout.nb_channels <= self._max_channels and frame.sample_rate == self._sample_rate
            is_placed = "channels" not in frame.layout.name
            super().add(self._folding.resample(frame) if folds and is_placed else [frame])

    def take(self) -> np.ndarray:
        """What was added since the last call, float32 ``(t, 2)``."""
        return super().take().reshape(-1, 2)


def _rows(frames: Sequence[AudioFrame]) -> list[np.ndarray]:
    """The channels of frames of one form, each ``(t,)`` float32."""
    channels, form = frames[0].layout.nb_channels, frames[0].format
    if form.is_planar:  # as it lies in memory: several times quicker than to_ndarray of each frame
        kind = _KINDS[form.name]
        planes = [[np.frombuffer(memoryview(plane), kind, frame.samples) for plane in frame.planes] for frame in frames]
        return [as_float(np.concatenate(row)) for row in zip(*planes, strict=True)]
    packed = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    return list(as_float(packed).reshape(-1, channels).T)
