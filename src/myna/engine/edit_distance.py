"""How far two rows of words, letters or phones are apart."""

from __future__ import annotations

from collections.abc import Sequence


def edits(wanted: Sequence[object], heard: Sequence[object]) -> int:
    """How many items must be changed, left out or put in to get from one to the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for above, item in enumerate(wanted, start=1):
        corner, row[0] = row[0], above
        for column, other in enumerate(heard, start=1):
            corner, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, corner + (item != other))
    return row[-1]
