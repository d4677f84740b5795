"""Rows of digits as numbers: 1234 is 千二百三十四, 03-1234 is read digit by digit, 3．14 has a 点.

Source: Open JTalk 1.11, ``njd_set_digit`` (Modified BSD).
"""

from __future__ import annotations

from myna.text.ja.counters import set_counters
from myna.text.ja.words import NONE, Word, parse, rules, without_silent

PERIODS = {"．", "・"}
COMMA = "，"
HYPHENS = {"―", "−", "‐", "—", "－"}
ZEROS = {"〇", "０"}
BEFORE_POINT = {"〇": "レー", "０": "レー", "二": "ニー", "五": "ゴー"}
DIGIT_BY_DIGIT = {"〇": "ゼロ", "０": "ゼロ", "二": "ニー", "五": "ゴー"}


def set_numbers(words: list[Word]) -> list[Word]:
    """``words`` with every row of digits read out and its counters sounding as they do after it."""
    if not any(word.is_number for word in words):
        return words
    words = without_silent(_read_rows(words))
    _set_points(words)
    return set_counters(words)


def digit_of(word: Word) -> int:
    """0 to 9, or -1 for a word that is no digit."""
    if not word.is_number:
        return -1
    found = rules()["digits"].get(word.text)
    return found[0] if found else -1


def _read_rows(words: list[Word]) -> list[Word]:
    result: list[Word] = []
    row: list[Word] = []
    for index, word in enumerate(words):
        digit = digit_of(word)
        if digit >= 0:
            word.text = rules()["digits"][word.text][1]
        if digit >= 0 or (word.is_number and (word.text in PERIODS or word.text == COMMA)):
            row.append(word)
            continue
        if row:
            result += _read_row(row, result, words[index : index + 2])
            row = []
        result.append(word)
    return result + (_read_row(row, result, []) if row else [])


def _read_row(row: list[Word], before: list[Word], after: list[Word]) -> list[Word]:
    """One row of digits, commas and points, with at most two words that follow it; all its words get one place."""
    start, end = row[0].start, row[-1].end
    read: list[Word] = []
    while row:
        if row[0].text == COMMA or row[0].text in PERIODS:
            read.append(row[0])
            row = row[1:]
            continue
        words, row = _read_front(row, [*before[-2:], *read], after)
        read += words
    for word in read:
        word.start, word.end = start, end
    return read


def _read_front(row: list[Word], before: list[Word], after: list[Word]) -> tuple[list[Word], list[Word]]:
    """The number at the front of ``row`` as words, and what is left of the row."""
    last = next((index for index, word in enumerate(row) if index and word.text in PERIODS), len(row)) - 1
    while last > 0 and row[last].text == COMMA:
        last -= 1
    commas = [index for index in range(last + 1) if row[index].text == COMMA]
    places = range(last, -1, -1)
    has_good_commas = all((row[index].text == COMMA) == (place % 4 == 3) for place, index in enumerate(places))
    starts_with_zero = last > 0 and digit_of(row[0]) == 0
    if commas and has_good_commas and not starts_with_zero:
        digits = [word for word in row[: last + 1] if word.text != COMMA]
        return _as_number(digits), row[last + 1 :]
    cut = commas[0] if commas else last + 1
    digits, rest = row[:cut], row[cut:]
    if not starts_with_zero and _number_score(before, rest + after) >= 0:
        return _as_number(digits), rest
    return _digit_by_digit(digits), rest


def _number_score(before: list[Word], after: list[Word]) -> int:
    """Below zero, a row of digits is a label such as a telephone number rather than a count."""
    score = 0
    if before:
        previous = before[-1]
        follows_number = len(before) > 1 and before[-2].is_number
        score += 2 * (previous.groups[0] == "数接続") + previous.counts
        if previous.text in PERIODS:
            score -= 5 * follows_number
        elif previous.text == "（":
            score -= 2 * follows_number
        elif previous.text in HYPHENS or previous.text in {"）", "番号"}:
            score -= 2
        score -= 2 * (len(before) > 1 and before[-2].text == "番号")
    if after:
        following = after[0]
        score += 2 * following.counts
        if following.text == "）":
            score -= 2 * (len(after) > 1 and after[1].is_number)
        elif following.text in HYPHENS or following.text in {"（", "番号"}:
            score -= 2
        elif following.text in PERIODS:
            score += 4
    return score


def _digit_by_digit(digits: list[Word]) -> list[Word]:
    """Two digits make one accent phrase."""
    if len(digits) < 2:
        return digits
    for index, word in enumerate(digits):
        if word.text in DIGIT_BY_DIGIT:
            word.pron = DIGIT_BY_DIGIT[word.text]
            word.moras = 2
        word.rule = NONE
        word.chain = index % 2
        if index % 2:
            digits[index - 1].accent = 3
    return digits


def _as_number(digits: list[Word]) -> list[Word]:
    """With 十, 百, 千 and 万, 億, 兆… put in; a number too long for them is left as it is."""
    tens, groups = rules()["powers_of_ten"], rules()["powers_of_ten_thousand"]
    if len(digits) < 2 or (len(digits) - 1) // 4 >= len(groups):
        return digits
    words: list[Word] = []
    has_group = False
    for place, word in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        digit, power = digit_of(word), place % 4
        words.append(word)
        if digit == 0 or (power and digit < 0):
            word.say(NONE, 0, 0)
        elif power and digit == 1:
            word.become(tens[power])
        elif power:
            words += parse(tens[power])
        has_group |= digit != 0
        if power == 0:
            if has_group and place:
                words += parse(groups[place // 4])
            has_group = False
    return words


def _set_points(words: list[Word]) -> None:
    """A point between two numerals is the word 点, which lengthens a short digit before it."""
    index = 1
    while index + 1 < len(words):
        before, word, after = words[index - 1 : index + 2]
        index += 1
        if not (word.text in PERIODS and before.is_number and after.is_number):
            continue
        word.become(rules()["point"])
        word.chain = 1
        if before.text in BEFORE_POINT:
            before.pron = BEFORE_POINT[before.text]
            before.moras = 2
        elif before.text == "六":
            before.accent = 1
        while index < len(words) and words[index].pos == "名詞":
            index += 1
        index += 1
