"""Signal front ends: shapes, exact cases, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.core.errors import BadAudio
from myna.core.versions import VERSIONS, MelSpec
from myna.engine.dsp import (
    denormalise_mel,
    join_overlapping,
    mel,
    mel_filters,
    normalise_mel,
    resample,
    spectrogram,
)

MELS = [pytest.param(version.mel, id=name) for name, version in VERSIONS.items() if version.mel is not None]


def tone(hz: float, rate: int, samples: int) -> torch.Tensor:
    return torch.sin(torch.arange(samples) * (2 * math.pi * hz / rate))


@pytest.mark.parametrize("spec", MELS)
@pytest.mark.parametrize("extra", [0, 1, 17])
def test_one_frame_per_hop(spec: MelSpec, extra: int) -> None:
    wav = torch.randn(2, 10 * spec.hop + extra) * 0.1
    assert mel(wav, spec).shape == (2, spec.bands, 10)


def test_a_tone_peaks_in_its_bin() -> None:
    wav = tone(1000.0, 32000, 32000)[None]
    magnitude = spectrogram(wav, n_fft=2048, hop=640)
    assert set(magnitude[0, :, 5:-5].argmax(dim=0).tolist()) == {round(1000 * 2048 / 32000)}


def test_silence_is_the_magnitude_floor() -> None:
    magnitude = spectrogram(torch.zeros(1, 4096), n_fft=1024, hop=256)
    torch.testing.assert_close(magnitude, torch.full_like(magnitude, 1e-4))


def test_audio_too_short_to_reflect_is_refused() -> None:
    with pytest.raises(BadAudio, match=r"704 samples.*705 are needed"):
        spectrogram(torch.zeros(1, 704), n_fft=2048, hop=640)
    assert spectrogram(torch.zeros(1, 705), n_fft=2048, hop=640).shape == (1, 1025, 1)


def test_mel_can_be_trained_through_after_inference_mode() -> None:
    spec = MelSpec(sample_rate=8000, n_fft=256, hop=64, bands=13)
    with torch.inference_mode():
        mel(torch.randn(1, 2048), spec)
        resample(torch.randn(1, 2048), 8000, 7000)
    wav = torch.randn(1, 2048, requires_grad=True)
    (mel(wav, spec).sum() + resample(wav, 8000, 7000).sum()).backward()
    assert wav.grad is not None
    assert wav.grad.abs().sum() > 0


def test_every_mel_band_hears_something() -> None:
    for version in VERSIONS.values():
        if version.mel is not None:
            filters = mel_filters(version.mel.sample_rate, version.mel.n_fft, version.mel.bands)
            assert (filters >= 0).all()
            assert (filters.sum(axis=1) > 0).all(), version.name


def test_mel_normalisation_spans_minus_one_to_one_and_back() -> None:
    values = torch.tensor([-12.0, -5.0, 2.0])
    assert normalise_mel(values).tolist() == [-1.0, 0.0, 1.0]
    frames = torch.randn(50) * 8
    torch.testing.assert_close(denormalise_mel(normalise_mel(frames)), frames)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48000, 32000), (32000, 16000), (22050, 32000), (24000, 48000)])
def test_resampling_keeps_a_tone(from_hz: int, to_hz: int) -> None:
    got = resample(tone(440.0, from_hz, from_hz // 2), from_hz, to_hz)
    want = tone(440.0, to_hz, len(got))
    assert (got - want)[200:-200].abs().max() < 5e-3


def test_resampling_removes_what_the_lower_rate_cannot_hold() -> None:
    got = resample(tone(12000.0, 32000, 32000), 32000, 16000)
    assert got[200:-200].abs().max() < 1e-2


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3000), st.sampled_from([8000, 16000, 22050, 44100]), st.sampled_from([8000, 16000, 24000, 32000]))
def test_resampled_length_is_rounded_up(samples: int, from_hz: int, to_hz: int) -> None:
    assert resample(torch.zeros(2, samples), from_hz, to_hz).shape == (2, math.ceil(samples * to_hz / from_hz))


def test_equal_rates_change_nothing() -> None:
    wav = torch.randn(7)
    assert resample(wav, 16000, 16000) is wav


def test_overlap_join_finds_the_shift() -> None:
    whole = torch.from_numpy(np.random.default_rng(0).standard_normal(3000).astype(np.float32))
    shifted = whole[900:]  # 1000 would follow on: the first 100 samples are not wanted
    joined = join_overlapping([whole[:1200], shifted], overlap=200, search=320)
    torch.testing.assert_close(joined, whole, atol=1e-5, rtol=0)


def test_overlap_join_of_one_piece_is_that_piece() -> None:
    piece = torch.randn(10)
    assert torch.equal(join_overlapping([piece], overlap=200), piece)


def test_overlap_join_refuses_pieces_shorter_than_the_search() -> None:
    with pytest.raises(BadAudio, match=r"519 samples.*520 are needed"):
        join_overlapping([torch.zeros(1000), torch.zeros(519)], overlap=200, search=320)
