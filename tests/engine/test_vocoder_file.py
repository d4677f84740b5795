"""The vocoder that ships, one in the models folder that stands in for it, and files that do not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from myna.core.errors import BadCheckpoint
from myna.core.versions import version
from myna.engine.weights import load_vocoder, save_net
from myna.models.source_filter import SourceFilter, SourceFilterSizes

LITE = version("lite")
SMALL = SourceFilterSizes(width=16, feed_forward=16, layers=1, pitch_width=16, pitch_layers=1)


def write(models: Path, sizes: SourceFilterSizes = SMALL) -> tuple[SourceFilter, Path]:
    torch.manual_seed(0)
    net, path = SourceFilter(sizes).eval(), models / "lite" / "vocoder.safetensors"
    save_net(path, net, version=LITE, provenance={})
    return net, path


@torch.no_grad()
def test_the_one_that_ships_stays_silent_for_silence(tmp_path: Path) -> None:
    shipped = load_vocoder(LITE, tmp_path)
    assert isinstance(shipped, SourceFilter)
    assert shipped.sizes == SourceFilterSizes()
    sound = shipped(torch.full((1, 100, 50), -11.5))
    assert sound.shape == (1, 1, 50 * LITE.mel.hop)
    assert sound.abs().max() < 0.01


@torch.no_grad()
def test_one_in_the_models_folder_stands_in_for_it(tmp_path: Path) -> None:
    made, _ = write(tmp_path)
    loaded, mel = load_vocoder(LITE, tmp_path), torch.randn(1, 100, 5) - 5
    assert isinstance(loaded, SourceFilter)
    assert loaded.sizes == SMALL
    torch.testing.assert_close(loaded(mel), made(mel), rtol=0.05, atol=0.01)


def test_a_damaged_file_is_an_error_and_no_reason_to_take_another(tmp_path: Path) -> None:
    _, path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadCheckpoint, match="damaged"):
        load_vocoder(LITE, tmp_path)


def test_a_vocoder_of_other_mels_is_refused(tmp_path: Path) -> None:
    write(tmp_path, replace(SMALL, hop=120, n_fft=480))
    with pytest.raises(BadCheckpoint, match="other mels than those of version lite"):
        load_vocoder(LITE, tmp_path)
