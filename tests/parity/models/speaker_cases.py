"""Golden cases of the speaker net of the Pro versions and its filter bank."""

from __future__ import annotations

from functools import lru_cache

import torch

from myna.engine.filter_bank import filter_bank
from myna.models.eres2net import EresNet
from tests.parity.models.golden import Case, fill_module


@lru_cache(maxsize=1)
def _filled() -> EresNet:
    net = EresNet()
    fill_module(net)
    return net.eval()


@torch.no_grad()
def speaker_vector(case: Case) -> None:
    """16 kHz samples to filter bank, to the vector that SoVITS takes, and to the net's own embedding."""
    frames = filter_bank(case.inputs["wav16k"])
    case.check("fbank", frames)
    case.check("embedding", _filled()(frames))
    case.check("embedding192", _filled().embedding(frames))
