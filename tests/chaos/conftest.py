from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from myna.amqp.broker import Broker, close
from myna.amqp.stages import DEAD, STAGES
from tests.amqp.conftest import rabbit
from tests.chaos.harness import ROOT, Yard
from tests.jobs.conftest import postgres_server, url
from tests.rabbit import Rabbit

__all__ = ["postgres_server", "rabbit", "url"]


@pytest.fixture(autouse=True)
def _children_find_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}")


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """Over SQLite."""
    yard = Yard(f"sqlite:///{tmp_path / 'jobs.sqlite'}", tmp_path / "yard")
    yield yard
    yard.store.close()


@pytest.fixture
def any_yard(url: str, tmp_path: Path) -> Iterator[Yard]:
    """Over SQLite, and over PostgreSQL."""
    yard = Yard(url, tmp_path / "yard")
    yield yard
    yard.store.close()


@pytest.fixture
def broker(rabbit: Rabbit) -> Rabbit:
    """RabbitMQ, its queues empty."""
    connection, channel = Broker(rabbit.url).open()
    for name in (DEAD, *(queue for stage in STAGES.values() for queue in (stage.start_queue, stage.end_queue))):
        channel.queue_purge(name)
    close(connection)
    return rabbit
