"""Denoisers with nets: published files, batches of any sounds, one table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from myna.audio.io import Audio
from myna.core.errors import BadAudio, BadCheckpoint, BadInput, MissingAsset, UnknownChoice
from myna.engine.clean import batches
from myna.engine.clean.batches import NetDenoiser
from myna.engine.clean.denoiser import Denoiser, Wish
from myna.engine.clean.frcrn import FrcrnDenoiser, load_frcrn
from myna.engine.clean.mossformer2 import load_mossformer2
from myna.engine.clean.table import ENGINES, denoiser, engine_called
from tests.engine.clean.stored_nets import (
    frcrn_weights,
    store_clearvoice_frcrn,
    store_mossformer2,
    store_official_frcrn,
)

NETS = [name for name, row in ENGINES.items() if row.has_net]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    store_clearvoice_frcrn(folder)
    store_mossformer2(folder)
    return folder


def noise(seconds: float, rate: int, seed: int = 0) -> Audio:
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return Audio(samples.astype(np.float32), rate)


@pytest.mark.parametrize("name", NETS)
def test_any_sounds_go_through_together_as_they_would_alone(name: str, models: Path) -> None:
    engine = denoiser(name, Wish(models, "cpu"))
    sounds = [noise(0.9, 32_000, 1), noise(0.0, 16_000), noise(1.0, 32_000, 2), noise(0.01, 48_000), noise(0.4, 22_050)]
    together = engine.clean_all(sounds)
    for sound, cleaned in zip(sounds, together, strict=True):
        assert cleaned.dtype == np.float32
        assert cleaned.shape == sound.samples.shape
        np.testing.assert_allclose(cleaned, engine.clean_all([sound])[0], atol=2e-6)
    assert 0.001 < np.abs(together[0]).max() < 10.0


@pytest.mark.parametrize("name", NETS)
def test_louder_sound_comes_out_louder(name: str, models: Path) -> None:
    engine = denoiser(name, Wish(models, "cpu"))
    sound = noise(0.5, 16_000)
    quiet, loud = engine.clean_all([sound, Audio(sound.samples * 2, 16_000)])
    assert np.std(loud) > 1.2 * np.std(quiet)
    assert not np.isnan(engine.clean_all([Audio(np.zeros(8000, np.float32), 16_000)])[0]).any()


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("bad", [np.array([np.nan], np.float32), np.zeros((100, 2), np.float32)])
def test_unusable_samples_are_refused(name: str, bad: np.ndarray, models: Path) -> None:
    with pytest.raises(BadAudio, match="one channel of numbers"):
        denoiser(name, Wish(models, "cpu")).clean_all([Audio(bad, 16_000)])


def test_the_ends_of_a_sound_do_not_click(models: Path) -> None:
    """At the edge of the first window the transform divides by nearly nothing."""
    cleaned = FrcrnDenoiser(Wish(models, "cpu")).clean_all([noise(1.0, 16_000)])[0]
    assert np.abs(cleaned[:20]).max() < 2 * np.abs(cleaned[1000:15_000]).max()
    assert np.abs(cleaned[-20:]).max() < 2 * np.abs(cleaned[1000:15_000]).max()


class Halving(NetDenoiser):
    """Notes what goes through it."""

    def __init__(self) -> None:
        super().__init__(8000, on_cpu=False)
        self.seen: list[list[int]] = []

    def level(self, sound: np.ndarray) -> float:
        return 4.0

    def padded(self, length: int) -> int:
        return -(-length // 4000) * 4000

    def run(self, pieces: list[np.ndarray]) -> list[np.ndarray]:
        self.seen.append([len(piece) for piece in pieces])
        return [piece / 2 for piece in pieces]


def test_long_sounds_are_cut_and_joined_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PIECE_S", 2.0)
    monkeypatch.setattr(batches, "OVERLAP_S", 0.25)
    engine, sound = Halving(), noise(9.1, 8000)
    np.testing.assert_allclose(engine.clean_all([sound])[0], sound.samples / 2, atol=1e-6)
    assert max(map(max, engine.seen)) == 16_000


def test_like_lengths_make_batches_that_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_S", 1.5)
    engine = Halving()
    engine.clean_all([noise(seconds, 8000) for seconds in (0.4, 0.9, 0.5, 0.45, 0.3, 3.0)])
    assert engine.seen == [[3200, 4000, 3600], [2400], [7200], [24_000]]


def test_the_official_weights_come_before_clearvoices(tmp_path: Path) -> None:
    published = store_clearvoice_frcrn(tmp_path)
    before = FrcrnDenoiser(Wish(tmp_path, "cpu")).clean_all([noise(0.5, 16_000)])[0]
    store_official_frcrn(tmp_path)
    published.write_bytes(b"no longer read")
    after = FrcrnDenoiser(Wish(tmp_path, "cpu")).clean_all([noise(0.5, 16_000)])[0]
    np.testing.assert_array_equal(before, after)


def test_missing_weights_are_told_with_the_ways_to_get_them(tmp_path: Path) -> None:
    says = r"pytorch_model\.bin is missing .*myna fetch speech_frcrn_ans_cirm_16k .*myna fetch FRCRN_SE_16K \(161 MB\)$"
    with pytest.raises(MissingAsset, match=says):
        denoiser("frcrn", Wish(tmp_path))
    with pytest.raises(MissingAsset, match=r"myna fetch MossFormer2_SE_48K \(222 MB\)$"):
        denoiser("mossformer2", Wish(tmp_path))


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    weights = frcrn_weights()
    cases = {
        "does not hold the weights of FRCRN": {"something": torch.zeros(1)},
        "lacks 1 weights": {name: it for name, it in weights.items() if name != "unet.linear.conv_re.bias"},
        "has unknown 1 weights": {**weights, "unet3.weight": torch.zeros(1)},
        "holds other things than weights": {**weights, "note": "hello"},
        "holds no weights": {},
    }
    for says, held in cases.items():
        torch.save(held, path)
        with pytest.raises(BadCheckpoint, match=says):
            load_frcrn(path)
        with pytest.raises(BadCheckpoint):
            load_mossformer2(path)


def test_engines_are_known_by_published_names_too() -> None:
    assert [engine_called(name) for name in ("FRCRN_SE_16K", "MossFormer2_SE_48K", "RNNoise")] == [
        "frcrn",
        "mossformer2",
        "rnnoise",
    ]
    with pytest.raises(UnknownChoice, match="rnnoise, frcrn, mossformer2, none"):
        engine_called("magic")


def test_a_device_that_is_not_there_is_told(models: Path) -> None:
    with pytest.raises(BadInput, match="cuda:99"):
        denoiser("frcrn", Wish(models, "cuda:99"))


def test_every_engine_is_a_denoiser(models: Path) -> None:
    for name in ENGINES:
        engine: Denoiser = denoiser(name, Wish(models, "cpu"))
        assert engine.clean_all([]) == []
