"""Cantonese as the official program reads it, misreadings and all: for its voices, and for comparing with it.

The Mandarin normaliser comes first, so that everything is simplified, numbers are said with Mandarin words, and what
is not among the commonest Chinese characters is left out.
"""

from __future__ import annotations

from myna.text.phonemes import Phonemes, Span
from myna.text.symbols import PUNCTUATION
from myna.text.yue.reader import INITIALS, readings
from myna.text.zh.official_rules import letters_of

_SAID_AS = {**dict(zip("：；，。！？·、$—~～", ",,,.!?,,.---", strict=True)), "...": "…"}
_INITIALS = (*INITIALS, "sp", "spl", "spn", "sil")


def read(text: str) -> Phonemes:
    """``text`` as phones; a character on which the official program fails (犭) is left out."""
    letters = letters_of(text, _SAID_AS)
    phones: list[str] = []
    word2ph: list[int] = []
    places: list[Span] = []
    said: list[str] = []
    for letter, jyutping, span in zip(letters.text, readings(letters.text), letters.spans, strict=True):
        sounds = [letter] if letter in PUNCTUATION else _split(jyutping)
        if sounds:
            said.append(letter)
            phones += sounds
            word2ph.append(len(sounds))
            places += [span] * len(sounds)
    return Phonemes(phones, word2ph, "".join(said), spans=places)


def _split(jyutping: str) -> list[str]:
    """The two phones of what is taken for one syllable, even where it is two (卅)."""
    sound, tone = jyutping[:-1], jyutping[-1:]
    initial = "ng" if sound.startswith("nga") else next((one for one in _INITIALS if sound.startswith(one)), "")
    final = sound.removeprefix(initial) or initial[-1:]
    return [f"Y{initial}", f"Y{final}{tone}"] if initial else []
