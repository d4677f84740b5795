"""How good the embedded default is, on mixes that are made here; the figures are printed with ``-s``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import myna.engine.separation.centre as centre
from myna.audio.io import decode
from myna.core.assets import bundled
from myna.testing.music import RATE_HZ, mixed, si_sdr

SECONDS = 8


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    return decode(Path(bundled("demo/recording.flac")), RATE_HZ).samples[: SECONDS * RATE_HZ]


def taken_apart(mix: np.ndarray) -> np.ndarray:
    return np.concatenate(list(centre.CentreMask().separate(mix)), axis=1)


@pytest.mark.parametrize(
    ("level_db", "is_wide", "gain_db"), [(0.0, True, 6.0), (5.0, True, 5.0), (0.0, False, 4.0), (5.0, False, 3.5)]
)
def test_the_voice_comes_out_of_the_mix(voice: np.ndarray, level_db: float, is_wide: bool, gain_db: float) -> None:
    wanted, music = mixed(voice, level_db, is_wide=is_wide)
    stems = taken_apart(wanted + music)
    before, after = si_sdr(wanted, wanted + music), si_sdr(wanted, stems[0])
    print(f"{'stereo' if is_wide else 'mono'} at {level_db:g} dB: voice {before:.1f} -> {after:.1f} dB")
    assert after - before > gain_db
    assert si_sdr(music, stems[1]) > si_sdr(music, wanted + music)


def test_the_stems_add_up_to_the_mix(voice: np.ndarray) -> None:
    wanted, music = mixed(voice, 0.0)
    assert np.abs(taken_apart(wanted + music).sum(axis=0) - (wanted + music)).max() < 1e-5


def test_a_voice_alone_keeps_its_loudness(voice: np.ndarray) -> None:
    alone = np.stack([voice, voice], axis=1)
    vocals = taken_apart(alone)[0]
    assert 20 * np.log10(vocals.std() / alone.std()) == pytest.approx(0.0, abs=0.5)
    assert si_sdr(alone, vocals) > 15


def test_what_is_only_at_the_sides_is_no_voice(voice: np.ndarray) -> None:
    vocals, other = taken_apart(np.stack([voice, -voice], axis=1))
    assert vocals.std() < 1e-3 * other.std()


def test_blocks_join_as_if_there_were_none(monkeypatch: pytest.MonkeyPatch) -> None:
    mix = np.random.default_rng(0).standard_normal((12 * RATE_HZ, 2)).astype(np.float32)
    whole = taken_apart(mix)
    monkeypatch.setattr(centre, "_BLOCK", 60 * 2048)
    assert np.abs(taken_apart(mix) - whole).max() < 1e-5


@pytest.mark.parametrize("length", [1, 1000, 9000])
def test_short_sounds_are_taken_apart_too(length: int) -> None:
    mix = np.random.default_rng(0).standard_normal((length, 2)).astype(np.float32)
    stems = taken_apart(mix)
    assert stems.shape == (2, length, 2)
    assert np.isfinite(stems).all()


def test_nothing_gives_nothing() -> None:
    assert list(centre.CentreMask().separate(np.zeros((0, 2), np.float32))) == []
    assert not taken_apart(np.zeros((50_000, 2), np.float32)).any()
