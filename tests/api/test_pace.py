"""How often a caller may come, whichever process counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from myna.api.pace import Pace
from myna.core.errors import TooBusy

_COUNTS = """
import sys; from pathlib import Path; from myna.api.pace import Pace; from myna.core.errors import TooBusy
pace, taken = Pace(Path(sys.argv[1]), 60, lambda: 5.0), 0
for _ in range(30):
    try:
        pace.step("anna")
    except TooBusy:
        continue
    taken += 1
print(taken)
"""


def test_it_refills(tmp_path: Path) -> None:
    now = [0.0]
    pace = Pace(tmp_path / "home", 6, lambda: now[0])
    for _ in range(6):
        pace.step("anna")
    with pytest.raises(TooBusy) as refused:
        pace.step("anna")
    assert refused.value.retry_after_s == pytest.approx(10)
    pace.step("bob")
    now[0] += 10.0
    pace.step("anna")
    with pytest.raises(TooBusy):
        pace.step("anna")
    now[0] -= 1000.0  # a clock that is set back takes nothing away and gives nothing
    with pytest.raises(TooBusy):
        pace.step("anna")


def test_processes_count_together(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _COUNTS, str(tmp_path)]
    counts = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert sum(int(count.communicate()[0]) for count in counts) == 60


def test_what_cannot_be_counted_is_let_in(tmp_path: Path) -> None:
    pace = Pace(tmp_path, 1)
    (path,) = [pace._file]
    path.write_bytes(b"no database at all, whatever its name" * 50)
    pace.step("anna")
    pace.step("anna")
    with pytest.raises(TooBusy):
        pace.step("anna")
    path.unlink()
    path.mkdir()
    for _ in range(3):
        pace.step("anna")


def test_without_a_limit_nothing_is_written(tmp_path: Path) -> None:
    Pace(tmp_path, 0).step("anna")
    assert list(tmp_path.iterdir()) == []
