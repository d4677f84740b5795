"""A trained vocoder in the models folder stands in for Griffin-Lim; a file that does not fit says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from myna.core.assets import trained_vocoder
from myna.core.errors import BadCheckpoint, MissingAsset
from myna.core.versions import version
from myna.engine.griffin_lim import GriffinLim
from myna.engine.weights import load_vocoder, save_net
from myna.models.source_filter import SourceFilter, SourceFilterSizes

LITE = version("lite")
SMALL = SourceFilterSizes(width=16, feed_forward=16, layers=1, pitch_width=16, pitch_layers=1)


def write(models: Path, sizes: SourceFilterSizes = SMALL) -> SourceFilter:
    torch.manual_seed(0)
    net = SourceFilter(sizes).eval()
    save_net(trained_vocoder("lite", models), net, version=LITE, provenance={})
    return net


@torch.no_grad()
def test_it_is_used_where_it_is_there_and_griffin_lim_where_not(tmp_path: Path) -> None:
    assert isinstance(load_vocoder(LITE, tmp_path), GriffinLim)
    made, mel = write(tmp_path), torch.randn(1, 100, 5) - 5
    loaded = load_vocoder(LITE, tmp_path)
    assert isinstance(loaded, SourceFilter)
    assert loaded.sizes == SMALL
    assert loaded(mel).shape == (1, 1, 5 * LITE.mel.hop)  # type: ignore[union-attr]
    torch.testing.assert_close(loaded(mel), made(mel), rtol=0.05, atol=0.01)


def test_a_damaged_file_is_an_error_and_no_reason_to_take_another(tmp_path: Path) -> None:
    write(tmp_path)
    path = trained_vocoder("lite", tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadCheckpoint, match="damaged"):
        load_vocoder(LITE, tmp_path)


def test_a_vocoder_of_other_mels_is_refused(tmp_path: Path) -> None:
    write(tmp_path, replace(SMALL, hop=120, n_fft=480))
    with pytest.raises(BadCheckpoint, match="other mels than those of version lite"):
        load_vocoder(LITE, tmp_path)


def test_a_version_that_wants_it_does_not_do_without(tmp_path: Path) -> None:
    with pytest.raises(MissingAsset, match="no vocoder model is known for version 'lite'"):
        load_vocoder(replace(LITE, vocoder="source_filter"), tmp_path)
