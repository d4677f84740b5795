"""The lists of the data folder: words with a tone of their own, readings, quantifiers, simplified characters."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def lines(name: str) -> list[str]:
    """The lines of a list."""
    return files(__package__).joinpath("data", f"{name}.txt").read_text(encoding="utf-8").splitlines()


@cache
def listed(name: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(lines(name))


@cache
def readings(name: str) -> dict[str, tuple[str, ...]]:
    """A list that says how words are read: word -> pinyin of each character, as hang2."""
    return {word: tuple(spoken) for word, *spoken in map(str.split, lines(name))}
