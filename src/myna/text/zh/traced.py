"""A text that is rewritten step by step, with the place in its source of every character."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from myna.text.phonemes import Span


@dataclass(frozen=True)
class Traced:
    """``text[i]`` says the characters ``spans[i]`` of the source."""

    text: str
    spans: list[Span]

    @classmethod
    def of(cls, source: str) -> Traced:
        """A text that is its own source."""
        return cls(source, [(place, place + 1) for place in range(len(source))])

    @classmethod
    def joined(cls, parts: Iterable[Traced]) -> Traced:
        """Texts of one source, one after the other."""
        every = list(parts)
        return cls("".join(part.text for part in every), [span for part in every for span in part.spans])

    def rewritten(self, pattern: re.Pattern[str], say: Callable[[re.Match[str]], str]) -> Traced:
        """The text with every match read as ``say`` tells; what it says has the place of the whole match."""
        said: list[str] = []
        spans: list[Span] = []
        end = 0
        for match in pattern.finditer(self.text):
            words = say(match)
            place = (self.spans[match.start()][0], self.spans[match.end() - 1][1])
            said += (self.text[end : match.start()], words)
            spans += self.spans[end : match.start()]
            spans += [place] * len(words)
            end = match.end()
        return Traced("".join(said) + self.text[end:], spans + self.spans[end:]) if end else self

    def translated(self, letters: dict[int, str]) -> Traced:
        """The text with some letters as others, one for one."""
        return Traced(self.text.translate(letters), self.spans)

    def filtered(self, keeps: Callable[[str], bool]) -> Traced:
        """The text without the characters that are not to be kept."""
        places = [place for place, letter in enumerate(self.text) if keeps(letter)]
        return Traced("".join(self.text[place] for place in places), [self.spans[place] for place in places])

    def split(self, after: re.Pattern[str]) -> list[Traced]:
        """The text in parts, each ending with a match but for the last."""
        ends = [0, *(match.end() for match in after.finditer(self.text)), len(self.text)]
        return [Traced(self.text[start:end], self.spans[start:end]) for start, end in pairwise(ends) if start < end]
