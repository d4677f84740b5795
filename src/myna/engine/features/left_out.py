"""Which clips were left out of a dataset folder and of what is trained on it, and why: ``left_out.jsonl``.

One JSON object per line: ``clip`` (or the label file's line), ``step`` and ``reason``. Every step that leaves clips out
replaces its own lines, so the file always tells of the last run of each.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from myna.core.findings import Failure
from myna.core.workspace import DatasetFolder, write_text


def note_left_out(dataset: DatasetFolder, step: str, failures: Sequence[Failure]) -> None:
    """Remember that ``step`` left out these clips, and no others; the file goes when nothing is left out any more.

    Raises `WorkspaceError` where it cannot be written.
    """
    others = [row for row in _rows(dataset) if row["step"] != step]
    rows = [*others, *({"clip": failure.file, "step": step, "reason": failure.reason} for failure in failures)]
    if rows:
        write_text(dataset.left_out_file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    else:
        dataset.left_out_file.unlink(missing_ok=True)


def left_out(dataset: DatasetFolder, step: str) -> tuple[Failure, ...]:
    """What ``step`` left out when it last ran."""
    return tuple(Failure(row["clip"], row["reason"]) for row in _rows(dataset) if row["step"] == step)


def _rows(dataset: DatasetFolder) -> list[dict[str, str]]:
    """The lines of the file; damaged ones are nobody's."""
    if not dataset.left_out_file.is_file():
        return []
    rows = []
    for line in dataset.left_out_file.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict) and all(isinstance(row.get(key), str) for key in ("clip", "step", "reason")):
            rows.append(row)
    return rows
