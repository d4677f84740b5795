"""Levels in dB, the level mix, and 16 bits without wrap-around."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from myna.audio.loudness import level_mix, peak_dbfs, rms_dbfs, truncated_int16
from myna.core.errors import BadInput

_SAMPLES = arrays.arrays(np.float32, st.integers(0, 300), elements=st.floats(-8, 8, width=32))


def test_levels() -> None:
    sine = np.sin(2 * np.pi * np.arange(16000) / 160)
    assert peak_dbfs(sine) == pytest.approx(0.0, abs=1e-6)
    assert rms_dbfs(sine) == pytest.approx(-3.0103, abs=1e-3)
    assert rms_dbfs(sine / 10) == pytest.approx(-23.0103, abs=1e-3)
    assert peak_dbfs(-sine / 2) == pytest.approx(-6.0206, abs=1e-3)
    for nothing in (np.zeros(100), np.zeros(0)):
        assert peak_dbfs(nothing) == rms_dbfs(nothing) == -math.inf


def test_the_level_mix_is_the_official_one() -> None:
    samples = np.array([0.1, -0.5, 0.25], np.float32)
    expected = samples / 0.5 * (0.95 * 0.5) + 0.5 * samples
    np.testing.assert_allclose(level_mix(samples), expected, rtol=1e-6)
    stored = truncated_int16(level_mix(samples), 32768)
    np.testing.assert_array_equal(stored, np.trunc(expected * 32768))


@given(_SAMPLES, st.floats(0.01, 1.0), st.floats(0.0, 1.0))
def test_the_level_mix_never_passes_full_scale(samples: np.ndarray, top: float, share: float) -> None:
    mixed = level_mix(samples, top, share)
    assert mixed.dtype == np.float32
    assert mixed.shape == samples.shape
    assert np.isfinite(mixed).all()
    assert not mixed.size or np.abs(mixed).max() <= 1.0
    stored = truncated_int16(mixed, 32768).astype(np.int64)
    assert (stored * np.sign(samples) >= 0).all(), "a sample wrapped around"


@given(_SAMPLES)
def test_sixteen_bits_never_wrap_around(samples: np.ndarray) -> None:
    for full_scale in (32767, 32768):
        stored = truncated_int16(samples, full_scale).astype(np.int64)
        expected = np.clip(np.trunc(samples.astype(np.float64) * full_scale), -32768, 32767)
        assert np.abs(stored - expected).max(initial=0) <= 1


def test_levels_that_make_no_sense() -> None:
    for top in (0.0, -0.1, 1.1, math.nan):
        with pytest.raises(BadInput, match="peak level"):
            level_mix(np.ones(3), top=top)
    for share in (-0.1, 1.1, math.nan):
        with pytest.raises(BadInput, match="normalised share"):
            level_mix(np.ones(3), share=share)
