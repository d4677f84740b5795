"""Recordings in and out in stereo: music keeps its two channels, everything else in Myna is mono."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import soundfile
import soxr

from myna.audio.io import DEFAULT_LIMITS, DecodeLimits, to_int16
from myna.audio.recording import AudioInfo, opened
from myna.audio.source import Source
from myna.core.errors import BadInput, UnknownChoice
from myna.core.workspace import writing

STEREO_FORMATS = ("wav", "flac", "mp3", "m4a")
"""What stereo files can be written as; the first two hold 16 bits and lose nothing of them."""

_CODECS = {"mp3": ("mp3", "libmp3lame"), "m4a": ("ipod", "aac")}
_BITS_PER_S = 256_000
_PIECE_SAMPLES = 65536

Write = Callable[[np.ndarray], None]


@contextmanager
def open_stereo(
    source: Source, sample_rate: int, *, limits: DecodeLimits = DEFAULT_LIMITS
) -> Iterator[tuple[AudioInfo, Iterator[np.ndarray]]]:
    """What the header says, and the sound in blocks (t, 2), float32, at ``sample_rate`` Hz.

    One channel is doubled, more than two are folded. Raises like `myna.audio.io.decode`.
    """
    with opened(source, limits, is_stereo=True) as recording:
        yield recording.info, _resampled(recording.blocks(), recording.sample_rate, sample_rate)


def _resampled(blocks: Iterator[np.ndarray], from_hz: int, to_hz: int) -> Iterator[np.ndarray]:
    if from_hz == to_hz:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_hz, to_hz, 2, dtype="float32", quality="HQ")
    for block in blocks:
        sound = stream.resample_chunk(block)
        if len(sound):
            yield sound
    tail = stream.resample_chunk(np.empty((0, 2), np.float32), last=True)
    if len(tail):
        yield tail


@contextmanager
def stereo_file(path: Path, sample_rate: int) -> Iterator[Write]:
    """A function that takes blocks (t, 2) for the file ``path``, in the format its name ends with.

    The file is there, whole, once the context is left without an error. What is louder than full scale is clipped.

    Raises:
        UnknownChoice: the name ends with none of `STEREO_FORMATS`.
        BadAudio: a sample is not a number.
        WorkspaceError: the folder cannot be written or the disk is full.
    """
    extension = path.suffix.lower().lstrip(".")
    if extension not in STEREO_FORMATS:
        raise UnknownChoice("format of stereo files", extension, STEREO_FORMATS)
    opening = _by_libav if extension in _CODECS else _by_libsndfile
    with writing(path) as temporary, opening(temporary, sample_rate, extension) as write:
        yield lambda block: write(_checked(block))


def _checked(block: np.ndarray) -> np.ndarray:
    """int16 (t, 2)."""
    if block.ndim != 2 or block.shape[1] != 2:
        raise BadInput(f"a block of stereo sound has the shape (t, 2), not {block.shape}")
    return to_int16(block)


@contextmanager
def _by_libsndfile(path: Path, sample_rate: int, extension: str) -> Iterator[Write]:
    name = os.fsencode(path)  # soundfile itself cannot encode names that are no text
    with soundfile.SoundFile(name, "w", sample_rate, 2, format=extension.upper(), subtype="PCM_16") as file:
        yield file.write


@contextmanager
def _by_libav(path: Path, sample_rate: int, extension: str) -> Iterator[Write]:
    muxer, codec = _CODECS[extension]
    with path.open("wb") as file, av.open(file, "w", format=muxer) as container:
        stream = cast(av.AudioStream, container.add_stream(codec, rate=sample_rate))
        stream.codec_context.layout = "stereo"
        stream.codec_context.bit_rate = _BITS_PER_S
        container.start_encoding()
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout="stereo", rate=sample_rate)
        position = 0

        def write(block: np.ndarray) -> None:
            nonlocal position
            for start in range(0, len(block), _PIECE_SAMPLES):
                piece = np.ascontiguousarray(block[start : start + _PIECE_SAMPLES])
                frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="stereo")
                frame.sample_rate, frame.time_base, frame.pts = sample_rate, Fraction(1, sample_rate), position
                position += len(piece)
                for converted in resampler.resample(frame):
                    container.mux(stream.encode(converted))

        yield write
        if position:
            for converted in resampler.resample(None):
                container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
