"""Dropout that does not wait for its random numbers: torch's own draws one number per element on a CPU, which takes as
long there as the net's matrix products."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_STEPS = 2**16
"""The probability is rounded to a multiple of one in so many: an element's fate is decided by 16 random bits."""


def dropout(x: Tensor, probability: float, is_training: bool) -> Tensor:
    """In training ``x`` (any shape) with a share of its elements set to 0 and the others scaled up; else ``x`` itself.

    Random numbers come from torch's global generator.
    """
    if not is_training or probability == 0.0:
        return x
    if x.device.type != "cpu":
        return F.dropout(x, probability, True)
    num_dropped = round(probability * _STEPS)
    if num_dropped >= _STEPS:
        return x * 0.0
    bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    kept = bits.view(torch.int16)[: x.numel()].view(x.shape) >= num_dropped - _STEPS // 2
    return x * kept.to(x.dtype).mul_(_STEPS / (_STEPS - num_dropped))
