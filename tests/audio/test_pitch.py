from __future__ import annotations

import numpy as np
import pytest

from myna.audio.pitch import shifted

RATE = 22050


@pytest.mark.parametrize("semitones", [-24, -12, -5, 3, 12, 24])
def test_the_pitch_moves_and_the_length_stays(semitones: int) -> None:
    tone = np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE).astype(np.float32)
    moved = shifted(tone, RATE, semitones)
    assert len(moved) == len(tone)
    middle = moved[RATE // 2 : RATE // 2 + RATE]
    heard = np.abs(np.fft.rfft(middle * np.hanning(RATE))).argmax()
    assert heard == pytest.approx(220 * 2 ** (semitones / 12), rel=0.01, abs=1.0)
    assert np.abs(middle).max() == pytest.approx(1.0, abs=0.2)


def test_nothing_is_done_without_need_and_too_much_not_at_all() -> None:
    tone = np.ones(100, np.float32)
    assert shifted(tone, RATE, 0) is tone
    assert len(shifted(np.zeros(0, np.float32), RATE, 5)) == 0
    with pytest.raises(ValueError, match="more than 24"):
        shifted(tone, RATE, 25)
