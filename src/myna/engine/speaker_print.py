"""Who speaks, as v2Pro and v2ProPlus take it: 20480 numbers of the published speaker net (`myna.models.eres2net`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

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


@torch.inference_mode()
def speaker_prints(net: EresNet, banks: Sequence[Tensor]) -> list[Tensor]:
    """Filter banks (T, 80) of clips of any lengths, computed together, to (1, 20480) each, as each alone gives."""
    if len(banks) == 1:
        return [net(banks[0][None])]
    lengths = torch.tensor([len(bank) for bank in banks], device=banks[0].device)
    rows: Tensor = net(pad_sequence(list(banks), batch_first=True), lengths)
    return [row[None] for row in rows]


@torch.inference_mode()
def speaker_bank(sound: Tensor, sample_rate: int) -> Tensor:
    """What the net hears of samples (T,) in [-1, 1]: (T100, 80) float32; raises `BadAudio` for less than 25 ms."""
    return filter_bank(resample(sound[None], sample_rate, SAMPLE_RATE_HZ))[0]
