"""What goes out comes back in, in every format, and goes out early."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.encode import FORMATS, encode, encode_stream, write_audio
from myna.audio.io import decode, probe, resample
from myna.core.errors import BadInput, UnknownChoice
from tests.audio.files import voice_like
from tests.audio.test_decode import likeness

CODECS = {"wav": "pcm_s16le", "mp3": "mp3float", "opus": "opus", "ogg": "vorbis", "aac": "aac", "flac": "flac"}
LOSSLESS = ("wav", "flac")


def _chunks(samples: np.ndarray, length: int) -> Iterator[np.ndarray]:
    for start in range(0, len(samples), length):
        yield samples[start : start + length]


def test_the_formats_are_the_promised_ones() -> None:
    assert list(FORMATS) == ["wav", "mp3", "opus", "ogg", "aac", "flac", "raw"]
    assert all(row.media_type.startswith("audio/") for row in FORMATS.values())


@pytest.mark.parametrize("rate", [8000, 12345, 24000, 32000, 48000, 96000])
@pytest.mark.parametrize("name", CODECS)
def test_round_trip(name: str, rate: int) -> None:
    sound = voice_like(1.5, rate)
    data = b"".join(encode_stream(_chunks(sound, rate // 7), rate, name))
    assert probe(data).codec == CODECS[name]
    audio = decode(data)
    # Formats that know no such rate take the next one up; Opus is always 48 kHz, MPEG ends there.
    assert audio.sample_rate == FORMATS[name].rate_for(rate)
    assert audio.seconds == pytest.approx(1.5, abs=0.26 if rate == 8000 else 0.12)
    wanted = resample(sound, rate, audio.sample_rate)
    assert likeness(audio.samples, wanted, slack=max(audio.sample_rate // 8, 2500)) > 0.97
    if name in LOSSLESS:
        np.testing.assert_allclose(audio.samples, sound, atol=1 / 32767)


@pytest.mark.parametrize("name", FORMATS)
def test_bytes_come_out_while_sound_goes_in(name: str) -> None:
    rate, out, seen = 32000, bytearray(), []

    def speech() -> Iterator[np.ndarray]:
        for chunk in _chunks(voice_like(8.0, rate), rate // 2):
            seen.append(len(out))
            yield chunk

    for piece in encode_stream(speech(), rate, name):
        out += piece
    assert len(seen) == 16
    growth = np.diff(seen[2:])
    longest_wait = max(len(list(run)) for grew, run in groupby(growth > 0) if not grew) if (growth == 0).any() else 0
    assert longest_wait <= (2 if name == "ogg" else 0), "half a second of speech gave no byte"
    assert max(growth) < len(out) / 4


@pytest.mark.parametrize("name", FORMATS)
def test_how_it_is_cut_does_not_matter(name: str) -> None:
    sound = voice_like(1.0, 24000)
    coarse, fine = (b"".join(encode_stream(_chunks(sound, length), 24000, name)) for length in (24000, 333))
    if name in ("raw", "wav"):
        assert fine == coarse
    else:  # Vorbis guesses what was before the first block from how much of it there is
        difference = decode(fine).samples - decode(coarse).samples
        assert np.sqrt(np.mean(difference**2)) < (2e-3 if name == "ogg" else 1e-4)


@pytest.mark.parametrize("name", CODECS)
def test_whole_files_tell_their_length(name: str) -> None:
    sound = voice_like(2.0, 32000)
    data = encode(sound, 32000, name)
    assert decode(data).seconds == pytest.approx(2.0, abs=0.06)
    told = probe(data).seconds
    assert told is not None
    assert told == pytest.approx(2.0, abs=0.3)
    if name in LOSSLESS:
        assert told == 2.0
    if name == "wav":
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            assert file.frames == 64000


@given(st.integers(0, 3000), st.integers(1, 700))
@settings(max_examples=30, deadline=None)
def test_raw_and_wav_are_int16_of_what_came(length: int, step: int) -> None:
    sound = np.linspace(-1.5, 1.5, length, dtype=np.float32)
    raw = b"".join(encode_stream(_chunks(sound, step), 16000, "raw"))
    expected = np.clip(np.rint(sound * 32768), -32768, 32767)
    np.testing.assert_array_equal(np.frombuffer(raw, "<i2"), expected)
    streamed = b"".join(encode_stream(_chunks(sound, step), 16000, "wav"))
    assert streamed[44:] == raw
    assert streamed[40:44] == b"\xff\xff\xff\xff"
    as_int16 = b"".join(encode_stream([expected.astype(np.int16)], 16000, "raw"))
    assert as_int16 == raw


@pytest.mark.parametrize("name", FORMATS)
def test_no_sound_is_no_crash(name: str) -> None:
    none, empty = (b"".join(encode_stream(chunks, 32000, name)) for chunks in ([], [np.zeros(0)]))
    assert len(none) == len(empty) < 9000
    encode(np.zeros(0), 24000, name)


@pytest.mark.parametrize("name", FORMATS)
def test_a_listener_who_leaves(name: str) -> None:
    left = []

    def speech() -> Iterator[np.ndarray]:
        try:
            while True:
                yield voice_like(0.5, 32000)
        finally:
            left.append(True)

    stream = encode_stream(speech(), 32000, name)
    for _ in range(3):
        next(stream)
    stream.close()  # type: ignore[attr-defined]
    del stream
    assert left == [True]


def test_bad_requests() -> None:
    with pytest.raises(UnknownChoice, match="unknown audio format 'wma'; choose one of: wav, mp3, opus, ogg, aac"):
        encode_stream([], 32000, "wma")
    with pytest.raises(BadInput, match="above 0"):
        encode_stream([], 0, "wav")
    with pytest.raises(BadInput, match="must be mono"):
        encode(np.zeros((2, 100)), 32000, "wav")
    for name in FORMATS:
        with pytest.raises(BadInput, match="not numbers"):
            encode(np.array([0.0, np.nan]), 32000, name)


def test_files_are_named_by_their_format(tmp_path: Path) -> None:
    sound = voice_like(1.0, 32000)
    for name, codec in CODECS.items():
        path = tmp_path / f"speech.{name.upper()}"
        write_audio(path, sound, 32000)
        assert probe(path).codec == codec
    before = sorted(tmp_path.iterdir())
    for wrong in ("speech", "speech.txt"):
        with pytest.raises(UnknownChoice):
            write_audio(tmp_path / wrong, sound, 32000)
    assert sorted(tmp_path.iterdir()) == before
