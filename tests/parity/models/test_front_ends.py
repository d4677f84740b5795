"""The signal front ends against the official code: spectrograms, mels, filters, resampling, overlap joins."""

from __future__ import annotations

import pytest
import torch

from myna.core.versions import MelSpec, version
from myna.engine.dsp import join_overlapping, log_mel, mel, mel_filters, normalise_mel, resample, spectrogram
from tests.parity.models.golden import load_case

CASE = load_case("mel")


def mel_spec(name: str) -> MelSpec:
    spec = version(name).mel
    assert spec is not None
    return spec


def test_spectrogram() -> None:
    CASE.check("spec32k", spectrogram(CASE.inputs["wav32k"], n_fft=2048, hop=640), tolerance=1e-6)


def test_training_mel() -> None:
    CASE.check("mel128", mel(CASE.inputs["wav32k"], MelSpec(sample_rate=32000, n_fft=2048, hop=640, bands=128)))
    spec = spectrogram(CASE.inputs["wav32k"], n_fft=2048, hop=640)
    CASE.check("mel128_from_spec", log_mel(spec, sample_rate=32000, bands=128))


@pytest.mark.parametrize(("name", "wav"), [("v3", "wav24k"), ("v4", "wav32k")])
def test_version_mels(name: str, wav: str) -> None:
    frames = mel(CASE.inputs[wav], mel_spec(name))
    CASE.check(f"mel_{name}", frames)
    CASE.check(f"mel_{name}_norm", normalise_mel(frames))


@pytest.mark.parametrize(
    ("output", "rate", "n_fft", "bands"), [("v2", 32000, 2048, 128), ("v3", 24000, 1024, 100), ("v4", 32000, 1280, 100)]
)
def test_mel_filters(output: str, rate: int, n_fft: int, bands: int) -> None:
    load_case("melbank").check(output, torch.from_numpy(mel_filters(rate, n_fft, bands)), tolerance=1e-6)


@pytest.mark.parametrize(
    ("from_hz", "to_hz"),
    [
        (32000, 16000),
        (44100, 32000),
        (48000, 32000),
        (32000, 24000),
        (44100, 24000),
        (16000, 32000),
        (24000, 48000),
    ],
)
def test_resampling(from_hz: int, to_hz: int) -> None:
    case = load_case("resample")
    case.check(f"ta_{from_hz}_{to_hz}", resample(case.inputs["wav"], from_hz, to_hz), tolerance=1e-5)


def test_overlap_join() -> None:
    case = load_case("sola")
    pieces = [case.inputs[f"frag{index}"] for index in range(3)]
    case.check("out", join_overlapping(pieces, case.meta["overlap_len"]), tolerance=1e-6)
