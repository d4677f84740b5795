from __future__ import annotations

import math

import numpy as np
import pytest

from myna.audio.io import Audio
from myna.core.errors import BadAudio
from myna.engine.measures import Opinion, clipped_share, measure, measure_all, silent_share, snr_db
from tests.engine.speech_sound import SAMPLE_RATE, speech_sound

CLEAN = speech_sound(4.0)


def noise(kind: str, like: np.ndarray, below_db: float) -> np.ndarray:
    """White or pink noise (nothing below 80 Hz), or hum of two tones; so many dB below ``like``."""
    white = np.random.default_rng(2).standard_normal(len(like))
    hz = np.fft.rfftfreq(len(like), 1 / SAMPLE_RATE)
    shape = np.where(hz > 80, 1 / np.sqrt(np.maximum(hz, 1.0)) if kind == "pink" else 1.0, 0.0)
    turn = 2 * np.pi * np.arange(len(like)) / SAMPLE_RATE
    hum = np.sin(120 * turn) + 0.3 * np.sin(300 * turn)
    sound = hum if kind == "hum" else np.fft.irfft(np.fft.rfft(white) * shape, len(like))
    scaled: np.ndarray = sound * np.sqrt(np.mean(like**2) / np.mean(sound**2)) * 10 ** (-below_db / 20)
    return scaled


@pytest.mark.parametrize("kind", ["white", "pink"])
@pytest.mark.parametrize("truth", [0.0, 10.0, 20.0, 30.0])
def test_noise_is_judged_within_two_decibels(kind: str, truth: float) -> None:
    assert snr_db(CLEAN + noise(kind, CLEAN, truth), SAMPLE_RATE) == pytest.approx(truth, abs=2.0)


def test_hum_is_noise_too_and_its_level_does_not_matter() -> None:
    mix = CLEAN + noise("hum", CLEAN, 12.0)
    assert snr_db(mix, SAMPLE_RATE) == pytest.approx(12.0, abs=2.0)
    assert snr_db(mix * 0.1, SAMPLE_RATE) == pytest.approx(12.0, abs=2.0)


def test_digital_silence_around_a_noisy_clip_does_not_make_it_clean() -> None:
    mix = CLEAN + noise("white", CLEAN, 10.0)
    assert snr_db(np.pad(mix, SAMPLE_RATE), SAMPLE_RATE) == pytest.approx(snr_db(mix, SAMPLE_RATE), abs=0.5)


def test_clean_noise_and_nothing_have_their_ends_of_the_scale() -> None:
    clean, rough = snr_db(CLEAN, SAMPLE_RATE), snr_db(noise("white", CLEAN, 0.0), SAMPLE_RATE)
    assert clean is not None
    assert clean > 50.0
    assert rough is not None
    assert rough < -5.0
    assert snr_db(np.zeros(SAMPLE_RATE), SAMPLE_RATE) is None
    assert snr_db(CLEAN[:1000], SAMPLE_RATE) is None


def test_flat_tops_and_what_passes_full_scale_are_clipped() -> None:
    wave = np.sin(np.arange(SAMPLE_RATE) * 0.05).astype(np.float32)
    assert clipped_share(wave) == 0.0
    assert clipped_share(wave * 1.5) == pytest.approx(2 * math.acos(1 / 1.5) / math.pi, abs=0.01)
    cut = np.clip(wave * 1.5, -1.0, 1.0)
    assert clipped_share(cut) == pytest.approx(2 * math.acos(1 / 1.5) / math.pi, abs=0.01)
    assert clipped_share(cut * 0.7) == pytest.approx(clipped_share(cut), abs=0.001)
    one_sided = np.minimum(wave, 0.8)
    assert 0.15 < clipped_share(one_sided) < 0.25
    assert clipped_share(np.full(100, 0.3)) == 0.0
    assert clipped_share(np.zeros(0)) == 0.0


def test_the_share_of_silence_is_relative_to_the_loud_parts() -> None:
    loud, hush = np.full(SAMPLE_RATE, 0.3), np.full(SAMPLE_RATE // 2, 0.003)
    assert silent_share(np.concatenate((loud, hush)), SAMPLE_RATE) == pytest.approx(1 / 3, abs=0.02)
    assert silent_share(np.concatenate((loud, hush * 10)), SAMPLE_RATE) == 0.0
    assert silent_share(np.zeros(SAMPLE_RATE), SAMPLE_RATE) == 1.0
    assert silent_share(np.zeros(0), SAMPLE_RATE) == 1.0


def test_a_clip_has_all_its_measures_and_they_are_plain_json() -> None:
    found = measure(0.5 * CLEAN / np.abs(CLEAN).max(), SAMPLE_RATE)
    assert found.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert found.seconds == pytest.approx(4.0)
    values = found.as_json()
    assert list(values) == [
        "seconds", "loudness_lufs", "peak_dbfs", "clipped_share", "silent_share", "snr_db", "dnsmos"
    ]  # fmt: skip
    assert values["dnsmos"] is None
    assert values["peak_dbfs"] == -6.021
    empty = measure(np.zeros(0, np.float32), SAMPLE_RATE)
    assert (empty.loudness_lufs, empty.peak_dbfs, empty.snr_db, empty.silent_share) == (None, None, None, 1.0)


class _Generous:
    def opinions(self, sounds: list[Audio]) -> list[Opinion | None]:
        return [Opinion(5.0, 4.0, len(sound.samples)) for sound in sounds]


def test_opinions_go_to_the_clips_they_are_about() -> None:
    sounds = [Audio(CLEAN[:size], SAMPLE_RATE) for size in (4000, 8000)]
    found = measure_all(sounds, _Generous())
    assert [each.dnsmos.background for each in found if each.dnsmos] == [4000, 8000]
    assert found[0].as_json()["dnsmos"] == {"overall": 5.0, "speech": 4.0, "background": 4000}


@pytest.mark.parametrize("sound", [np.full(100, np.nan), np.full((100, 2), 0.1)])
def test_what_is_not_one_channel_of_numbers_is_refused(sound: np.ndarray) -> None:
    with pytest.raises(BadAudio, match="one channel of finite numbers"):
        measure(sound, SAMPLE_RATE)
