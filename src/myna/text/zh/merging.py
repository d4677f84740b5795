"""Words that are read as one: jieba's words, put together where a tone depends on the neighbour.

Rules of the tone sandhi of PaddleSpeech (Apache-2.0), as the published acoustic models were trained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from myna.text.zh.lexicon import Word
from myna.text.zh.polyphone import phrase_reading, word_reading

_MAX_JOINED = 3
_TOWARDS = "上下进出回过起开"
_PIECES_OF_LAND = frozenset("块片亩处寸方垧顷")
_AFTER_LAND = frozenset(["", *"的里上下中是很也都!?…,.-"])
"""What follows 地 where it is the land; the particle stands before what is done."""


def merged(words: list[Word], *, official: bool = False) -> list[Word]:
    """The words of a sentence, merged: 不 + 怕, 看 + 一 + 看, 好 + 好, 老 + 虎, 花 + 儿.

    ``official``: as jieba has cut and tagged them, wrong or not.
    """
    joined = _repeated(_one(_not(words if official else _regrouped(words))))
    for touches in (_are_all_third, _meet_in_third):
        joined = _third_tones(joined, touches, phrase_reading if official else word_reading)
    return _final_er(joined)


def _regrouped(words: list[Word]) -> list[Word]:
    """去年 stays a word after 回, where jieba prefers 回去|年; 地 is tagged as the noun that it can be."""
    result: list[Word] = []
    for index, (word, tag) in enumerate(words):
        last = result[-1][0] if result else ""
        following = words[index + 1][0] if index + 1 < len(words) else ""
        if word == "地" and ((last and last[-1] in _PIECES_OF_LAND) or following[:1] in _AFTER_LAND):
            result.append((word, "n"))
            continue
        if len(last) == 2 and last[1] == "去" and last[0] in _TOWARDS and word == "年":
            result[-1] = (last[0], "v")
            result.append(("去年", "t"))
        else:
            result.append((word, tag))
    return result


def _not(words: list[Word]) -> list[Word]:
    result: list[Word] = []
    is_not = False
    for word, tag in words:
        said = "不" + word if is_not else word
        is_not = said == "不"
        if not is_not:
            result.append((said, tag))
    return [*result, ("不", "d")] if is_not else result


def _one(words: list[Word]) -> list[Word]:
    around: list[Word] = []
    place = 0
    while place < len(words):
        word, tag = words[place]
        following = words[place + 1] if place + 1 < len(words) else ("", "")
        if word == "一" and around and around[-1] == following and _is_verb(following):
            around[-1] = (f"{following[0]}一{following[0]}", following[1])
            place += 2
        else:
            around.append((word, tag))
            place += 1
    result: list[Word] = []
    for word, tag in around:
        if result and result[-1][0] == "一":
            result[-1] = ("一" + word, result[-1][1])
        else:
            result.append((word, tag))
    return result


def _is_verb(word: Word) -> bool:
    """Whether jieba calls it a plain verb."""
    return word[1] == "v"


def _repeated(words: list[Word]) -> list[Word]:
    result: list[Word] = []
    for word, tag in words:
        if result and result[-1][0] == word:
            result[-1] = (word + word, result[-1][1])
        else:
            result.append((word, tag))
    return result


def _third_tones(
    words: list[Word], touches: Callable[[list[str], list[str]], bool], read: Callable[[str], Sequence[str]]
) -> list[Word]:
    """Neighbours whose third tones touch, put together up to three characters.

    A word that has just been joined does not draw in the next one, and a doubled character stays alone.
    """
    result: list[Word] = []
    was_joined = False
    tones = [[reading[-1:] for reading in read(word)] for word, _ in words]
    for index, (word, tag) in enumerate(words):
        last = words[index - 1][0] if index else ""
        joins = (
            index > 0
            and not was_joined
            and touches(tones[index - 1], tones[index])
            and not (len(last) == 2 and last[0] == last[1])
            and len(last) + len(word) <= _MAX_JOINED
        )
        if joins:
            result[-1] = (result[-1][0] + word, result[-1][1])
        else:
            result.append((word, tag))
        was_joined = joins
    return result


def _are_all_third(first: list[str], second: list[str]) -> bool:
    return set(first) | set(second) == {"3"}


def _meet_in_third(first: list[str], second: list[str]) -> bool:
    return bool(first) and bool(second) and first[-1] == second[0] == "3"


def _final_er(words: list[Word]) -> list[Word]:
    result: list[Word] = []
    for word, tag in words:
        if result and word == "儿":
            result[-1] = (result[-1][0] + word, result[-1][1])
        else:
            result.append((word, tag))
    return result
