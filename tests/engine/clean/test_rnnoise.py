"""Denoising takes noise out, keeps length, rate, level and place in time, and leaves clean speech alone."""

from __future__ import annotations

import numpy as np
import pytest

from myna.audio.io import Audio, resample
from myna.core.errors import BadAudio, MissingExtra
from myna.engine.clean import rnnoise as module
from myna.engine.clean.denoiser import Unchanged
from myna.engine.clean.rnnoise import RnNoise
from tests.engine.speech_sound import SAMPLE_RATE, speech_sound


def cleaned_by(engine: RnNoise | Unchanged, samples: np.ndarray, sample_rate: int) -> np.ndarray:
    return engine.clean_all([Audio(samples, sample_rate)])[0]


def noise(length: int, power: float) -> np.ndarray:
    return (np.random.default_rng(3).standard_normal(length) * power**0.5).astype(np.float32)


def distance_db(reference: np.ndarray, other: np.ndarray) -> float:
    """Power of the reference over power of the difference."""
    difference = np.square(other - reference, dtype=np.float64).sum()
    return float(10 * np.log10(np.square(reference, dtype=np.float64).sum() / max(difference, 1e-20)))


@pytest.mark.parametrize(("snr_db", "gain_db"), [(0, 3), (10, 0.5), (20, -2), (30, -3)])
def test_noise_goes_and_the_voice_stays_where_it_was(snr_db: float, gain_db: float) -> None:
    voice = speech_sound(6.0)
    noisy = voice + noise(len(voice), float(np.mean(voice**2)) * 10 ** (-snr_db / 10))
    cleaned = cleaned_by(RnNoise(), noisy, SAMPLE_RATE)
    assert cleaned.dtype == np.float32
    assert distance_db(voice, cleaned) > distance_db(voice, noisy) + gain_db
    in_pauses = np.convolve(np.abs(voice), np.ones(1600), "same") == 0
    assert np.std(cleaned[in_pauses]) < (0.3 if snr_db <= 10 else 0.97) * np.std(noisy[in_pauses])


def test_clean_speech_stays_as_it_is() -> None:
    voice = speech_sound(6.0)
    assert distance_db(voice, cleaned_by(RnNoise(), voice, SAMPLE_RATE)) > 40
    assert np.array_equal(cleaned_by(Unchanged(), voice, SAMPLE_RATE), voice)


@pytest.mark.parametrize("sample_rate", [8000, 16_000, 22_050, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("length", [0, 1, 479, 5001])
def test_length_is_kept_at_any_rate(sample_rate: int, length: int) -> None:
    cleaned = cleaned_by(RnNoise(), noise(length, 1e-3), sample_rate)
    assert cleaned.shape == (length,)
    assert np.isfinite(cleaned).all()


@pytest.mark.parametrize("sample_rate", [16_000, 44_100, 48_000])
def test_output_is_not_late(sample_rate: int) -> None:
    voice = resample(speech_sound(3.0), SAMPLE_RATE, sample_rate)
    length = len(voice)
    noisy = voice + noise(length, float(np.mean(voice**2)))
    cleaned = cleaned_by(RnNoise(), noisy, sample_rate)
    size = 2 * length
    correlation = np.fft.irfft(np.fft.rfft(cleaned, size) * np.conj(np.fft.rfft(voice, size)))
    late = int(np.argmax(correlation))
    assert min(late, size - late) <= 1


def test_silence_stays_silence_and_noise_alone_fades() -> None:
    engine = RnNoise()
    assert not cleaned_by(engine, np.zeros(48_000, np.float32), 48_000).any()
    hiss = noise(96_000, 1e-3)
    assert np.std(cleaned_by(engine, hiss, 48_000)[48_000:]) < 0.3 * np.std(hiss)


def test_calls_do_not_remember_each_other() -> None:
    engine = RnNoise()
    first = cleaned_by(engine, noise(20_000, 1e-2), 16_000)
    cleaned_by(engine, speech_sound(2.0), SAMPLE_RATE)
    assert np.array_equal(cleaned_by(engine, noise(20_000, 1e-2), 16_000), first)


@pytest.mark.parametrize("make", [RnNoise, Unchanged])
def test_the_given_samples_are_not_touched(make: type[RnNoise | Unchanged]) -> None:
    noisy = noise(10_000, 1e-2)
    before = noisy.copy()
    cleaned_by(make(), noisy, 48_000)
    assert np.array_equal(noisy, before)


@pytest.mark.parametrize("make", [RnNoise, Unchanged])
@pytest.mark.parametrize("bad", [np.array([np.nan], np.float32), np.array([np.inf]), np.zeros((100, 2), np.float32)])
def test_unusable_samples_are_refused(make: type[RnNoise | Unchanged], bad: np.ndarray) -> None:
    with pytest.raises(BadAudio):
        cleaned_by(make(), bad, 48_000)


def test_an_absent_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "rnnoise", None)
    with pytest.raises(MissingExtra, match="myna\\[engine\\]"):
        RnNoise()
