from __future__ import annotations

import pytest

from myna.core.errors import UnknownChoice
from myna.text.symbols import PUNCTUATION, phone_ids, symbols


def test_tables_have_the_published_sizes_and_places() -> None:
    assert len(symbols("v1")) == 322
    assert len(symbols("v2")) == 732
    assert symbols("v2")[:322] == symbols("v1")
    assert list(symbols("v1")) == sorted(symbols("v1"))
    assert len(set(symbols("v2"))) == 732
    assert symbols("v2")[322:324] == ("[", "]")
    assert {"_", "UNK", "SP", "HH", "AH0", "停", "空", *PUNCTUATION} <= set(symbols("v2"))


def test_ids_are_places_and_strangers_are_unk() -> None:
    table = symbols("v2")
    assert phone_ids(["HH", "!", "AH0"], "v2") == [table.index("HH"), 0, table.index("AH0")]
    assert phone_ids(["#", "nonsense"], "v1") == [table.index("UNK")] * 2


def test_another_table_is_refused_by_name() -> None:
    with pytest.raises(UnknownChoice, match="v1, v2"):
        symbols("v9")
