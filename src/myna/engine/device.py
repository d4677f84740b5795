"""Which processor the nets run on, and what it can do."""

from __future__ import annotations

import re

import torch

from myna.core.errors import BadInput

_CUDA = re.compile(r"(?:cuda:?)?(\d+)?")


def pick_device(name: str) -> torch.device:
    """The device called ``name``: "auto" (a GPU where one is usable, else the CPU), "cpu", "cuda", "cuda:N" or "N".

    Raises `BadInput`, naming the devices that are there.
    """
    wanted = name.strip().lower()
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        return torch.device("cuda", 0) if count else torch.device("cpu")
    if wanted == "cpu":
        return torch.device("cpu")
    found = _CUDA.fullmatch(wanted) if wanted else None
    if found and int(found[1] or 0) < count:
        return torch.device("cuda", int(found[1] or 0))
    there = ", ".join(["auto", "cpu", *(f"cuda:{index}" for index in range(count))])
    raise BadInput(f"device {name!r} is not there; choose one of: {there}")


def use_threads(count: int) -> None:
    """Let CPU arithmetic use ``count`` threads; 0 leaves it as it is."""
    if count:
        torch.set_num_threads(count)


def describe_device(name: str) -> str:
    """One line for people: "cpu, 2 threads" or "NVIDIA H200 (140 GiB), cuda:0"; raises as `pick_device`."""
    device = pick_device(name)
    if device.type == "cpu":
        return f"cpu, {torch.get_num_threads()} threads"
    card = torch.cuda.get_device_properties(device)
    return f"{card.name} ({card.total_memory / 2**30:.0f} GiB), {device}"


def autocast_type(device: torch.device) -> torch.dtype:
    """The type that matrix products of a training run in: bfloat16 where the hardware multiplies it, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was told, so that clocks tell the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
