from __future__ import annotations

import sys

import pytest

from myna.core.named import Named

TABLE: Named[object] = Named({"one": "tabnanny:check", "none": "tabnanny:not_there"})


def test_a_row_is_imported_when_it_is_asked_for() -> None:
    sys.modules.pop("tabnanny", None)
    assert list(TABLE) == ["one", "none"]
    assert "one" in TABLE
    assert len(TABLE) == 2
    assert "tabnanny" not in sys.modules
    assert TABLE["one"] is sys.modules["tabnanny"].check


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        TABLE["two"]
    with pytest.raises(AttributeError):
        TABLE["none"]
