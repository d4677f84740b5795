"""Runs a job on a host that shares no folder with the others: its files are fetched before, and sent off after it.

Workers name `run_job` as their runner where the setting ``storage`` is made. All this happens in the job's own process,
so it is cancelled as the job is, and the worker's heart beats meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from myna.cli.wiring import HOST, open_storage
from myna.core.errors import Cancelled, MynaError, PeerFailed
from myna.core.progress import Report
from myna.steps import catalog

_WAITS_S = (1.0, 5.0, 15.0, 60.0, 120.0, 300.0)
"""A storage that is away for a while must not cost the work of hours."""

_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


def run_job(kind: str, payload: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
    """As `myna.steps.catalog.run_job`. What a failed job has made is sent off too: the next attempt goes on from it."""
    storage = open_storage(payload[HOST])
    payload = {name: value for name, value in payload.items() if name != HOST}
    places = storage.named(payload)
    report(0.0, "fetching files")
    had = patiently(lambda: storage.pull(places))
    try:
        found = catalog.run_job(kind, payload, report)
    except Cancelled:
        raise
    except MynaError:
        patiently(lambda: storage.push(places, had))
        raise
    patiently(lambda: storage.push(places, had))
    return found


def patiently(reach: Callable[[], Answer]) -> Answer:
    """What ``reach`` answers, tried again for some minutes while the storage is away; raises `PeerFailed` then."""
    for wait_s in _WAITS_S:
        try:
            return reach()
        except PeerFailed as error:
            _log.warning("%s; again in %s s", error, wait_s)
            time.sleep(wait_s)
    return reach()
