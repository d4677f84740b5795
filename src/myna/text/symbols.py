"""The phone tables of the acoustic models: a phone's id is its place in the table.

Facts of the published GPT-SoVITS checkpoints (MIT): table "v1" has 322 symbols, "v2" 732, and the first 322 of "v2" are
"v1". Both hold ARPAbet with stress, punctuation, and the phones of the other languages.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from myna.core.errors import UnknownChoice

TABLE_SIZES = {"v1": 322, "v2": 732}
PUNCTUATION = ("!", "?", "…", ",", ".", "-")
UNKNOWN = "UNK"
"""What a phone outside the table becomes."""


@cache
def symbols(table: str) -> tuple[str, ...]:
    """All symbols of ``table`` in id order; raises `UnknownChoice` for another name."""
    if table not in TABLE_SIZES:
        raise UnknownChoice("symbol table", table, TABLE_SIZES)
    lines = files(__package__).joinpath("symbols.txt").read_text(encoding="utf-8").splitlines()
    return tuple(lines[: TABLE_SIZES[table]])


@cache
def _ids(table: str) -> dict[str, int]:
    return {symbol: index for index, symbol in enumerate(symbols(table))}


def phone_ids(phones: Iterable[str], table: str = "v2") -> list[int]:
    """The ids of ``phones``; one outside the table gets the id of UNK, as in the official program."""
    ids = _ids(table)
    return [ids.get(phone, ids[UNKNOWN]) for phone in phones]
