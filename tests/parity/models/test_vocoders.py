"""The vocoders against the official code: keys and waveforms, with weight norm and after folding it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from myna.models.bigvgan import BIGVGAN_24KHZ, BigVgan, BigVganSizes, kaiser_sinc
from myna.models.hifigan import V4_VOCODER, HifiGan
from myna.models.layers import fold_weight_norm
from tests.parity.models.golden import fill_module, load_case, published_shapes


def shapes(net: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in net.state_dict().items()}


@pytest.mark.parametrize(("is_normed", "model"), [(False, "v4_vocoder"), (True, "v4_vocoder_wn")])
def test_hifigan_has_the_published_keys(is_normed: bool, model: str) -> None:
    with torch.device("meta"):
        assert shapes(HifiGan(V4_VOCODER, is_normed)) == published_shapes(model)


@pytest.mark.parametrize("is_normed", [False, True])
def test_bigvgan_has_the_published_keys(is_normed: bool) -> None:
    model = "bigvgan_v2_24khz_100band_256x" + ("" if is_normed else "_nowm")
    with torch.device("meta"):
        assert shapes(BigVgan(is_normed=is_normed)) == published_shapes(model)


@torch.no_grad()
def test_hifigan_waveform() -> None:
    case = load_case("vocoder_v4")
    vocoder = HifiGan(V4_VOCODER).eval()
    fill_module(vocoder)
    case.check("wav", vocoder(case.inputs["mel"]))


@torch.no_grad()
def test_folding_weight_norm_changes_no_waveform() -> None:
    case = load_case("vocoder_v4")
    normed, plain = HifiGan(V4_VOCODER, is_normed=True).eval(), HifiGan(V4_VOCODER).eval()
    fill_module(normed)
    plain.load_state_dict(fold_weight_norm(normed.state_dict()), strict=True)
    torch.testing.assert_close(plain(case.inputs["mel"]), normed(case.inputs["mel"]), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("name", "sizes"), [("vocoder_bigvgan_tiny", BigVganSizes(width=128)), ("vocoder_bigvgan", BIGVGAN_24KHZ)]
)
@torch.no_grad()
def test_bigvgan_waveform(name: str, sizes: BigVganSizes) -> None:
    case = load_case(name)
    normed, plain = BigVgan(sizes, is_normed=True).eval(), BigVgan(sizes).eval()
    fill_module(normed)
    wave = normed(case.inputs["mel"])
    case.check("wav", wave)
    case.check("fraction_clipped", (wave.abs() >= 1).float().mean())
    plain.load_state_dict(fold_weight_norm(normed.state_dict()), strict=True)
    case.check("wav_after_remove_weight_norm", plain(case.inputs["mel"]))


def test_bigvgan_filters() -> None:
    case = load_case("vocoder_bigvgan")
    for output in ("const:activation_post.upsample.filter", "const:activation_post.downsample.lowpass.filter"):
        case.check(output, kaiser_sinc())
