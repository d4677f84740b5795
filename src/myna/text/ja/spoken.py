"""A text on its way to what is spoken, every character of it knowing where in the source it comes from."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

Place = tuple[int, int]
"""First character and one past the last, in the source text."""


@dataclass
class Spoken:
    """``text`` as it is so far; ``places``: of each of its characters; ``mended``: the rules that changed something."""

    text: str
    places: list[Place]
    mended: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, source: str) -> Spoken:
        """A source text, unchanged."""
        return cls(source, [(index, index + 1) for index in range(len(source))])

    def rewrite(self, name: str, pattern: re.Pattern[str], say: Callable[[re.Match[str]], str]) -> None:
        """Puts ``say(match)`` in place of every match; what it writes comes from the whole match."""
        parts: list[str] = []
        places: list[Place] = []
        end = 0
        for match in pattern.finditer(self.text):
            new = say(match)
            if new == match.group():
                continue
            start = match.start()
            parts += [self.text[end:start], new]
            places += self.places[end:start]
            if match.group():
                places += [(self.places[start][0], self.places[match.end() - 1][1])] * len(new)
            else:
                places += [(self.places[start - 1][1] if start else 0,) * 2] * len(new)
            end = match.end()
        if end or parts:
            self.text = "".join(parts) + self.text[end:]
            self.places = places + self.places[end:]
            self.mended.append(name)
