"""Every version's record builds its nets; records that no net fits are refused with the choices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from myna.core.errors import MissingAsset, UnknownChoice
from myna.core.versions import VERSIONS, version
from myna.models.build import build_content, build_discriminators, build_gpt, build_sovits, build_vocoder
from myna.models.sovits_flow import SovitsFlow
from myna.models.sovits_vits import SovitsVits


@pytest.mark.parametrize("name", VERSIONS)
def test_the_nets_of_a_version_fit_together(name: str) -> None:
    record = version(name)
    with torch.device("meta"):
        gpt, sovits = build_gpt(record), build_sovits(record)
    assert gpt.sizes == record.gpt
    if record.flow is not None:
        assert isinstance(sovits, SovitsFlow)
        assert sovits.sizes == record.flow
        assert record.gpt.end_token == record.flow.codes, "every code, then the end token"
    else:
        assert record.vits is not None
        assert isinstance(sovits, SovitsVits)
        assert sovits.sizes == record.vits
        assert record.gpt.end_token == record.vits.codes
        assert record.mel is not None
        assert sovits.dec.sizes.hop == record.mel.hop, "the training mel has a frame per latent frame"
        assert record.output_rate_hz == record.mel.sample_rate
        assert record.has_speaker_vector is hasattr(sovits, "sv_emb")
        assert len(build_discriminators(record).discriminators) == 1 + len(record.vits.periods)


@torch.no_grad()
@pytest.mark.parametrize("name", [name for name, record in VERSIONS.items() if record.vocoder])
def test_the_vocoder_of_a_version_fits_its_mel(name: str) -> None:
    record = version(name)
    device = "cpu" if record.is_bundled else "meta"  # that one looks at the pitch it reads
    with torch.device(device):
        vocoder = build_vocoder(record)
    assert record.mel is not None
    samples = vocoder(torch.zeros(1, record.mel.bands, 3, device=device)).shape[-1]
    assert samples / 3 == record.output_rate_hz / record.mel.frame_rate


@torch.no_grad()
def test_the_bundled_content_encoder_fits_the_quantiser() -> None:
    record = version("lite")
    content = build_content(record).eval()(torch.randn(1, 16000) * 0.1)
    assert record.flow is not None
    assert content.shape == (1, record.flow.content_width, 50)


def test_published_content_encoders_need_their_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingAsset, match="folder of a HuBERT model"):
        build_content(version("v4"))
    with pytest.raises(MissingAsset, match="does not exist"):
        build_content(version("v4"), tmp_path / "nowhere")


def test_unknown_nets_are_refused_with_the_choices() -> None:
    record = version("lite")
    with pytest.raises(UnknownChoice, match="unknown decoder 'none'; choose one of: flow, vits"):
        build_sovits(replace(record, decoder="none"))
    with pytest.raises(UnknownChoice, match="unknown vocoder 'none'; choose one of: bigvgan, hifigan, source_filter"):
        build_vocoder(replace(record, vocoder="none"))
    with pytest.raises(UnknownChoice, match="unknown content encoder 'none'; choose one of: lite, hubert"):
        build_content(replace(record, content="none"))
    with pytest.raises(UnknownChoice, match="decoder without VITS sizes"):
        build_sovits(replace(record, decoder="vits"))
    with pytest.raises(UnknownChoice, match="decoder without flow sizes"):
        build_sovits(replace(version("v2"), decoder="flow"))
    with pytest.raises(UnknownChoice, match="unknown decoder with discriminators 'flow'; choose one of: vits"):
        build_discriminators(record)
