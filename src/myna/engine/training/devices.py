"""Which devices a plan names and which precision they compute in; quick to import, for all who only ask."""

from __future__ import annotations

import re

import torch

from myna.core.errors import BadInput
from myna.core.training import Precision, TrainingPlan
from myna.engine.device import autocast_type, pick_device

_NUMBERS = re.compile(r"\d+(-\d+)*")


def devices_of(plan: TrainingPlan) -> list[torch.device]:
    """The devices to train on, one process each; raises `BadInput` naming those that are there."""
    if not plan.gpu_numbers:
        return [pick_device(plan.device)]
    if not _NUMBERS.fullmatch(plan.gpu_numbers):
        raise BadInput(f"gpu_numbers {plan.gpu_numbers!r} cannot be read; give numbers with - between them, as 0-1-2")
    if plan.device == "cpu":
        raise BadInput(f"device cpu and gpu_numbers {plan.gpu_numbers} exclude each other; give one of them")
    numbers = [int(number) for number in plan.gpu_numbers.split("-")]
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    missing = [number for number in numbers if number >= count]
    if missing:
        there = f"there are: {', '.join(map(str, range(count)))}" if count else "this machine has none that can be used"
        raise BadInput(f"GPU {missing[0]} is not there; {there}")
    if len(set(numbers)) < len(numbers):
        raise BadInput(f"gpu_numbers {plan.gpu_numbers} names a GPU twice; a training runs once on each")
    return [torch.device("cuda", number) for number in numbers]


def precision_on(device: torch.device, wanted: Precision) -> Precision:
    """``wanted`` itself, or what "auto" means on ``device``; raises `BadInput` for what the device cannot do."""
    if wanted == "auto":
        return "bf16" if autocast_type(device) == torch.bfloat16 else "fp32"
    if wanted == "fp16" and device.type == "cpu":
        raise BadInput("precision fp16 needs a GPU; choose auto, bf16 or fp32")
    if wanted == "bf16" and device.type == "cuda" and autocast_type(device) != torch.bfloat16:
        raise BadInput("this GPU does not compute in bf16; choose precision auto, fp16 or fp32")
    return wanted
