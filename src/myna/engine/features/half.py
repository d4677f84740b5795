"""Nets in half precision, as the official program runs them, with float32 where half is too coarse."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

Given = TypeVar("Given")
Net = TypeVar("Net", bound=nn.Module)


def halved(net: Net, precision: torch.dtype) -> Net:
    """A copy of ``net`` for `in_half`, with the same results, sooner; ``net`` itself where ``precision`` is float32.

    What autocast would cast again for every batch is in ``precision`` already: the weights of linear layers and of
    convolutions. All else stays in float32.
    """
    if precision == torch.float32:
        return net
    products = [module for module in net.modules() if isinstance(module, nn.Linear | _ConvNd)]
    weights = [weight for module in products for weight in module.parameters(recurse=False)]
    return copy.deepcopy(net, {id(weight): nn.Parameter(weight.to(precision), False) for weight in weights})


def in_half(
    net: Callable[[Sequence[Given]], Sequence[Tensor]],
    inputs: Sequence[Given],
    device: torch.device,
    precision: torch.dtype,
    whole: Callable[[Sequence[Given]], Sequence[Tensor]] | None = None,
) -> list[Tensor | None]:
    """What ``net`` gives for ``inputs``, computed together in ``precision``, as float32 on the CPU.

    What is not a number is computed again in float32 (the official rule), by ``whole`` where ``net`` is `halved`; None
    where it is none even then. Where the device has too little memory for all of them, they are computed in halves;
    raises `torch.OutOfMemoryError` where it has too little for one.
    """
    try:
        with torch.autocast(device.type, precision, enabled=precision != torch.float32):
            found = [one.float().cpu() for one in net(inputs)]
    except torch.OutOfMemoryError:
        if len(inputs) == 1:
            raise
        half = len(inputs) // 2
        return [
            *in_half(net, inputs[:half], device, precision, whole),
            *in_half(net, inputs[half:], device, precision, whole),
        ]
    results: list[Tensor | None] = []
    for one, given in zip(found, inputs, strict=True):
        if torch.isfinite(one).all():
            results.append(one)
        elif precision == torch.float32:
            results.append(None)
        else:
            results += in_half(whole or net, [given], device, torch.float32)
    return results
