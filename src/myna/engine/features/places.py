"""Where features are computed: processes, each on a device of its own or several on one, and in which precision."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from myna.core.errors import BadInput
from myna.core.memory import keep_freed
from myna.core.training import Precision
from myna.engine.device import pick_device, use_threads
from myna.engine.training.devices import precision_on

_NUMBERS = re.compile(r"\d+(-\d+)*")
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Place:
    """Where a process works: its device, how many CPU threads its arithmetic takes (0: as many as it finds), and the
    precision of the nets that the official program runs in half precision: HuBERT, BERT, and the speaker net."""

    device: str
    threads: int = 0
    precision: str = "fp32"

    def settle(self) -> None:
        """Let this process take the threads that are its, and keep its memory."""
        use_threads(self.threads)
        if self.device == "cpu":
            keep_freed()

    @property
    def type(self) -> torch.dtype:
        """The precision as torch has it."""
        return _TYPES[self.precision]


def places_of(device: str, gpu_numbers: str = "", precision: Precision = "auto") -> list[Place]:
    """The processes: one for every number in ``gpu_numbers``, "0-0" two on GPU 0, "0-1" one on each; empty: one, on
    ``device``. Without a GPU, and with ``device`` cpu, the numbers count processes on the CPU, which share its threads.

    ``precision`` auto is float16 on a GPU, as the official program takes it, and on the CPU what a training takes
    there: bfloat16 where the hardware multiplies it, else float32. Raises `BadInput`, naming those that are there, for
    devices that are not, and for a precision that they do not have.
    """
    default = pick_device(device)
    if not gpu_numbers:
        return [Place(str(default), 0, _precision(default, precision))]
    if not _NUMBERS.fullmatch(gpu_numbers):
        raise BadInput(f"gpu_numbers {gpu_numbers!r} cannot be read; give numbers with - between them, as 0-0 or 0-1")
    numbers = [int(number) for number in gpu_numbers.split("-")]
    if default.type == "cpu":
        threads = max(1, torch.get_num_threads() // len(numbers)) if len(numbers) > 1 else 0
        return [Place("cpu", threads, _precision(default, precision))] * len(numbers)
    count = torch.cuda.device_count()
    missing = [number for number in numbers if number >= count]
    if missing:
        raise BadInput(f"GPU {missing[0]} is not there; there are: {', '.join(map(str, range(count)))}")
    devices = [torch.device("cuda", number) for number in numbers]
    return [Place(str(one), 0, _precision(one, precision)) for one in devices]


def _precision(device: torch.device, wanted: Precision) -> str:
    return "fp16" if wanted == "auto" and device.type == "cuda" else precision_on(device, wanted)
