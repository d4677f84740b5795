"""Tables whose rows are names: what a row stands for is imported when somebody asks for it.

A start then costs what is used, however many steps, commands and decoders there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TypeVar

Thing = TypeVar("Thing")


class Named(Mapping[str, Thing]):
    """What ``places`` stand for, each ``module:attribute``, in their order. To go over the names imports nothing."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = dict(places)

    def __getitem__(self, name: str) -> Thing:
        module, _, attribute = self.places[name].partition(":")
        thing: Thing = getattr(import_module(module), attribute)
        return thing

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)
