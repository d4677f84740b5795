"""Rows that come in while others are being committed share the next commit.

A commit that must be on the disk before it is answered takes as long as the disk does, and SQLite does one at a time.
So whoever may write takes everything that waits along: the more there is to do, the more goes into one commit.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from myna.core.errors import StoreFailed, WorkspaceError


@dataclass(eq=False)
class _Row:
    """A row that waits; ``error`` is why it is not in the table."""

    values: Mapping[str, Any]
    is_settled: bool = False
    error: Exception | None = None


class Inserts:
    """New rows of one table, from any number of threads."""

    def __init__(self, engine: sa.Engine, table: sa.Table) -> None:
        self._engine, self._statement = engine, table.insert()
        self._waiting: list[_Row] = []
        self._is_writing, self._change = False, threading.Condition()

    def add(self, values: Mapping[str, Any]) -> None:
        """Write one row, which is committed when this returns; raises what the database raised for this row."""
        row, rows = _Row(values), list[_Row]()
        with self._change:
            self._waiting.append(row)
            self._change.wait_for(lambda: row.is_settled or not self._is_writing)
            if not row.is_settled:
                rows, self._waiting, self._is_writing = self._waiting, [], True
        if rows:
            self._settle(rows)
        if row.error is not None:
            raise row.error

    def _settle(self, rows: Sequence[_Row]) -> None:
        """Write all of them, in one transaction where they allow it, and let the next ones come."""
        try:
            self._write(rows)
        finally:
            with self._change:
                for row in rows:
                    if not row.is_settled:  # whatever ended us here: nobody may wait for ever
                        row.is_settled, row.error = True, WorkspaceError("the row was not written; try again")
                self._is_writing = False
                self._change.notify_all()

    def _write(self, rows: Sequence[_Row]) -> None:
        error: Exception | None = None
        try:
            with self._engine.begin() as connection:
                connection.execute(self._statement, [row.values for row in rows])
        except IntegrityError as refused:
            if len(rows) > 1:  # one of them cannot be there; the others can
                for row in rows:
                    self._write([row])
                return
            error = refused
        except (DBAPIError, StoreFailed) as failed:
            error = failed
        for row in rows:
            row.is_settled, row.error = True, error
