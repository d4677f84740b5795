from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from myna.core import memory

_FAULTS = """
import resource, sys
import numpy as np
from myna.core.memory import keep_freed

if "keep" in sys.argv:
    keep_freed()
for number in range(20):
    np.ones(64 * 2**20, np.uint8)
    if number == 9:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def held_mib() -> float:
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) / 1024


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_holes_between_what_is_in_use_go_back() -> None:
    pieces = [np.ones(100_000, np.uint8) for _ in range(1000)]
    kept = pieces[::50]
    before = held_mib()
    pieces.clear()
    memory.give_back()
    assert before - held_mib() > 60
    assert len(kept) == 20


def faults(*options: str) -> int:
    """Pages that the system has to give a process that makes and frees 64 MiB ten times."""
    command = [sys.executable, "-c", _FAULTS, *options]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_what_is_freed_is_kept_for_the_next_pieces() -> None:
    assert faults("keep") * 20 < faults()


@pytest.mark.parametrize("taken", [1, 3])
def test_memory_goes_back_at_the_end_of_an_iteration(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    happened: list[object] = []

    def items() -> object:
        try:
            yield from (1, 2)
        finally:
            happened.append("closed")

    monkeypatch.setattr(memory, "give_back", lambda: happened.append("given back"))
    found = memory.giving_back(items())  # type: ignore[arg-type]
    for _ in range(taken):
        next(found, None)
    found.close()  # type: ignore[attr-defined]
    assert happened == ["closed", "given back"]
