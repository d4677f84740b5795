"""The voiceprint equals the published one, and tells people apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from myna.audio.io import resample
from myna.checkpoints.native import read_weights
from myna.core.assets import bundled
from myna.core.errors import BadAudio
from myna.engine import voiceprint as engine
from myna.engine.voiceprint import mean_voiceprint, mel_energies, similarity, voiceprint, window_starts
from myna.models.voiceprint import SpeakerEncoder
from tests.engine.voiceprint_reference.signals import SAMPLE_RATE, SIGNALS, signal

REFERENCE: dict[str, Any] = json.loads((Path(__file__).parent / "voiceprint_reference" / "prints.json").read_text())
SPEECH = Path(__file__).parents[2].parent / "shared" / "speech" / "test" / "en"


@pytest.mark.parametrize("name", sorted(SIGNALS))
def test_equals_resemblyzer(name: str) -> None:
    ours, theirs = voiceprint(signal(name), SAMPLE_RATE), np.array(REFERENCE[name]["print"])
    assert similarity(ours, theirs) > 0.99999
    assert np.abs(ours - theirs).max() < 2e-3


@pytest.mark.parametrize("name", sorted(SIGNALS))
def test_front_end_equals_resemblyzer(name: str) -> None:
    raised = engine._raised(signal(name))
    mel = mel_energies(raised).numpy()
    assert mel.shape == (40, REFERENCE[name]["mel_frames"])
    means = np.array(REFERENCE[name]["mel_band_means"])
    assert np.allclose(mel.mean(axis=1), means, rtol=2e-5, atol=means.max() * 1e-6)
    assert window_starts(len(raised)) == REFERENCE[name]["window_starts"]


@pytest.mark.parametrize("num_samples", [1, 8000, 25_599, 25_600, 25_601, 37_000, 37_920, 40_000, 160_000])
def test_windows_cover_the_sound(num_samples: int) -> None:
    starts = window_starts(num_samples)
    assert starts[0] == 0
    assert set(np.diff(starts)) <= {77}
    uncovered = num_samples / 160 - (starts[-1] + 160)
    assert uncovered < 0.75 * 160
    assert len(starts) == 1 or starts[-1] * 160 < num_samples


def test_the_net_answers_unit_vectors_and_uses_every_frame() -> None:
    encoder = SpeakerEncoder().eval()
    mel = torch.rand(3, 40, 50)
    prints = encoder(mel)
    assert prints.shape == (3, 256)
    assert torch.allclose(prints.norm(dim=1), torch.ones(3))
    assert not torch.equal(prints, encoder(mel.flip(2)))


def test_level_and_rate_hardly_matter() -> None:
    sound = signal("quiet")
    base = voiceprint(sound, SAMPLE_RATE)
    assert similarity(base, voiceprint(sound * 0.1, SAMPLE_RATE)) > 0.9999
    assert similarity(base, voiceprint(resample(sound, SAMPLE_RATE, 44_100), 44_100)) > 0.99
    assert similarity(base, voiceprint(signal("loud"), SAMPLE_RATE)) < 0.95


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (np.zeros(0, np.float32), "at least"),
        (np.ones(7999, np.float32), "at least"),
        (np.ones((16_000, 2), np.float32), "one channel"),
        (np.zeros(16_000, np.float32), "silent"),
        (np.full(16_000, 1e-30, np.float32), "silent"),
        (np.full(16_000, np.nan, np.float32), "no numbers"),
        (np.full(16_000, np.inf, np.float32), "no numbers"),
    ],
)
def test_unusable_audio_is_refused(sound: np.ndarray, reason: str) -> None:
    with pytest.raises(BadAudio, match=reason):
        voiceprint(sound, SAMPLE_RATE)


def test_mean_of_nothing_heard_is_refused() -> None:
    with pytest.raises(BadAudio, match="no voice"):
        mean_voiceprint([np.zeros(256, np.float32)])
    assert np.allclose(mean_voiceprint([np.array([3.0, 0.0]), np.array([0.0, 3.0])]), 0.5**0.5)


def test_bundled_weights_say_where_they_come_from() -> None:
    weights = read_weights(bundled(engine.ASSET))
    assert weights.provenance["licence"] == "Apache-2.0"
    assert weights.tensors.keys() == SpeakerEncoder().state_dict().keys()
    assert (bundled(engine.ASSET).parent / "LICENSE").is_file()


@pytest.mark.skipif(not SPEECH.is_dir(), reason="needs recordings of several people")
def test_nearest_voice_is_the_right_one() -> None:
    voices = ("darshan", "kathleen", "libri_19", "libri_26", "libri_27", "matthes", "voice_lj")
    prints: dict[str, list[np.ndarray]] = {}
    for name in voices:
        for path in sorted((SPEECH / name).glob("*.flac"))[:3]:
            samples, sample_rate = soundfile.read(path, dtype="float32", frames=80_000)
            prints.setdefault(name, []).append(voiceprint(samples, sample_rate))
    for name, own in prints.items():
        for index, one in enumerate(own):
            rest = {other: mean_voiceprint(all_of) for other, all_of in prints.items() if other != name}
            rest[name] = mean_voiceprint(own[:index] + own[index + 1 :])
            assert max(rest, key=lambda other: similarity(one, rest[other])) == name
