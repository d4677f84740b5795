"""Who speaks, as v2Pro and v2ProPlus take it: 20480 numbers of the published speaker net (`myna.models.eres2net`)."""

from __future__ import annotations

import torch
from torch import Tensor

from myna.engine.dsp import resample
from myna.engine.filter_bank import SAMPLE_RATE_HZ, filter_bank
from myna.models.eres2net import EresNet


@torch.inference_mode()
def speaker_print(net: EresNet, sound: Tensor, sample_rate: int) -> Tensor:
    """Samples (B, T) in [-1, 1], all of one length, to (B, 20480) float32, both on the net's device.

    Raises `BadAudio` for less than 25 ms.
    """
    vector: Tensor = net(filter_bank(resample(sound, sample_rate, SAMPLE_RATE_HZ)))
    return vector
