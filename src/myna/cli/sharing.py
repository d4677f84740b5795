"""Runs a job on a host that shares no folder with the others: its files are fetched before, and sent off after it.

Workers name `run_job` as their runner where the setting ``storage`` is made. All this happens in the job's own process,
so it is cancelled as the job is, and the worker's heart beats meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from myna.cli.wiring import HOST, open_storage
from myna.core.errors import Cancelled, MynaError
from myna.core.progress import Report
from myna.steps import catalog


def run_job(kind: str, payload: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
    """As `myna.steps.catalog.run_job`. What a failed job has made is sent off too: the next attempt goes on from it."""
    storage = open_storage(payload[HOST])
    payload = {name: value for name, value in payload.items() if name != HOST}
    places = storage.named(payload)
    report(0.0, "fetching files")
    had = storage.pull(places)
    try:
        found = catalog.run_job(kind, payload, report)
    except Cancelled:
        raise
    except MynaError:
        storage.push(places, had)
        raise
    storage.push(places, had)
    return found
