"""Decoding by several threads gives what decoding by one gives, bit for bit, whole files and scratched ones."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio import ranges
from myna.audio.ahead import running_ahead
from myna.audio.io import DecodeLimits, decode, decode_blocks
from myna.core.errors import BadAudio, BadInput, LimitExceeded
from tests.audio.files import by_libav, voice_like

MP3S = [
    (8000, 8000, 1, {}),
    (22050, 8000, 2, {}),
    (24000, 32000, 2, {}),
    (44100, 32000, 1, {}),
    (44100, 128000, 2, {"joint_stereo": "1"}),
    (44100, 0, 2, {"compression_level": "5", "q": "4"}),
    (48000, 320000, 2, {"reservoir": "0"}),
]
"""Rate, bits per second (0: variable), channels, further options of the encoder."""


@pytest.fixture(autouse=True)
def _short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """So short that a few seconds have many, and that a warm-up of too few frames would show."""
    codecs = {name: replace(codec, packets_per_range=7) for name, codec in ranges._CODECS.items()}
    monkeypatch.setattr(ranges, "_CODECS", codecs)


@cache
def mp3(rate: int, bit_rate: int, channels: int, options: tuple[tuple[str, str], ...], seconds: float = 6.0) -> bytes:
    """Speech with pauses: the reservoir fills in the pauses and is used up by what follows."""
    sound = voice_like(seconds, rate) + 0.1 * np.random.default_rng(2).standard_normal(round(seconds * rate))
    sound *= np.repeat(np.tile([1.0, 0.001, 0.6, 0.0], 8), -(-len(sound) // 32))[: len(sound)]
    sides = np.stack([sound, 0.5 * np.roll(sound, 40)])[:channels]
    layout, sink = ("mono", "stereo")[channels - 1], io.BytesIO()
    with av.open(sink, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout=layout, options=dict(options))
        if bit_rate:
            stream.bit_rate = bit_rate
        resampler = av.AudioResampler("s16p", layout, rate, frame_size=576 if rate < 32000 else 1152)
        frame = av.AudioFrame.from_ndarray((sides * 20000).astype(np.int16), format="s16p", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return sink.getvalue()


def by_threads(data: bytes, num_threads: int = 3) -> np.ndarray:
    return np.concatenate(list(decode_blocks(data, num_threads=num_threads)))


@pytest.mark.parametrize(("rate", "bit_rate", "channels", "options"), MP3S, ids=str)
def test_mp3(rate: int, bit_rate: int, channels: int, options: dict[str, str]) -> None:
    data = mp3(rate, bit_rate, channels, tuple(options.items()))
    np.testing.assert_array_equal(by_threads(data), decode(data).samples)


@pytest.mark.parametrize(
    ("muxer", "codec"), [("flac", "flac"), ("wav", "pcm_s16le"), ("adts", "aac"), ("ogg", "libopus")]
)
def test_other_codecs(muxer: str, codec: str) -> None:
    data = by_libav(voice_like(4.0, 48000), 48000, muxer, codec, channels=2)
    np.testing.assert_array_equal(by_threads(data), decode(data).samples)


def test_files_joined_with_tags_between_them() -> None:
    first, second = mp3(44100, 128000, 2, ()), mp3(44100, 32000, 2, ())
    data = first + b"ID3\4\0\0\0\0\1\0" + bytes(128) + second
    np.testing.assert_array_equal(by_threads(data), decode(data).samples)


def test_a_warm_up_that_is_too_short_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    data = mp3(44100, 128000, 2, ())
    codecs = {"mp3float": replace(ranges._CODECS["mp3float"], warm_up=lambda history: history[-1:])}
    monkeypatch.setattr(ranges, "_CODECS", codecs)
    assert not np.array_equal(by_threads(data), decode(data).samples)


@given(st.lists(st.tuples(st.floats(0.05, 0.999), st.integers(1, 900)), max_size=4), st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_scratched_files(scratches: list[tuple[float, int]], num_threads: int) -> None:
    data = bytearray(mp3(44100, 128000, 2, ()))
    for where, length in scratches:
        at = int(where * len(data))
        data[at : at + length] = np.random.default_rng(at).bytes(len(data[at : at + length]))
    try:
        wanted = decode(bytes(data)).samples
    except BadInput as refusal:
        with pytest.raises(type(refusal)):
            by_threads(bytes(data), num_threads)
    else:
        np.testing.assert_array_equal(by_threads(bytes(data), num_threads), wanted)


def test_limits_hold_in_threads_too() -> None:
    data = mp3(44100, 128000, 2, ())
    with pytest.raises(LimitExceeded, match="allowed 3 s"):
        list(decode_blocks(data, limits=DecodeLimits(max_seconds=3.0), num_threads=2))
    taken = 0
    with pytest.raises(LimitExceeded, match="allowed 3 s"):
        for block in decode_blocks(data, limits=DecodeLimits(max_seconds=3.0), num_threads=2, checks_packets=False):
            taken += len(block)
    assert taken <= 3 * 44100


def test_whoever_stops_early_leaves_no_thread() -> None:
    before = threading.active_count()
    blocks = decode_blocks(mp3(44100, 128000, 2, (), 20.0), num_threads=2)
    next(blocks)
    blocks.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_what_runs_ahead_raises_where_it_is_used() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise BadAudio("broken")

    taken = []
    with pytest.raises(BadAudio, match="broken"), running_ahead(items()) as ready:  # type: ignore[arg-type]
        for item in ready:
            taken.append(item)  # noqa: PERF402
    assert taken == [1]
