"""What ``celery -A celery_rig`` opens in these tests: the real app, with workers whose jobs are those of `runners`."""

from __future__ import annotations

from collections.abc import Sequence

from myna.core.settings import Settings
from myna.jobs import celery
from myna.jobs.store import SqlJobStore
from myna.jobs.worker import Worker


def build(settings: Settings, queues: Sequence[str], number: int) -> Worker:
    """As `myna.cli.wiring.build_worker`."""
    store = SqlJobStore(settings.jobs_url)
    return Worker(store, "runners:run", settings.home / "logs", queues, f"cuda:{number}", settings.lease_s)


celery._BUILD = f"{__name__}:build"
app = celery.app
