"""Opens the job store's database and brings its tables to this version's form."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from myna.core.errors import BadInput, MissingExtra, StoreFailed, WorkspaceError
from myna.core.workspace import disk_errors, make_folder

_BUSY_TIMEOUT_S = 30.0
_CONNECTIONS = 15
_LOCK_NUMBER = 0x4D594E41  # "MYNA": PostgreSQL's advisory locks are numbers


def open_database(url: str) -> sa.Engine:
    """A connection pool to ``url`` (``sqlite:///FILE`` or ``postgresql+psycopg://…``), its tables up to date.

    From then on a database that is away, full or broken is a `StoreFailed`, and what it cannot keep is a `BadInput`.

    Raises:
        BadInput: no such kind of database.
        MissingExtra: its driver is not installed.
        WorkspaceError: it cannot be reached, opened or written, or a newer version of this program has changed it.
    """
    try:
        # All connections are kept: one for each busy moment would be opened and closed for every request.
        engine = sa.create_engine(
            url, pool_size=_CONNECTIONS, max_overflow=0, pool_pre_ping=not url.startswith("sqlite")
        )
    except (ArgumentError, NoSuchModuleError) as error:
        raise BadInput(f"the job store's URL is unusable ({error}); give sqlite:///FILE or postgresql://…") from None
    except ModuleNotFoundError as error:
        raise MissingExtra(f"the job store needs {error.name}; get it with: pip install 'myna[cluster]'") from None
    place = engine.url.render_as_string(hide_password=True)
    if engine.dialect.name == "sqlite":
        if engine.url.database:
            make_folder(Path(engine.url.database).parent)
        sa.event.listen(engine, "connect", _prepare_sqlite)
    try:
        with _alone(engine), engine.begin() as connection:
            _migrate(connection)
    except DatabaseError as error:
        engine.dispose()
        raise WorkspaceError(f"cannot open the job store {place}: {' '.join(str(error.orig).split())}") from None
    except CommandError as error:
        engine.dispose()
        raise WorkspaceError(f"the job store {place} is of a newer version of myna: {error}") from None
    sa.event.listen(engine, "handle_error", _tell)
    return engine


def _tell(context: ExceptionContext) -> None:
    """Say in one line what is wrong with the database, or with what it was given."""
    if context.is_pre_ping:
        return
    reason = " ".join(str(context.original_exception).split())
    if isinstance(context.sqlalchemy_exception, OperationalError | InterfaceError):
        raise StoreFailed(f"the job store cannot be used now: {reason}")
    if isinstance(context.sqlalchemy_exception, DataError):
        raise BadInput(f"the job store cannot keep this: {reason}")


def _migrate(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("myna.jobs").joinpath("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    """Keep other processes from changing the tables at the same time."""
    if engine.dialect.name == "sqlite":
        if not engine.url.database or engine.url.database == ":memory:":
            yield
            return
        path = Path(f"{engine.url.database}.lock")
        with disk_errors(path), path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK_NUMBER)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK_NUMBER)))


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    # FULL: what was answered must survive a power cut; in this journal mode NORMAL may lose the last commits.
    for pragma in (f"busy_timeout = {int(_BUSY_TIMEOUT_S * 1000)}", "journal_mode = WAL", "synchronous = FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
