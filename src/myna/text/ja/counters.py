"""Numerals and the counters after them change each other's sound: 六 and 百 make ロッピャク, 二 and 日 make フツカ.

Source: Open JTalk 1.11, ``njd_set_digit`` (Modified BSD).
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

from myna.text.ja.words import Word, rules, without_silent

DAYS = ("日", "日間")


def set_counters(words: list[Word]) -> list[Word]:
    """``words`` with numerals and counters sounding as they do together."""
    pairs = list(pairwise(words))
    for numeral, counter in pairs:
        if numeral.is_number and counter.counts:
            _change_digit(numeral, _digit_classes().get(counter.text, {}))
            _change_counter(numeral, counter, _counter_classes().get(counter.text, {}))
            numeral.chain, counter.chain = 0, 1
    for numeral, word in pairs:
        if numeral.is_number:
            _join_numerals(numeral, word)
    for index, (numeral, counter) in enumerate(pairs):
        before = words[index - 1] if index else None
        is_first = before is None or before.pos == "記号" or not before.is_number
        if numeral.is_number and is_first and counter.counts:
            _set_native(before, numeral, counter)
    for index, word in enumerate(words):
        if index == 0 or not words[index - 1].is_number:
            _set_long_dates(word, words[index + 1 : index + 4])
    return without_silent(words)


@cache
def _digit_classes() -> dict[str, dict[str, list[Any]]]:
    """Counter -> how digits sound before it; a counter is in the first class that names it."""
    classes: dict[str, dict[str, list[Any]]] = {}
    for counters, digits in rules()["digit_before_counter"]:
        for counter in counters:
            classes.setdefault(counter, digits)
    return classes


@cache
def _counter_classes() -> dict[str, dict[str, int]]:
    """Counter -> digit -> how the counter's first sound changes after it."""
    classes: dict[str, dict[str, int]] = {}
    for counters, digits in rules()["shift_of_counter"]:
        for counter in counters:
            classes.setdefault(counter, digits)
    return classes


def _change_digit(numeral: Word, sounds: dict[str, list[Any]]) -> None:
    if numeral.text in sounds:
        numeral.say(*sounds[numeral.text])


def _change_counter(numeral: Word, counter: Word, shifts: dict[str, int]) -> None:
    shift = shifts.get(numeral.text, 0)
    if shift:
        sounds = rules()["voiced" if shift == 1 else "half_voiced"]
        first = counter.pron[:1]
        counter.pron = sounds.get(first, first) + counter.pron[1:]


def _join_numerals(numeral: Word, word: Word) -> None:
    small, large = rules()["small_numerals"], rules()["large_numerals"]
    if word.is_number:
        if numeral.text in small and word.text in large:
            numeral.chain, word.chain = 0, 1
        elif numeral.text in large and word.text in small:
            word.chain = 0
    if word.text == "百":
        _change_digit(numeral, rules()["digit_before_hundred"])
    if word.text in {"千", "兆"}:
        _change_digit(numeral, rules()["digit_before_thousand"])
    if word.text in {"百", "千"}:
        _change_counter(numeral, word, rules()["shift_of_hundred"])


def _set_native(before: Word | None, numeral: Word, counter: Word) -> None:
    """The native numerals: ヒトフクロ, ヒトリ, フツカ."""
    digit = numeral.text
    if [counter.text, counter.reading] in rules()["native_counters"] and digit in rules()["native_digits"]:
        sound, accent, moras = rules()["native_digits"][digit]
        numeral.reading = sound
        numeral.say(sound, accent, moras)
    whole = None
    if counter.text == "人":
        whole = rules()["people"].get(digit)
    elif counter.text == "日":
        follows_month = before is not None and "月" in before.text and digit == "一"
        whole = rules()["first_of_month"] if follows_month else rules()["days"].get(digit)
    elif counter.text == "日間":
        whole = rules()["spans_of_days"].get(digit)
    if whole:
        numeral.become(whole)
        counter.hush()


def _set_long_dates(word: Word, following: list[Word]) -> None:
    """The 14th, 20th and 24th, as days and as numbers of days."""
    texts = [follower.text for follower in following]
    if word.text == "十" and texts[:1] == ["四"] and len(texts) > 1 and texts[1] in DAYS:
        word.become(rules()["fourteenth"][DAYS.index(texts[1])])
        spent = following[:2]
    elif word.text == "二" and texts[:1] == ["十"] and len(texts) > 1 and texts[1] in DAYS:
        word.become(rules()["twentieth"][DAYS.index(texts[1])])
        spent = following[:2]
    elif word.text == "二" and texts[:2] == ["十", "四"] and len(texts) > 2 and texts[2] in DAYS:
        word.become(rules()["twenty"])
        following[0].become(rules()["fourth"][DAYS.index(texts[2])])
        spent = following[1:]
    else:
        return
    for follower in spent:
        follower.hush()
