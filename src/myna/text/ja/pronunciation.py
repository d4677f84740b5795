"""Readings for words the dictionary has none for, and a few sounds that depend on the neighbour.

Source: Open JTalk 1.11, ``njd_set_pronunciation`` (Modified BSD).
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from myna.text.ja.words import NONE, Word, rules, without_silent

PAUSE = "、"
FILLER = "フィラー"
INFLECTING = {"動詞", "助動詞"}


def set_pronunciation(words: list[Word]) -> list[Word]:
    """``words`` with a pronunciation each: an unknown word is spelled if it is kana or Latin, else it is a pause."""
    for word in words:
        if word.moras == 0:
            _spell(word)
    words = _join_kana(without_silent(words))
    for word, following in pairwise(words):
        is_long = following.pron == "ウ" and following.pos == "助動詞"
        if is_long and word.pos in INFLECTING and word.moras > 0:
            following.pron = "ー"
    return words


@cache
def _kana() -> re.Pattern[str]:
    # the table's own order: two signs that make one mora stand before the first of them alone
    return re.compile("|".join(map(re.escape, rules()["kana"])))


def _spell(word: Word) -> None:
    """Open JTalk takes every word without moras for a filler, marks included."""
    sounds = [rules()["kana"][found] for found in _kana().findall(word.text)]
    moras = sum(count for _, count in sounds)
    if moras:
        word.reading = word.pron = "".join(sound for sound, _ in sounds)
        word.moras = moras
        word.pos, word.groups = FILLER, (NONE, NONE, NONE)
    else:
        word.reading = word.pron = PAUSE
        word.pos = "記号"


def _join_kana(words: list[Word]) -> list[Word]:
    """Neighbouring words of one unknown kana each are one word."""
    joined: list[Word] = []
    head: Word | None = None
    for word in words:
        if word.pos != FILLER or word.text not in rules()["kana"]:
            head = None
        elif head is None:
            head = word
        else:
            head.text += word.text
            head.reading += word.reading
            head.pron += word.pron
            head.moras += word.moras
            head.end = word.end
            continue
        joined.append(word)
    return joined
