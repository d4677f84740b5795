"""The rows that `myna bench` prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BenchRow:
    """One measure: its value, its unit ("" for a share or a similarity), and how it was taken."""

    name: str
    value: float
    unit: str
    note: str


@dataclass(frozen=True)
class BenchResult:
    """The whole table."""

    rows: list[BenchRow]
