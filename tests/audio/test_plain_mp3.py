"""MP3 files in large blocks: which may be decoded so, and that they sound as by libav."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio import mp3_pieces
from myna.audio.ahead import running_ahead
from myna.audio.io import DecodeLimits, decode, decode_blocks
from myna.audio.plain_mp3 import plain_mp3
from myna.audio.stereo import open_stereo
from myna.core.errors import BadAudio, BadInput, LimitExceeded
from tests.audio.files import by_libav, voice_like

MP3S = [
    (8000, 8000, 1, {}),
    (22050, 8000, 2, {}),
    (24000, 32000, 2, {}),
    (44100, 32000, 1, {}),
    (44100, 64000, 1, {}),
    (16000, 64000, 2, {}),
    (44100, 128000, 2, {"joint_stereo": "1"}),
    (44100, 0, 2, {"compression_level": "5", "q": "4"}),
    (48000, 320000, 2, {"reservoir": "0"}),
]
"""Rate, bits per second (0: variable), channels, further options of the encoder."""


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


def described(data: bytes) -> tuple[int, int, int] | None:
    plain = plain_mp3(io.BytesIO(data))
    return plain and (plain.form.sample_rate, plain.form.channels, plain.num_samples)


def by_libav_alone(data: bytes, patch: pytest.MonkeyPatch) -> np.ndarray:
    with patch.context() as only:
        only.setattr("myna.audio.recording.plain_mp3", lambda _: None)
        return decode(data).samples


@pytest.mark.parametrize(("rate", "bit_rate", "channels", "options"), MP3S, ids=str)
def test_sounds_as_by_libav(
    rate: int, bit_rate: int, channels: int, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = mp3(rate, bit_rate, channels, tuple(options.items()))
    assert described(data) == (rate, channels, 6 * rate)
    sound = decode(data).samples
    assert sound.shape == (6 * rate,)
    np.testing.assert_allclose(sound, by_libav_alone(data, monkeypatch), atol=2e-6)


def test_files_and_bytes_blocks_and_wholes_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp3_pieces, "_PIECE_FRAMES", 50)
    data = mp3(44100, 128000, 2, ())
    (tmp_path / "a.mp3").write_bytes(data)
    for source in (data, tmp_path / "a.mp3"):
        blocks = list(decode_blocks(source, ahead=True))
        assert len(blocks) > 1
        np.testing.assert_array_equal(np.concatenate(blocks), decode(data).samples)


@pytest.mark.parametrize(("rate", "bit_rate", "channels", "options"), MP3S, ids=str)
def test_pieces_are_what_the_whole_is(
    rate: int, bit_rate: int, channels: int, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = mp3(rate, bit_rate, channels, tuple(options.items()))
    whole = decode(data).samples
    monkeypatch.setattr(mp3_pieces, "_PIECE_FRAMES", 7)
    np.testing.assert_array_equal(decode(data).samples, whole)
    np.testing.assert_array_equal(np.concatenate(list(decode_blocks(data, ahead=True))), whole)
    monkeypatch.delattr("os.memfd_create", raising=False)
    np.testing.assert_array_equal(decode(data).samples, whole)


def test_a_warm_up_that_is_too_short_would_show(monkeypatch: pytest.MonkeyPatch) -> None:
    data = mp3(44100, 128000, 2, ())
    whole = decode(data).samples
    monkeypatch.setattr(mp3_pieces, "_PIECE_FRAMES", 7)
    monkeypatch.setattr(mp3_pieces, "_reservoir", lambda _plain, frame: frame)
    assert not np.array_equal(decode(data).samples, whole)


@pytest.mark.parametrize("bit_rate", [0, 128000])
def test_frames_without_a_tag(bit_rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = without_tag(mp3(44100, bit_rate, 2, (("q", "4"),) if not bit_rate else ()))
    assert described(data) is not None
    np.testing.assert_allclose(decode(data).samples, by_libav_alone(data, monkeypatch), atol=2e-6)


def test_both_sides_are_kept() -> None:
    with open_stereo(mp3(44100, 128000, 2, ()), 44100) as (_, blocks):
        left, right = np.concatenate(list(blocks)).T
    assert np.abs(left).max() > 1.5 * np.abs(right).max() > 0.1


def test_a_single_channel_is_no_view_of_what_is_decoded_next() -> None:
    data = mp3(44100, 64000, 1, (), 20.0)
    assert plain_mp3(io.BytesIO(data)) is not None
    np.testing.assert_array_equal(np.concatenate(list(decode_blocks(data))), decode(data).samples)


def test_tags_at_both_ends_are_no_sound() -> None:
    data = mp3(44100, 128000, 2, ())
    tagged = b"ID3\4\0\0\0\0\1\0" + bytes(128) + data + b"TAG" + bytes(125)
    assert described(tagged) == described(data) is not None
    np.testing.assert_array_equal(decode(tagged).samples, decode(data).samples)


def without_tag(data: bytes) -> bytes:
    """Frames alone: the encoder's tag is a frame of its own."""
    start = 0 if data[:1] == b"\xff" else 10 + (data[8] << 7 | data[9])
    assert b"Info" in data[start : start + 64] or b"Xing" in data[start : start + 64]
    return data[data.index(b"\xff\xfb", start + 4) :]


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("a tag between joined files", lambda whole: whole + b"ID3\4\0\0\0\0\1\0" + bytes(128) + whole),
        ("another rate behind", lambda whole: without_tag(whole) + without_tag(mp3(48000, 128000, 2, ()))),
        ("another number of channels behind", lambda whole: without_tag(whole) + without_tag(mp3(44100, 64000, 1, ()))),
        ("cut off inside a frame", lambda whole: whole[:-100]),
        ("bytes that are no frame", lambda whole: whole[:40000] + b"?" + whole[40000:]),
        ("begun in the midst of its reservoir", lambda whole: without_tag(whole)[418 * 20 :]),
        ("a flac file", lambda _: by_libav(voice_like(1.0, 48000), 48000, "flac", "flac")),
        ("nothing", lambda _: b""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_not_plain(why: str, data: Callable[[bytes], bytes]) -> None:
    stream = io.BytesIO(data(mp3(44100, 128000, 2, ())))
    assert plain_mp3(stream) is None, why
    assert stream.tell() == 0


@given(st.lists(st.tuples(st.floats(0.0, 0.999), st.integers(1, 900)), max_size=4))
@settings(max_examples=25, deadline=None)
def test_scratched_files(scratches: list[tuple[float, int]]) -> None:
    data = bytearray(mp3(44100, 128000, 2, ()))
    for where, length in scratches:
        at = int(where * len(data))
        data[at : at + length] = np.random.default_rng(at).bytes(len(data[at : at + length]))
    plain = plain_mp3(io.BytesIO(data))
    try:
        sound = decode(bytes(data)).samples
    except BadInput:
        return
    assert plain is None or len(sound) == plain.num_samples
    assert np.isfinite(sound).all()


def test_limits_hold() -> None:
    data = mp3(44100, 128000, 2, ())
    for checks_packets in (True, False):
        with pytest.raises(LimitExceeded, match=r"6\.0 s long, more than the allowed 3 s"):
            list(decode_blocks(data, limits=DecodeLimits(max_seconds=3.0), ahead=True, checks_packets=checks_packets))


def test_whoever_stops_early_leaves_no_thread() -> None:
    before = threading.active_count()
    blocks = decode_blocks(mp3(44100, 128000, 2, (), 20.0), ahead=True)
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
