"""Keys of those who may use this installation: only their hashes are kept.

A key is ``myna_<id>_<secret>``: 40 letters of chance, so a plain SHA-256 guards it as well as a slow hash would guard a
password. It is compared in constant time.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from myna.core.errors import BadInput, Conflict, NotFound, UnknownChoice
from myna.jobs.tables import KEYS

SCOPES = ("speak", "make", "control")
"""What a key may allow: speech; uploads, jobs and voices; switching weights for all, stopping the server."""

_MAX_NAME_CHARS = 64


@dataclass(frozen=True)
class Key:
    """A key as it is known: whose it is and what it allows. Times are seconds since 1970."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: float


class KeyRing:
    """The keys of an installation, in the job store's database."""

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def add(self, name: str, scopes: Sequence[str] = SCOPES) -> str:
        """A new key for ``name``, told this once.

        Raises `BadInput` for an unusable name, `UnknownChoice` for a scope, `Conflict` where the name has a key.
        """
        if not name.strip() or len(name) > _MAX_NAME_CHARS:
            raise BadInput(f"a key's name has 1 to {_MAX_NAME_CHARS} characters")
        for scope in scopes:
            if scope not in SCOPES:
                raise UnknownChoice("scope", scope, SCOPES)
        if any(key.name == name for key in self.list()):
            raise Conflict(f"{name!r} has a key; revoke that first, or choose another name")
        key_id, secret = secrets.token_hex(4), secrets.token_hex(20)
        row = {"id": key_id, "name": name, "scopes": " ".join(scopes), "hash": _hash(secret)}
        with self._engine.begin() as connection:
            connection.execute(KEYS.insert().values(**row, created_at=self._clock()))
        return f"myna_{key_id}_{secret}"

    def find(self, key: str) -> Key | None:
        """Whose ``key`` is; None where it is nobody's."""
        head, _, rest = key.partition("_")
        key_id, _, secret = rest.partition("_")
        with self._engine.connect() as connection:
            row = connection.execute(KEYS.select().where(KEYS.c.id == key_id)).mappings().one_or_none()
        known = row["hash"] if row is not None else _hash("")
        is_right = secrets.compare_digest(known, _hash(secret))
        return _key(row) if row is not None and is_right and head == "myna" else None

    def list(self) -> list[Key]:
        """All keys, by name."""
        with self._engine.connect() as connection:
            return [_key(row) for row in connection.execute(KEYS.select().order_by(KEYS.c.name)).mappings()]

    def revoke(self, name: str) -> None:
        """End the key of ``name``; raises `NotFound`."""
        with self._engine.begin() as connection:
            if not connection.execute(KEYS.delete().where(KEYS.c.name == name)).rowcount:
                names = ", ".join(key.name for key in self.list()) or "none"
                raise NotFound(f"{name!r} has no key; those who have one: {names}")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: sa.RowMapping) -> Key:
    return Key(row["id"], row["name"], tuple(row["scopes"].split()), row["created_at"])
