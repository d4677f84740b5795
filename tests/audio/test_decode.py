"""Every kind of recording comes in as the sound that went into it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from myna.audio.io import DecodeLimits, decode, decode_blocks, probe, resample, write_wav
from myna.core.errors import BadInput, NotFound, WorkspaceError
from tests.audio.files import FLOAT, by_libav, by_libsndfile, film, pcm16, voice_like, wav

RATE = 48000
SOUND = voice_like(2.0, RATE)

KINDS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "wav": (lambda: wav(pcm16(SOUND), rate=RATE), "wav", "pcm_s16le"),
    "wav-stream": (lambda: wav(pcm16(SOUND), rate=RATE, promised=0xFFFFFFFF), "wav", "pcm_s16le"),
    "wav-8-bit": (lambda: by_libsndfile(SOUND, RATE, "WAV", "PCM_U8"), "wav", "pcm_u8"),
    "wav-24-bit": (lambda: by_libsndfile(SOUND, RATE, "WAV", "PCM_24"), "wav", "pcm_s24le"),
    "wav-float": (lambda: wav(SOUND.tobytes(), rate=RATE, kind=FLOAT, bits=32), "wav", "pcm_f32le"),
    "wav-double": (lambda: by_libsndfile(SOUND, RATE, "WAV", "DOUBLE"), "wav", "pcm_f64le"),
    "rf64": (lambda: by_libsndfile(SOUND, RATE, "RF64", "PCM_16"), "wav", "pcm_s16le"),
    "mp3": (lambda: by_libav(SOUND, RATE, "mp3", "libmp3lame"), "mp3", "mp3float"),
    "m4a": (lambda: by_libav(SOUND, RATE, "ipod", "aac"), "mov", "aac"),
    "m4a-alac": (lambda: by_libav(SOUND, RATE, "ipod", "alac"), "mov", "alac"),
    "mp4": (lambda: by_libav(SOUND, RATE, "mp4", "aac"), "mov", "aac"),
    "mp4-film": (lambda: film(2.0, sound=SOUND), "mov", "aac"),
    "aac": (lambda: by_libav(SOUND, RATE, "adts", "aac"), "aac", "aac"),
    "flac": (lambda: by_libav(SOUND, RATE, "flac", "flac"), "flac", "flac"),
    "flac-24-bit": (lambda: by_libsndfile(SOUND, RATE, "FLAC", "PCM_24"), "flac", "flac"),
    "ogg-opus": (lambda: by_libav(SOUND, RATE, "ogg", "libopus"), "ogg", "opus"),
    "ogg-vorbis": (lambda: by_libsndfile(SOUND, RATE, "OGG", "VORBIS"), "ogg", "vorbis"),
    "webm": (lambda: by_libav(SOUND, RATE, "webm", "libopus"), "matroska", "opus"),
}


def likeness(heard: np.ndarray, sound: np.ndarray, slack: int = 3000) -> float:
    """Correlation of two sounds at their best alignment within ``slack`` samples."""
    middle = sound[slack:-slack]
    spectrum = np.fft.rfft(heard, 2 * len(heard)) * np.conj(np.fft.rfft(middle, 2 * len(heard)))
    at = int(np.argmax(np.fft.irfft(spectrum)[: 2 * slack]))
    piece = heard[at : at + len(middle)]
    return float(np.corrcoef(piece, middle[: len(piece)])[0, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_decoded(kind: str) -> None:
    make, container, codec = KINDS[kind]
    data = make()
    info = probe(data)
    assert (info.container, info.codec, info.sample_rate, info.channels) == (container, codec, RATE, 1)
    audio = decode(data)
    assert audio.samples.dtype == np.float32
    assert audio.samples.ndim == 1
    assert audio.sample_rate == RATE
    assert audio.seconds == pytest.approx(2.0, abs=0.06)
    assert likeness(audio.samples, SOUND) > 0.97
    assert np.sqrt(np.mean(audio.samples**2)) == pytest.approx(np.sqrt(np.mean(SOUND**2)), rel=0.05)


@pytest.mark.parametrize("kind", ["wav", "wav-stream", "wav-24-bit", "wav-float", "m4a-alac", "flac", "flac-24-bit"])
def test_lossless_kinds_are_exact(kind: str) -> None:
    samples = decode(KINDS[kind][0]()).samples
    assert len(samples) == len(SOUND)
    np.testing.assert_allclose(samples, SOUND, atol=1.1 / 32767)


def test_the_name_says_nothing(tmp_path: Path) -> None:
    for wrong in ("song.m3u8", "song.mp3", "song", "song.wav", "concat:x|y.txt"):
        path = tmp_path / wrong
        path.write_bytes(KINDS["flac"][0]())
        assert probe(path).container == "flac"
        assert len(decode(path).samples) == len(SOUND)


def test_channels_are_averaged() -> None:
    left, right = voice_like(1.0, 16000, 1), voice_like(1.0, 16000, 2)
    stereo = np.stack([left, right], axis=1)
    for data in (wav(pcm16(stereo), channels=2), by_libsndfile(stereo, 16000, "FLAC", "PCM_16")):
        assert probe(data).channels == 2
        np.testing.assert_allclose(decode(data).samples, (left + right) / 2, atol=2 / 32767)
    planar = decode(by_libav(SOUND, RATE, "mp4", "aac", channels=6))
    assert likeness(planar.samples, SOUND) > 0.97


def test_louder_than_full_scale_is_kept() -> None:
    data = wav((SOUND * 3).tobytes(), rate=RATE, kind=FLOAT, bits=32)
    np.testing.assert_array_equal(decode(data).samples, SOUND * 3)


def test_resampled_on_the_way_as_afterwards() -> None:
    data = KINDS["wav-float"][0]()
    for rate in (16000, 32000, 44100):
        audio = decode(data, rate)
        assert audio.sample_rate == rate
        assert audio.seconds == pytest.approx(2.0, abs=1e-4)
        afterwards = resample(SOUND, RATE, rate)
        np.testing.assert_allclose(audio.samples, afterwards[: len(audio.samples)], atol=1e-4)
        np.testing.assert_array_equal(np.concatenate(list(decode_blocks(data, rate))), audio.samples)


def test_blocks_come_before_the_end() -> None:
    blocks = decode_blocks(by_libav(voice_like(20.0, 16000), 16000, "flac", "flac"))
    first = next(blocks)
    assert 0 < len(first) < 10 * 16000
    assert len(first) + sum(len(block) for block in blocks) == 20 * 16000


def test_streams_are_read_and_put_back() -> None:
    stream = io.BytesIO(b"junk" + KINDS["flac"][0]())
    stream.seek(4)
    assert probe(stream).container == "flac"
    assert len(decode(stream).samples) == len(SOUND)
    assert stream.tell() == 4


def test_a_stream_that_cannot_seek() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self._data = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return self._data.read(min(size, 1000))

    # An mp4 has its index at the end, which a pipe alone could not reach.
    assert decode(Pipe(KINDS["mp4"][0]())).seconds == pytest.approx(2.0, abs=0.06)  # type: ignore[arg-type]


def test_an_endless_stream_ends_at_the_limit() -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return b"\0" * size

    with pytest.raises(BadInput, match="more than the allowed 3 MiB"):
        decode(Endless(), limits=DecodeLimits(max_bytes=3 << 20))  # type: ignore[arg-type]


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        decode(tmp_path / "nothing.wav")
    with pytest.raises(NotFound, match="there is no file"):
        decode(tmp_path)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.wav"
    path.write_bytes(KINDS["wav"][0]())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(WorkspaceError, match=r"cannot read .*mine\.wav: Permission denied"):
        decode(path)


def test_rates_that_are_none() -> None:
    for rate in (0, -16000):
        with pytest.raises(BadInput, match="above 0"):
            decode(KINDS["wav"][0](), rate)
        with pytest.raises(BadInput, match="above 0"):
            resample(SOUND, RATE, rate)


@given(
    arrays.arrays(np.int16, st.integers(1, 5000)),
    st.sampled_from([8000, 16000, 22050, 32000, 44100, 48000, 192000]),
)
@settings(max_examples=25, deadline=None)
def test_wav_round_trip_is_exact(tmp_path_factory: pytest.TempPathFactory, samples: np.ndarray, rate: int) -> None:
    path = tmp_path_factory.mktemp("wav") / "clip.wav"
    write_wav(path, samples, rate)
    audio = decode(path)
    assert audio.sample_rate == rate
    np.testing.assert_array_equal(audio.samples, samples.astype(np.float32) / 32768)
    first = path.read_bytes()
    write_wav(path, audio.samples, rate)
    assert path.read_bytes() == first


@given(st.integers(100, 4000), st.sampled_from([8000, 16000, 24000, 32000, 44100]), st.sampled_from([16000, 48000]))
@settings(max_examples=30, deadline=None)
def test_resampling_keeps_length_and_a_low_tone(milliseconds: int, from_hz: int, to_hz: int) -> None:
    length = milliseconds * from_hz // 1000
    tone = np.sin(2 * np.pi * 440 * np.arange(length) / from_hz).astype(np.float32)
    sound = resample(tone, from_hz, to_hz)
    assert abs(len(sound) - length * to_hz / from_hz) <= 1
    expected = np.sin(2 * np.pi * 440 * np.arange(len(sound)) / to_hz)
    edge = to_hz // 50
    np.testing.assert_allclose(sound[edge:-edge], expected[edge:-edge], atol=2e-3)


def test_written_wav_clips_and_never_wraps(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "clip.wav"
    write_wav(path, np.array([2.0, 1.0, -1.0, -2.0, 0.0]), 16000)
    np.testing.assert_array_equal(decode(path).samples * 32768, [32767, 32767, -32768, -32768, 0])
    assert [entry.name for entry in path.parent.iterdir()] == ["clip.wav"]


def test_nothing_is_written_of_numbers_that_are_none(tmp_path: Path) -> None:
    for bad in (np.nan, np.inf):
        with pytest.raises(BadInput, match="not numbers"):
            write_wav(tmp_path / "clip.wav", np.array([0.0, bad]), 16000)
    assert not list(tmp_path.iterdir())
