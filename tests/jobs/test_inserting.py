"""Rows that share a commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from myna.core.errors import WorkspaceError
from myna.jobs.database import open_database
from myna.jobs.inserting import Inserts
from myna.jobs.job import Order, Status
from myna.jobs.tables import JOBS, new_row


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


def row(name: str, key: str | None = None) -> dict[str, object]:
    return new_row(name, Order("train", {}, key=key), Status.QUEUED, 1.0)


def ids(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(sa.select(JOBS.c.id)).scalars())


class Gate:
    """Holds the first commit up until it is told how many rows wait for the next one."""

    def __init__(self, engine: sa.Engine, inserts: Inserts) -> None:
        self.commits, self.wanted, self._inserts = 0, 0, inserts
        sa.event.listen(engine, "commit", self._commit)

    def _commit(self, _connection: sa.Connection) -> None:
        self.commits += 1
        deadline = time.monotonic() + 10
        while len(self._inserts._waiting) < self.wanted and self.commits == 1 and time.monotonic() < deadline:
            time.sleep(0.005)


def test_what_comes_in_during_a_commit_shares_the_next(engine: sa.Engine) -> None:
    inserts = Inserts(engine, JOBS)
    gate = Gate(engine, inserts)
    gate.wanted = 7
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(inserts.add, [row(str(number)) for number in range(8)]))
    assert ids(engine) == set("01234567")
    assert gate.commits == 2


def test_a_slow_disk_makes_commits_larger(engine: sa.Engine) -> None:
    inserts, commits = Inserts(engine, JOBS), []

    @sa.event.listens_for(engine, "commit")
    def slowly(connection: sa.Connection) -> None:
        commits.append(connection)
        time.sleep(0.01)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(inserts.add, [row(str(number)) for number in range(160)]))
    assert len(ids(engine)) == 160
    assert len(commits) < 80


def test_one_that_cannot_be_there_hinders_no_other(engine: sa.Engine) -> None:
    inserts = Inserts(engine, JOBS)
    gate = Gate(engine, inserts)
    gate.wanted = 4
    rows = [row("first", "key"), row("second"), row("again", "key"), row("once more", "key"), row("third")]
    with ThreadPoolExecutor(5) as pool:
        futures = [pool.submit(inserts.add, values) for values in rows]
    errors = [future.exception() for future in futures]
    assert sorted(type(error).__name__ for error in errors) == ["IntegrityError"] * 2 + ["NoneType"] * 3
    assert {"second", "third"} < ids(engine)
    assert len(ids(engine)) == 3


def test_a_database_that_fails_is_told_to_all_and_tried_again(engine: sa.Engine) -> None:
    inserts, is_away = Inserts(engine, JOBS), threading.Event()
    is_away.set()

    @sa.event.listens_for(engine, "begin")
    def fail(_connection: sa.Connection) -> None:
        if is_away.is_set():
            raise OperationalError("INSERT", {}, Exception("the disk is full"))

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(inserts.add, row(str(number))) for number in range(4)]
    assert all(isinstance(future.exception(), OperationalError) for future in futures)
    is_away.clear()
    inserts.add(row("later"))
    assert ids(engine) == {"later"}


def test_a_bug_leaves_nobody_waiting(engine: sa.Engine) -> None:
    inserts = Inserts(engine, JOBS)
    gate = threading.Event()

    @sa.event.listens_for(engine, "begin")
    def fail(_connection: sa.Connection) -> None:
        while len(inserts._waiting) < 1 and not gate.is_set():
            time.sleep(0.005)
        gate.set()
        raise ZeroDivisionError

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(inserts.add, row(str(number))) for number in range(2)]
    assert all(isinstance(future.exception(), ZeroDivisionError | WorkspaceError) for future in futures)
    with pytest.raises(ZeroDivisionError):
        inserts.add(row("alone"))


def test_a_key_is_taken_once(engine: sa.Engine) -> None:
    inserts = Inserts(engine, JOBS)
    inserts.add(row("one", "key"))
    with pytest.raises(IntegrityError):
        inserts.add(row("two", "key"))
    assert ids(engine) == {"one"}
