"""Folding weight norm: the vocoder without it sounds the same."""

from __future__ import annotations

import torch

from myna.models.hifigan import V4_VOCODER, HifiGan
from myna.models.layers import fold_weight_norm
from tests.parity.models.golden import fill_module, load_case


@torch.no_grad()
def test_folding_weight_norm_changes_no_waveform() -> None:
    case = load_case("vocoder_v4")
    normed, plain = HifiGan(V4_VOCODER, is_normed=True).eval(), HifiGan(V4_VOCODER).eval()
    fill_module(normed)
    plain.load_state_dict(fold_weight_norm(normed.state_dict()), strict=True)
    torch.testing.assert_close(plain(case.inputs["mel"]), normed(case.inputs["mel"]), atol=1e-5, rtol=0)
