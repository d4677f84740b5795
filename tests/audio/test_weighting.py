from __future__ import annotations

import numpy as np
import pytest

from myna.audio import weighting
from myna.audio.weighting import filtered, integrated_lufs, k_weighting


def tone(seconds: float, dbfs: float, rate: int = 48_000, hz: float = 997.0) -> np.ndarray:
    return 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [16_000, 22_050, 32_000, 44_100, 48_000, 96_000])
def test_a_full_scale_tone_has_what_the_recommendation_says(rate: int) -> None:
    assert integrated_lufs(tone(2.0, 0.0, rate), rate) == pytest.approx(-3.01, abs=0.005)
    assert integrated_lufs(tone(2.0, -20.0, rate), rate) == pytest.approx(-23.01, abs=0.005)


def test_low_notes_count_less_and_high_ones_more() -> None:
    low, high = (integrated_lufs(tone(2.0, -20.0, hz=hz), 48_000) for hz in (30.0, 6000.0))
    assert low is not None
    assert high is not None
    assert low < -28.0
    assert high == pytest.approx(-23.01 + 4.0 - 0.69, abs=0.1)


def test_quiet_stretches_do_not_count() -> None:
    """Cases 3 and 4 of EBU Tech 3341, for one channel and shorter."""
    parts = [tone(s, dbfs) for s, dbfs in ((1.0, -72.0), (3.0, -36.0), (30.0, -23.0), (3.0, -36.0), (1.0, -72.0))]
    assert integrated_lufs(np.concatenate(parts), 48_000) == pytest.approx(-26.01, abs=0.1)


def test_short_sounds_are_one_block_and_silence_has_no_loudness() -> None:
    assert integrated_lufs(tone(0.2, -20.0), 48_000) == pytest.approx(-23.0, abs=0.3)
    assert integrated_lufs(np.zeros(48_000), 48_000) is None
    assert integrated_lufs(np.zeros(0), 48_000) is None
    assert integrated_lufs(tone(1.0, -90.0), 48_000) is None


def test_blocks_join_to_what_one_block_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).standard_normal(120_000).astype(np.float32)
    whole = filtered(noise, 48_000, k_weighting)
    monkeypatch.setattr(weighting, "_BLOCK", 25_000)
    np.testing.assert_allclose(filtered(noise, 48_000, k_weighting), whole, atol=2e-5)
