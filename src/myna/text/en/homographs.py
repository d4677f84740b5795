"""Words that are written alike and said differently: which reading, by the words around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files


@cache
def _rows() -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...], str]]:
    text = files(__package__).joinpath("data/homographs.txt").read_text(encoding="utf-8")
    rows = (line.split("|") for line in text.splitlines())
    return {word: (tuple(first.split()), tuple(second.split()), tag) for word, first, second, tag in rows}


class _Homographs:
    """The words of the list, loaded on first use."""

    def __contains__(self, word: object) -> bool:
        return word in _rows()


HOMOGRAPHS = _Homographs()

_DETERMINERS = frozenset("a an the my your his her its our their this that these those no some any every each".split())
_VERB_CUES = frozenset("to i you we they will would can could shall should may might must do does did not don't".split())


def choose(word: str, before: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
    """The phones of a listed lower-case ``word`` between the words ``before`` and ``after`` it."""
    first, second, tag = _rows()[word]
    previous = before[-1].lower() if before else ""
    is_verb = previous in _VERB_CUES
    return first if is_verb == (tag[0] == "V") else second
