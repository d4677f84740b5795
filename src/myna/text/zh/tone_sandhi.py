"""Tones as they change in speech: 不 and 一, neutral tones, the third tone before another, 儿.

Rules of the tone sandhi of PaddleSpeech (Apache-2.0), as the published acoustic models were trained. Where those rules
take a character for the particle that it is in other words only (土地, 名额), or hear a list's word inside another
(下水道), they are narrowed; where ``official`` is asked for they are not.

A word's reading is a list with the pinyin of each character ("hang2"); only the last digit, the tone, is changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from myna.text.zh.lexicon import halves, is_word
from myna.text.zh.lists import listed

_MARKS = frozenset("：，；。？！“”‘’':,;.?!")
_PARTICLES = frozenset("吧呢哈啊呐噻嘛吖嗨哦哒哩哟喽啰耶喔诶")
_PARTICLES_ALONE = frozenset("额滴")
_OFFICIAL_PARTICLES = _PARTICLES | frozenset("额滴的地得")
_COMPOUNDS = frozenset(["小两口", "老两口", "两口子"])
"""Listed instead of 两口, which the official program has in its list."""
_TOWARDS = frozenset("上下进出回过起开")
_COUNTED = frozenset("几有两半多各整每做是")
_COMPLEMENT_OF = frozenset("变引觉显使值记懂晓认免来舍懒落省不")
"""First characters of verbs in -得; after others (获得, 取得) it is itself the verb."""


def spoken(word: str, tag: str, reading: Sequence[str], *, is_last: bool = False, official: bool = False) -> list[str]:
    """The reading of a word (jieba's ``tag``) as it is spoken; ``is_last``: nothing but a mark follows."""
    tones = _one(word, _not(word, list(reading)))
    if official:
        return _third(word, _official_neutral(word, tag, tones))
    return _third(word, _neutral(word, tag, tones, is_last=is_last))


def _with(reading: str, tone: str) -> str:
    return reading[:-1] + tone


def _not(word: str, reading: list[str]) -> list[str]:
    if len(word) == 3 and word[1] == "不":
        reading[1] = _with(reading[1], "5")
        return reading
    for place, letter in enumerate(word[:-1]):
        if letter == "不" and reading[place + 1].endswith("4"):
            reading[place] = _with(reading[place], "2")
    return reading


def _one(word: str, reading: list[str]) -> list[str]:
    if "一" not in word or all(letter == "一" or letter.isnumeric() for letter in word):
        return reading
    if len(word) == 3 and word[1] == "一" and word[0] == word[2]:
        reading[1] = _with(reading[1], "5")
    elif word.startswith("第一"):
        reading[1] = _with(reading[1], "1")
    else:
        for place, letter in enumerate(word[:-1]):
            if letter == "一" and reading[place + 1].endswith("4"):
                reading[place] = _with(reading[place], "2")
            elif letter == "一" and word[place + 1] not in _MARKS:
                reading[place] = _with(reading[place], "4")
    return reading


def _neutral(word: str, tag: str, reading: list[str], *, is_last: bool) -> list[str]:
    for place in _doubled(word, tag):
        if not _is_border(word, place):
            reading[place] = _with(reading[place], "5")
    particle = _neutral_place(word, tag, reading, is_last=is_last)
    if particle is not None:
        reading[particle] = "de5" if word[particle] == "地" else _with(reading[particle], "5")
    elif word.endswith("所得"):
        reading[-1] = "de2"
    first, second = halves(word) if len(word) > 1 else (word, "")
    if _is_listed(first) and not (second and first in listed("full_tone_at_start")):
        reading[len(first) - 1] = _with(reading[len(first) - 1], "5")
    if second and _is_listed(second):
        reading[-1] = _with(reading[-1], "5")
    return reading


def _official_neutral(word: str, tag: str, reading: list[str]) -> list[str]:
    """As the official program has it: every 的, 地 and 得 at the end is a particle, and a list's word is one inside
    any other.
    """
    particle = len(word) - 1 if word[-1] in _OFFICIAL_PARTICLES else _other_neutral_place(word, tag, official=True)
    first, second = halves(word)
    for place in (*_doubled(word, tag), particle):
        if place is not None:
            reading[place] = _with(reading[place], "5")
    if _is_listed(first, official=True):
        reading[len(first) - 1] = _with(reading[len(first) - 1], "5")
    if second and _is_listed(second, official=True):
        reading[-1] = _with(reading[-1], "5")
    return reading


def _doubled(word: str, tag: str) -> list[int]:
    """The characters that repeat the one before them, where that is a reduplication."""
    if tag[:1] not in ("n", "v", "a") or word in listed("full_tone"):
        return []
    return [place for place in range(1, len(word)) if word[place] == word[place - 1]]


def _is_border(word: str, place: int) -> bool:
    """Whether two words meet between the two same characters, as in 银行|行长."""
    return place > 1 and is_word(word[place - 2 : place]) and is_word(word[place : place + 2]) and len(word) > place + 1


def _is_listed(word: str, *, official: bool = False) -> bool:
    if official:
        return word.endswith("两口") or (word not in _COMPOUNDS and _is_listed(word))
    return word in listed("neutral") or word[-2:] in listed("neutral")


def _neutral_place(word: str, tag: str, reading: list[str], *, is_last: bool) -> int | None:
    """The character that the first fitting rule makes neutral."""
    last, place = word[-1], len(word) - 1
    if last in _PARTICLES or (last in _PARTICLES_ALONE and place == 0 and is_last):
        return place
    if last in _PARTICLES_ALONE:
        return None
    if last in "的地得":
        return place if _is_particle(word, tag, reading) else None
    return _other_neutral_place(word, tag)


def _other_neutral_place(word: str, tag: str, *, official: bool = False) -> int | None:
    last, place, is_long = word[-1], len(word) - 1, len(word) > 1
    if word in ("了", "着", "过"):
        return place if tag in ("ul", "uz", "ug") else None
    if last in "们子" and is_long and tag in ("r", "n") and word not in listed("full_tone"):
        return place
    if last in "上下里" and is_long and tag in ("s", "l", "f"):
        return place
    if last in "来去" and is_long and word[-2] in _TOWARDS:
        return place
    counter = word.find("个")
    if word == "个" or (counter > 0 and (word[counter - 1].isnumeric() or word[counter - 1] in _COUNTED)):
        return counter
    return place if _is_listed(word, official=official) else None


def _is_particle(word: str, tag: str, reading: list[str]) -> bool:
    """Whether a final 的, 地 or 得 is the particle and no part of a noun or verb."""
    if word == "地":
        return tag != "n"
    if len(word) == 1 or reading[-1].startswith("de5"):
        return not word.endswith("所得")
    if word[-1] == "得":
        return reading[-1].startswith("de") and (word[-2] in _COMPLEMENT_OF if len(word) < 4 else False)
    return word[-1] == "地" and len(word) > 2 and word[-2] == word[-3]


def _third(word: str, reading: list[str]) -> list[str]:
    if len(word) == 2 and _are_third(reading):
        reading[0] = _with(reading[0], "2")
    elif len(word) == 3:
        size = len(halves(word)[0])
        if _are_third(reading):
            for place in (0, 1) if size == 2 else (1,):
                reading[place] = _with(reading[place], "2")
        else:
            reading = _third_in_halves(reading[:size], reading[size:])
    elif len(word) == 4:
        for start in (0, 2):
            if _are_third(reading[start : start + 2]):
                reading[start] = _with(reading[start], "2")
    return reading


def _third_in_halves(first: list[str], second: list[str]) -> list[str]:
    for half in (first, second):
        if len(half) == 2 and _are_third(half):
            half[0] = _with(half[0], "2")
        elif half is second and first and not _are_third(half) and half[0].endswith("3") and first[-1].endswith("3"):
            first[-1] = _with(first[-1], "2")
    return first + second


def _are_third(reading: Sequence[str]) -> bool:
    return all(one.endswith("3") for one in reading)


def with_er(word: str, tag: str, reading: list[str]) -> list[str]:
    """The reading with the tone of a final 儿 that belongs to the syllable before it."""
    if not word.endswith("儿"):
        return reading
    if reading[-1] == "er1":
        reading[-1] = "er2"
    is_apart = word in listed("no_erhua") or tag in ("a", "j", "nr")
    if word not in listed("erhua") and is_apart:
        return reading
    if len(word) > 1 and reading[-1] in ("er2", "er5") and word[-2:] not in listed("no_erhua"):
        reading[-1] = _with(reading[-1], reading[-2][-1:])
    return reading
