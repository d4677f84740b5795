"""Recordings in, as mono float32; and 16-bit WAVE out.

Everything is decoded in this process by libav (PyAV), from a stream of bytes and never from a name. The limits hold
while decoding, so a small file that unpacks to days of silence costs no more than a file of the allowed length.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import soxr

from myna.audio.ahead import running_ahead
from myna.audio.mixdown import as_float as as_float
from myna.audio.recording import DEFAULT_LIMITS as DEFAULT_LIMITS
from myna.audio.recording import MAX_PEAK as MAX_PEAK
from myna.audio.recording import AudioInfo as AudioInfo
from myna.audio.recording import DecodeLimits as DecodeLimits
from myna.audio.recording import Recording, opened
from myna.audio.recording import too_long as too_long
from myna.audio.source import Source
from myna.core.errors import BadAudio, BadInput, LimitExceeded
from myna.core.progress import Progress, silent
from myna.core.workspace import write_bytes

_DECODING_THREADS = 2  # they are as quick as whoever resamples and cuts what they give


@dataclass(frozen=True)
class Audio:
    """Mono sound: ``samples`` float32 ``(T,)``, full scale -1..1 (louder is kept), at ``sample_rate`` Hz."""

    samples: np.ndarray
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate


def decode(source: Source, sample_rate: int | None = None, *, limits: DecodeLimits = DEFAULT_LIMITS) -> Audio:
    """Decode a whole recording to mono, at ``sample_rate`` Hz (its own rate where None).

    Raises:
        BadAudio: not audio, empty, truncated, damaged, or samples that are not numbers.
        LimitExceeded: more bytes, seconds, channels or Hz than ``limits`` allow.
        NotFound: the path is no file.
    """
    sound = bytearray()  # grows in place; joining a list of blocks would need the memory twice
    with opened(source, limits) as recording:
        rate = recording.sample_rate
        for block in resample_blocks(recording.blocks(), rate, sample_rate):
            sound += block.data
    return Audio(np.frombuffer(sound, np.float32), sample_rate or rate)


def decode_blocks(
    source: Source,
    sample_rate: int | None = None,
    *,
    limits: DecodeLimits = DEFAULT_LIMITS,
    ahead: bool = False,
    checks_packets: bool = True,
    progress: Progress = silent,
) -> Iterator[np.ndarray]:
    """Like `decode`, block by block: float32 ``(t,)`` mono. The file is opened when the first block is asked for.

    A damaged or truncated recording raises when the damage is reached, thus after blocks that were good. Decoding may
    run ``ahead`` of whoever takes the blocks, in threads of its own. Without
    ``checks_packets`` a recording that is too long is noticed where the limit is passed, and not before. ``progress``
    is told the share of the length that the header promises.
    """
    with opened(source, limits, checks_packets=checks_packets) as recording:
        rate = recording.sample_rate
        promised = (recording.info.seconds or 0.0) * (sample_rate or rate)
        with _ready(recording, ahead) as blocks:
            given = 0
            for block in resample_blocks(blocks, rate, sample_rate):
                given += len(block)
                progress(min(given / promised, 1.0) if promised else 0.0, "")
                yield block


@contextmanager
def _ready(recording: Recording, ahead: bool) -> Iterator[Iterator[np.ndarray]]:
    if ahead:
        with running_ahead(recording.blocks(_DECODING_THREADS)) as ready:
            yield ready
    else:
        yield recording.blocks()


def probe(source: Source, *, limits: DecodeLimits = DEFAULT_LIMITS) -> AudioInfo:
    """What the header says, without decoding. Raises like `decode`."""
    with opened(source, limits) as recording:
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


def wav_header(sample_rate: int, num_bytes: int | None) -> bytes:
    """RIFF/WAVE head for 16-bit mono PCM; ``num_bytes`` None writes the "unknown length" of a stream."""
    data = 0xFFFFFFFF if num_bytes is None else num_bytes
    riff = 0xFFFFFFFF if num_bytes is None else num_bytes + 36
    words = (b"RIFF", riff.to_bytes(4, "little"), b"WAVEfmt ", (16).to_bytes(4, "little"), b"\x01\x00\x01\x00")
    rates = (sample_rate.to_bytes(4, "little"), (2 * sample_rate).to_bytes(4, "little"), b"\x02\x00\x10\x00")
    return b"".join(words + rates) + b"data" + data.to_bytes(4, "little")
