"""Which words make one accent phrase, and where its pitch falls.

Source: Open JTalk 1.11, ``njd_set_accent_phrase`` and ``njd_set_accent_type`` (Modified BSD). The numbers of the rules
are those of its documentation.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from myna.text.ja.words import NONE, UNDECIDED, Word

ATTACHED = {"助詞", "助動詞"}
ALONE = {"副詞", "接続詞", "連体詞"}
HUNDRED_FALLS_AT = {"七": 2, "三": 1, "四": 1, "九": 1, "何": 1}
OKU_FALLS_LATE = {"一", "六", "七", "八", "幾"}
TRILLION_FALLS_LATE = {"六", "七"}
FLAT_BEFORE_ONES = {"五", "六", "八"}
ONES = set("一二三四五六七八九")


def set_accent(words: list[Word]) -> None:
    """Sets `Word.chain` of every word and the accent of the first word of every phrase."""
    for before, word in pairwise(words):
        if word.chain == UNDECIDED:
            word.chain = int(_chains(before, word))
    _set_falls(words)


def _chains(before: Word, word: Word) -> bool:
    """Whether ``word`` belongs to the phrase of the word before it; the last rule that fits decides."""
    chains = _chains_by_class(before, word)  # rules 1 to 10
    kind = word.groups[0]
    if kind == "非自立":  # rules 11 and 12
        follows_stem = before.form.startswith("連用")
        if word.pos == "形容詞":
            follows_te = before.pos == "助詞" and before.groups[0] == "接続助詞" and before.text in {"て", "で"}
            chains |= (before.pos in {"動詞", "形容詞"} and follows_stem) or follows_te
        elif word.pos == "動詞":
            follows_noun = before.pos == "名詞" and before.groups[0] == "サ変接続"
            chains |= (before.pos == "動詞" and follows_stem) or follows_noun
    if before.pos == "名詞" and (word.pos in {"動詞", "形容詞"} or kind == "形容動詞語幹"):  # 13
        chains = False
    if "記号" in {word.pos, before.pos} or word.pos == "接頭詞":  # 14, 15
        chains = False
    if before.groups[2] == "姓" and word.pos == "名詞":  # 16
        chains = False
    if before.pos == "名詞" and word.groups[2] == "名":  # 17
        chains = False
    return chains or kind == "接尾"  # 18


def _chains_by_class(before: Word, word: Word) -> bool:
    """Rules 1 to 10."""
    is_noun = word.pos == "名詞"
    chains = True
    follows_adjective = before.pos == "名詞" and before.groups[0] == "形容動詞語幹"
    if is_noun and (before.pos in {"形容詞", "動詞"} or follows_adjective):
        chains = False
    if word.pos == "形容詞" and before.pos == "動詞":
        chains = False
    if word.pos in ALONE or before.pos in ALONE:
        chains = False
    if "副詞可能" in {before.groups[0] if before.pos == "名詞" else "", word.groups[0] if is_noun else ""}:
        chains = False
    if word.pos in ATTACHED:
        chains = True
    elif before.pos in ATTACHED:
        chains = False
    return chains and not (before.groups[0] == "接尾" and is_noun)


def _set_falls(words: list[Word]) -> None:
    top = moras = 0
    for index, word in enumerate(words):
        if index == 0 or word.chain != 1:
            top, moras = index, 0
        else:
            _chain_accent(words[top], words[index - 1], word, moras)
            if words[index - 1].is_number and word.is_number:
                following = words[index + 1] if index + 1 < len(words) else None
                _set_numeral(words[index - 1], word, following)
        is_ten = word.text == "十" and word.chain != 1
        if is_ten and index + 1 < len(words) and words[index + 1].is_number:
            word.accent = 0
        moras += word.moras


@cache
def chain_rule(rule: str, part_of_speech: str) -> tuple[str, int]:
    """The rule and its offset that a word's ``動詞%F4@1/名詞%F1`` gives after ``part_of_speech``; ``*`` for none."""
    for choice in rule.split("/"):
        condition, has_condition, action = choice.rpartition("%")
        if not has_condition or condition in part_of_speech:
            name, _, offset = action.partition("@")
            return name, int(offset) if offset.lstrip("-").isdigit() else 0
    return NONE, 0


def _chain_accent(top: Word, before: Word, word: Word, moras: int) -> None:
    """The accent of a phrase whose first word is ``top`` when ``word`` joins it after ``moras`` moras."""
    rule, offset = chain_rule(word.rule, before.pos)
    own = moras + word.accent
    if (rule == "F2" and top.accent == 0) or (rule == "F3" and top.accent != 0) or rule == "F4":
        top.accent = moras + offset
    elif rule in {"F5", "C4", "P6"} or (rule == "P1" and word.accent == 0):
        top.accent = 0
    elif rule in {"C1", "P1"} or (rule in {"P2", "P14"} and word.accent != 0):
        top.accent = own
    elif rule in {"C2", "P2"}:
        top.accent = moras + 1
    elif rule == "C3":
        top.accent = moras


def _set_numeral(before: Word, word: Word, following: Word | None) -> None:
    """The accent of two chained numerals, such as 五 and 十."""
    digit = before.text
    if word.text == "十":
        has_ones = following is not None and following.text in ONES
        before.accent = 0 if digit in FLAT_BEFORE_ONES and has_ones else 1
    elif word.text == "百":
        before.accent = HUNDRED_FALLS_AT.get(digit, before.moras + word.moras)
    elif word.text in {"千", "万"}:
        before.accent = before.moras + 1
    elif word.text == "億":
        before.accent = 2 if digit in OKU_FALLS_LATE else 1
    elif word.text == "兆":
        before.accent = 2 if digit in TRILLION_FALLS_LATE else 1
