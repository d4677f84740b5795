from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from myna.core.errors import BadInput, Conflict, NotFound, UnknownChoice
from myna.jobs.keys import KeyRing
from myna.jobs.store import SqlJobStore


@pytest.fixture
def ring(url: str) -> Iterator[KeyRing]:
    store = SqlJobStore(url)
    yield KeyRing(store.engine)
    store.close()


def test_a_key_opens_and_only_its_hash_is_kept(ring: KeyRing) -> None:
    key = ring.add("anna", ["speak"])
    found = ring.find(key)
    assert found is not None
    assert (found.name, found.scopes) == ("anna", ("speak",))
    with ring._engine.connect() as connection:
        rows = str(connection.execute(sa.text("SELECT * FROM keys")).all())
    assert key.rsplit("_", 1)[1] not in rows


@pytest.mark.parametrize(
    "spoil", [lambda key: key[:-1], lambda key: key + "0", lambda key: key.upper(), lambda key: ""]
)
def test_another_key_does_not(ring: KeyRing, spoil: object) -> None:
    key = ring.add("anna")
    assert callable(spoil)
    assert ring.find(spoil(key)) is None
    assert ring.find(f"other_{key.partition('_')[2]}") is None


def test_a_revoked_key_opens_nothing(ring: KeyRing) -> None:
    key = ring.add("anna")
    ring.add("bob")
    ring.revoke("anna")
    assert ring.find(key) is None
    assert [known.name for known in ring.list()] == ["bob"]
    with pytest.raises(NotFound, match="those who have one: bob"):
        ring.revoke("anna")


def test_what_cannot_be_a_key_is_refused(ring: KeyRing) -> None:
    ring.add("anna")
    with pytest.raises(Conflict, match="'anna' has a key"):
        ring.add("anna")
    with pytest.raises(UnknownChoice, match="speak, make, control"):
        ring.add("bob", ["fly"])
    with pytest.raises(BadInput):
        ring.add(" ")
