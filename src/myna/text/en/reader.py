"""English text to ARPAbet phones with stress.

Rules of the official GPT-SoVITS front end as facts (numbers, marks, the leading comma of short texts); its misreadings
are mended. Dictionary: CMUdict; words outside it: plural and possessive rules, division into known words, and the
spelling network of g2p_en.
"""

from __future__ import annotations

from dataclasses import dataclass

from myna.text.en.homographs import reading
from myna.text.en.lexicon import divide, letter_name, lookup
from myna.text.en.morphology import derive, with_s
from myna.text.en.spelling import spell_out
from myna.text.en.verbalize import MARKS, Spoken, verbalize
from myna.text.phonemes import Phonemes

MIN_PHONES = 4
"""A text with fewer phones gets a comma in front, as the acoustic models were trained."""

_SPELLED_LENGTH = 3
_MAX_WORD = 160
_MIN_STEM = 3
_SURE_ENDINGS = {"ator": ("EY2", "T", "ER0"), "ators": ("EY2", "T", "ER0", "Z")}
"""Endings of unknown words that are always said so."""


@dataclass(frozen=True)
class _Token:
    """One spoken word or mark, and the index of the `Spoken` it belongs to."""

    text: str
    group: int


def read(text: str) -> Phonemes:
    """``text`` as phones; a text without anything to speak gives punctuation alone."""
    spoken = verbalize(text)
    tokens = [token for group, item in enumerate(spoken) for token in _tokens(item, group)]
    written = [token.text for token in tokens]
    found = [_known(written, index) for index in range(len(written))]
    missing = [
        part for token, phones in zip(tokens, found, strict=True) if phones is None for part in _parts(token.text)
    ]
    unknown = _guessed([part for part in missing if lookup(part) is None])
    phones: list[str] = []
    spans: dict[int, tuple[int, int]] = {}
    for token, known in zip(tokens, found, strict=True):
        first = len(phones)
        phones.extend(known if known is not None else _assemble(token.text, unknown))
        spans[token.group] = (spans.get(token.group, (first, first))[0], len(phones))
    shift = 1 if len(phones) < MIN_PHONES else 0
    words = [
        (text[item.start : item.end], spans[group][0] + shift, spans[group][1] + shift)
        for group, item in enumerate(spoken)
        if not item.is_mark and group in spans and spans[group][0] < spans[group][1]
    ]
    return Phonemes([","] * shift + phones, None, _written(spoken), words)


def _tokens(item: Spoken, group: int) -> list[_Token]:
    if item.is_mark:
        return [_Token(item.words, group)]
    result: list[_Token] = []
    for piece in item.words.split():
        word = piece.rstrip(",.")
        result.extend(_Token(part, group) for part in (*_unhyphenated(word), piece[len(word) :]) if part)
    return result


def _unhyphenated(word: str) -> list[str]:
    """The words of a compound, unless the dictionary has it whole: with its hyphen, or without it (re-enter,
    hyphen-ated).
    """
    if "-" not in word or lookup(word.lower()):
        return [word]
    joined = word.replace("-", "")
    is_prefixed = word.lower().split("-")[0] in ("co", "re", "pre", "e", "de", "non", "un")
    parts = word.split("-")
    is_cut = is_prefixed or any(part and derive(part.lower()) is None for part in parts)
    return [joined] if is_cut and derive(joined.lower()) else parts


def _written(spoken: list[Spoken]) -> str:
    return "".join(item.words if item.is_mark else f" {item.words}" for item in spoken).strip()


def _known(words: list[str], index: int) -> tuple[str, ...] | None:
    """Phones of a token by dictionary and rules; None if it must be guessed."""
    text = words[index]
    if text in MARKS:
        return (text,)
    if text == "A":
        return ("EY1",) if _is_letter_a(words, index) else ("AH0",)
    lower = text.lower()
    if len(text) > 1:
        chosen = reading(words, index)
        if chosen is not None:
            return chosen
    return derive(lower)


def _is_letter_a(words: list[str], index: int) -> bool:
    """Whether a capital A is the letter's name; at the start of a sentence before a word it is the article."""
    is_first = index == 0 or words[index - 1] in MARKS
    following = words[index + 1] if index + 1 < len(words) else ""
    is_verb = following.lower() in ("is", "was", "has", "and", "or", "in", "to", "comes", "equals", "stands", "plus")
    return not is_first or not following or following in MARKS or is_verb or len(following) == 1


def _bare(word: str) -> tuple[str, bool]:
    """The letters of a word and whether a possessive s follows them."""
    lower = word.lower()
    has_s = lower.endswith("'s") and len(lower) > 2
    return "".join(letter for letter in (lower[:-2] if has_s else lower) if letter.isalpha()), has_s


def _parts(word: str) -> tuple[str, ...]:
    """How a word outside the dictionary is read: letter by letter if it is very short, else divided."""
    letters = _bare(word)[0]
    return tuple(letters) if len(letters) <= _SPELLED_LENGTH else divide(letters[:_MAX_WORD])


def _guessed(parts: list[str]) -> dict[str, tuple[str, ...]]:
    """Guesses of the spelling network, which is not asked for an ending that is sure."""
    endings = {part: next((end for end in _SURE_ENDINGS if part[_MIN_STEM:].endswith(end)), "") for part in parts}
    stems = {part: part.removesuffix(ending) for part, ending in endings.items()}
    found = spell_out(stems.values())
    return {part: (*found[stem], *_SURE_ENDINGS.get(endings[part], ())) for part, stem in stems.items()}


def _assemble(word: str, unknown: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    phones: tuple[str, ...] = ()
    for part in _parts(word):
        phones += letter_name(part) if len(part) == 1 else lookup(part) or unknown.get(part, ())
    has_s = _bare(word)[1]
    return with_s(phones) if has_s and phones else phones
