from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from myna.audio.io import DecodeLimits
from myna.audio.stereo import STEREO_FORMATS, open_stereo, stereo_file
from myna.core.errors import BadAudio, BadInput, LimitExceeded, UnknownChoice

RATE = 44_100


def two_tones(seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    moments = np.arange(int(seconds * rate)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * 440 * moments), 0.25 * np.sin(2 * np.pi * 660 * moments)], axis=1)


def write(path: Path, sound: np.ndarray, block: int = 10_000) -> Path:
    with stereo_file(path, RATE) as file:
        for start in range(0, len(sound), block):
            file(sound[start : start + block])
    return path


def read(path: Path, rate: int = RATE) -> np.ndarray:
    with open_stereo(path, rate) as (_, blocks):
        return np.concatenate(list(blocks))


@pytest.mark.parametrize("extension", STEREO_FORMATS)
def test_what_is_written_is_read_again_as_loud_and_on_its_side(tmp_path: Path, extension: str) -> None:
    sound = two_tones()
    again = read(write(tmp_path / f"song.{extension}", sound))
    assert abs(len(again) - len(sound)) < 4096
    assert again.std(axis=0) == pytest.approx(sound.std(axis=0), rel=0.02)
    assert [path.name for path in tmp_path.iterdir()] == [f"song.{extension}"]


@pytest.mark.parametrize("extension", ["wav", "flac"])
def test_wav_and_flac_keep_sixteen_bits(tmp_path: Path, extension: str) -> None:
    sound = two_tones()
    assert np.abs(read(write(tmp_path / f"song.{extension}", sound)) - sound).max() < 1.6e-5


def test_one_channel_is_doubled_and_another_rate_resampled(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "voice.wav", two_tones(1.0, 32_000)[:, 0], 32_000)
    sound = read(tmp_path / "voice.wav")
    assert len(sound) == pytest.approx(RATE, abs=2)
    assert np.array_equal(sound[:, 0], sound[:, 1])
    assert sound[:, 0].std() == pytest.approx(0.5 / 2**0.5, rel=1e-3)


def test_a_films_voices_stay_in_the_middle(tmp_path: Path) -> None:
    surround = np.zeros((RATE, 6), np.float32)
    surround[:, 2] = two_tones()[:, 0]
    pcm = (surround * 32767).astype(np.int16).reshape(1, -1)
    with av.open(str(tmp_path / "film.flac"), "w") as container:
        stream = container.add_stream("flac", rate=RATE)
        stream.codec_context.layout, stream.codec_context.format = "5.1", "s16"
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="5.1")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    sound = read(tmp_path / "film.flac")
    assert sound.std(axis=0) == pytest.approx([0.25, 0.25], rel=0.01)


def test_channels_without_a_place_are_averaged(tmp_path: Path) -> None:
    three = np.stack([two_tones()[:, 0]] * 3, axis=1)
    soundfile.write(tmp_path / "three.wav", three, RATE)
    sound = read(tmp_path / "three.wav")
    assert sound.std(axis=0) == pytest.approx([0.5 / 2**0.5] * 2, rel=1e-3)


def test_limits_hold_in_stereo_too(tmp_path: Path) -> None:
    path = write(tmp_path / "song.flac", two_tones())
    with pytest.raises(LimitExceeded, match="more than"), open_stereo(path, RATE, limits=DecodeLimits(max_seconds=0.5)):
        pass


def test_nothing_is_left_of_a_file_that_failed(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="not numbers"), stereo_file(tmp_path / "song.wav", RATE) as file:
        file(np.full((10, 2), np.nan))
    assert list(tmp_path.iterdir()) == []


def test_other_formats_and_shapes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownChoice, match="wav, flac, mp3, m4a"), stereo_file(tmp_path / "song.ogg", RATE):
        pass
    with pytest.raises(BadInput, match=r"\(t, 2\)"), stereo_file(tmp_path / "song.wav", RATE) as file:
        file(np.zeros(10))


def test_louder_than_full_scale_is_clipped_and_never_wraps_around(tmp_path: Path) -> None:
    sound = read(write(tmp_path / "song.wav", 4 * two_tones()))
    assert 0.999 < sound.max() <= 1.0
    assert np.array_equal(np.sign(sound[100:110, 0]), np.sign(two_tones()[100:110, 0]))
