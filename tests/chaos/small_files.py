"""Steps of the catalogue in a process that may write no large file: a full disk for those who may mount none."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import Any

from myna.core.progress import Report
from myna.steps.catalog import run_job

MOST_BYTES = 200_000


def run(kind: str, payload: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
    """As `run_job`."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    return run_job(kind, payload, report)
