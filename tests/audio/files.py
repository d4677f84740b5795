"""Recordings made for tests, good and hostile, byte by byte where no encoder would write them."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import av
import numpy as np
import soundfile

PCM, FLOAT = 1, 3


def voice_like(seconds: float, rate: int, seed: int = 1) -> np.ndarray:
    """Band-limited noise, float32 ``(T,)``, peak 0.5: every codec keeps its shape."""
    random = np.random.default_rng(seed)
    length = round(seconds * rate)
    spectrum = np.fft.rfft(random.standard_normal(length))
    hz = np.fft.rfftfreq(length, 1 / rate)
    sound = np.fft.irfft(np.where((hz > 100) & (hz < 2500), spectrum, 0), length)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def wav(
    data: bytes, *, channels: int = 1, rate: int = 16000, kind: int = PCM, bits: int = 16, promised: int | None = None
) -> bytes:
    """A RIFF/WAVE file around raw samples whose header may promise another number of bytes."""
    frame = channels * bits // 8
    size = len(data) if promised is None else promised
    head = struct.pack("<HHIIHH", kind, channels, rate, rate * frame & 0xFFFFFFFF, frame & 0xFFFF, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", min(36 + size, 0xFFFFFFFF)) + body + data


def pcm16(samples: np.ndarray) -> bytes:
    """Samples as int16, little endian."""
    return np.rint(samples * 32767).astype("<i2").tobytes()


def by_libav(samples: np.ndarray, rate: int, muxer: str, codec: str, channels: int = 1) -> bytes:
    """A file by a libav encoder, in any container, all channels alike."""
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    sink = io.BytesIO()
    with av.open(sink, "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        resampler = av.AudioResampler(stream.codec_context.format.name, layout, rate)
        data = np.repeat(np.rint(samples * 32767).astype(np.int16), channels)[None]
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        for converted in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return sink.getvalue()


def by_libsndfile(samples: np.ndarray, rate: int, kind: str, subtype: str) -> bytes:
    """A file by libsndfile."""
    sink = io.BytesIO()
    soundfile.write(sink, samples, rate, format=kind, subtype=subtype)
    return sink.getvalue()


def film(seconds: float = 1.0, *, sound: np.ndarray | None = None, rate: int = 48000) -> bytes:
    """An mp4 with moving pictures, and sound if given."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as container:
        video = container.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
        audio = None if sound is None else container.add_stream("aac", rate=rate, layout="mono")
        for number in range(int(10 * seconds)):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number, np.uint8), format="rgb24")
            picture.pts = number
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if audio is not None and sound is not None:
            frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return sink.getvalue()


def silent_opus(hours: float, *, admitted: bool = True) -> bytes:
    """Ogg Opus of digital silence, two bytes for 120 ms; its pages' clocks stand still where it is not ``admitted``."""
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 0, 48000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    pages = [_ogg_page(0, 0, [head], first=True), _ogg_page(1, 0, [tags])]
    packet = bytes([3 << 3 | 3, 2])  # two SILK frames of 60 ms, both empty
    ticks = 0
    while ticks < hours * 3600 * 48000:
        ticks += 255 * 5760
        pages.append(_ogg_page(len(pages), ticks if admitted else 5760, [packet] * 255))
    return b"".join(pages)


def _ogg_page(number: int, clock: int, packets: list[bytes], *, first: bool = False) -> bytes:
    lengths = bytes(len(packet) for packet in packets)
    head = b"OggS\0" + struct.pack("<BqIII", 2 if first else 0, clock, 7, number, 0) + bytes([len(lengths)]) + lengths
    page = head + b"".join(packets)
    return page[:22] + struct.pack("<I", _ogg_crc(page)) + page[26:]


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        crc = value << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
        table.append(crc)
    return table


_CRC = _crc_table()


def _ogg_crc(page: bytes) -> int:
    crc = 0
    for byte in page:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _CRC[crc >> 24 ^ byte]
    return crc
