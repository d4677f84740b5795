"""Nets in half precision, as the official program runs them, with float32 where half is too coarse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

Given = TypeVar("Given")


def in_half(
    net: Callable[[Sequence[Given]], Sequence[Tensor]],
    inputs: Sequence[Given],
    device: torch.device,
    precision: torch.dtype,
) -> list[Tensor | None]:
    """What ``net`` gives for ``inputs``, computed together in ``precision``, as float32 on the CPU.

    What is not a number is computed again in float32 (the official rule); None where it is none even then. Where the
    device has too little memory for all of them, they are computed in halves; raises `torch.OutOfMemoryError` where it
    has too little for one.
    """
    try:
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            found = [one.float().cpu() for one in net(inputs)]
    except torch.OutOfMemoryError:
        if len(inputs) == 1:
            raise
        half = len(inputs) // 2
        return [
            *in_half(net, inputs[:half], device, precision),
            *in_half(net, inputs[half:], device, precision),
        ]
    whole: list[Tensor | None] = []
    for one, given in zip(found, inputs, strict=True):
        if torch.isfinite(one).all():
            whole.append(one)
        elif precision == torch.float32:
            whole.append(None)
        else:
            whole += in_half(net, [given], device, torch.float32)
    return whole
