from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.encode import encode
from myna.audio.io import decode, resample
from myna.audio.watermark import NUM_BANDS, SLOT_S, SLOTS, Marker, find, pattern
from myna.core.assets import bundled

RATE = 24000


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Eight seconds of the demo recording, which no machine made."""
    recording = next(bundled("demo").glob("recording.*"))
    return decode(recording, RATE).samples[: 8 * RATE]


@pytest.fixture(scope="module")
def marked(speech: np.ndarray) -> np.ndarray:
    return Marker(RATE).marked(speech)


def test_the_mark_is_found_and_only_where_it_is(speech: np.ndarray, marked: np.ndarray) -> None:
    found, none = find(marked, RATE), find(speech, RATE)
    assert found.is_marked
    assert found.chance < 1e-9
    assert none.probability < 0.2
    assert none.chance > 0.01
    assert found.seconds == pytest.approx(8.0)


def test_the_mark_is_soft_and_the_sound_keeps_its_length(speech: np.ndarray, marked: np.ndarray) -> None:
    assert marked.shape == speech.shape
    assert marked.dtype == np.float32
    apart = float(np.square(marked - speech).sum() / np.square(speech).sum())
    assert 0.0005 < apart < 0.02, "between 33 and 17 dB below the speech"


def test_a_stream_is_marked_as_the_whole_is(speech: np.ndarray, marked: np.ndarray) -> None:
    marker = Marker(RATE)
    parts = [marker.marked(part) for part in np.split(speech, [1, 1, 100, 5000, 77_777])]
    assert np.abs(np.concatenate(parts) - marked).max() < 1e-6


@pytest.mark.parametrize("form", ["mp3", "opus", "ogg", "aac"])
def test_codecs_leave_the_mark(form: str, marked: np.ndarray, tmp_path: Path) -> None:
    file = tmp_path / f"speech.{form}"
    file.write_bytes(encode(marked, RATE, form))
    audio = decode(file)
    assert find(audio.samples, audio.sample_rate).is_marked


def test_other_rates_gains_and_a_cut_leave_the_mark(marked: np.ndarray) -> None:
    for changed in (0.05 * marked, -marked, marked[31_337 : 31_337 + 4 * RATE]):
        assert find(changed, RATE).is_marked
    for rate in (16_000, 44_100, 48_000):
        assert find(resample(marked, RATE, rate), rate).is_marked
    there_and_back = resample(resample(marked, RATE, 16_000), 16_000, 44_100)
    assert find(there_and_back, 44_100).is_marked


@pytest.fixture(scope="module")
def longer() -> np.ndarray:
    recording = next(bundled("demo").glob("recording.*"))
    return Marker(RATE).marked(decode(recording, RATE).samples[: 16 * RATE])


def test_seconds_taken_out_of_the_middle_leave_the_mark(longer: np.ndarray) -> None:
    cut_out = np.concatenate((longer[: 7 * RATE], longer[round(9.432 * RATE) :]))
    assert find(cut_out, RATE).is_marked


def test_a_marked_part_of_a_longer_recording_is_found(longer: np.ndarray) -> None:
    before = decode(next(bundled("demo").glob("recording.*")), RATE).samples[20 * RATE : 40 * RATE]
    assert find(np.concatenate((before, longer[: 8 * RATE])), RATE).is_marked


def test_another_speed_destroys_the_mark(marked: np.ndarray) -> None:
    assert not find(resample(marked, RATE, round(RATE * 1.06)), RATE).is_marked


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.1])
def test_of_almost_nothing_nothing_is_said(seconds: float) -> None:
    found = find(np.full(round(seconds * RATE), 0.1, np.float32), RATE)
    assert found.probability == pytest.approx(0.5, abs=0.1)
    assert not found.is_marked


def test_silence_and_noise_are_not_marked() -> None:
    noise = np.random.default_rng(0).normal(size=10 * RATE).astype(np.float32) * 0.1
    assert find(noise, RATE).probability < 0.1
    assert not find(np.zeros(10 * RATE, np.float32), RATE).is_marked
    assert not np.any(Marker(RATE).marked(np.zeros(RATE, np.float32)))


def test_loud_sound_stays_within_full_scale() -> None:
    square = np.sign(np.sin(np.arange(RATE) * 0.3)).astype(np.float32)
    assert np.abs(Marker(RATE).marked(square)).max() <= 1.0


def test_the_pattern_makes_nothing_louder_as_a_whole() -> None:
    signs = pattern()
    assert signs.shape == (SLOTS, NUM_BANDS)
    assert not signs.sum(axis=0).any()
    assert not signs.sum(axis=1).any()
    period_s = SLOTS * SLOT_S
    assert period_s < 4, "a cut of several seconds holds a whole period"
