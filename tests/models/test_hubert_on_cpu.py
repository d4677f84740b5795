"""HuBERT laid out for a CPU answers as it did before."""

from __future__ import annotations

import copy

import pytest
import torch

from myna.models import hubert_on_cpu
from myna.models.hubert_on_cpu import FlatConv, lay_out_for_cpu
from myna.models.pretrained import HubertContent
from tests.engine.features.test_shared import hubert as small_hubert


@pytest.fixture(params=["group", "layer"])
def hubert(request: pytest.FixtureRequest) -> HubertContent:
    return small_hubert(request.param)


@torch.no_grad()
@pytest.mark.parametrize("most_scores", [2**24, 300])
def test_the_features_stay(hubert: HubertContent, most_scores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubert_on_cpu, "_MOST_SCORES", most_scores)  # the smaller one: few rows at a time
    sounds = [torch.randn(size, generator=torch.Generator().manual_seed(size)) for size in (16_000, 400, 9_000)]
    quick = copy.deepcopy(hubert)
    lay_out_for_cpu(quick)
    assert sum(isinstance(module, FlatConv) for module in quick.modules()) == 7
    for before, after in zip(hubert.contents(sounds), quick.contents(sounds), strict=True):
        torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)
    for sound in sounds:
        torch.testing.assert_close(quick(sound[None]), hubert(sound[None]), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_attention_is_what_was_laid_out(hubert: HubertContent, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    attention = hubert_on_cpu._attention
    monkeypatch.setattr(
        hubert_on_cpu, "_attention", lambda *given, **named: asked.append(1) or attention(*given, **named)
    )
    lay_out_for_cpu(hubert)
    hubert(torch.randn(1, 4000))
    assert len(asked) == 2, "once in each layer"
