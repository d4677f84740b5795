"""Latin words as a Korean reader says them: a known loan word, letter names for initials, else by English sound.

The transcription follows the Korean rules for loan words (외래어 표기법, chapter 3, section 1: English).
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from myna.text.en.lexicon import lookup
from myna.text.en.morphology import derive
from myna.text.ko.syllables import compose

_MAX_INITIALS = 4
_LETTERS_OF_VOWELS = frozenset("aeiouy")
_NAMES = (
    "에이 비 시 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 아르 에스 티 유 브이 더블유 엑스 와이 제트"
).split()
_LETTERS = dict(zip("abcdefghijklmnopqrstuvwxyz", _NAMES, strict=True))
_ONSETS = {
    "P": "ㅍ", "B": "ㅂ", "T": "ㅌ", "D": "ㄷ", "K": "ㅋ", "G": "ㄱ", "F": "ㅍ", "V": "ㅂ", "TH": "ㅅ", "DH": "ㄷ",
    "S": "ㅅ", "Z": "ㅈ", "SH": "ㅅ", "ZH": "ㅈ", "CH": "ㅊ", "JH": "ㅈ", "M": "ㅁ", "N": "ㄴ", "NG": "ㅇ", "L": "ㄹ",
    "R": "ㄹ", "HH": "ㅎ",
}  # fmt: skip
_VOWELS = {
    "AA": "ㅏ", "AE": "ㅐ", "AH": "ㅓ", "AO": "ㅗ", "EH": "ㅔ", "ER": "ㅓ", "IH": "ㅣ", "IY": "ㅣ", "UH": "ㅜ",
    "UW": "ㅜ", "OW": "ㅗ", "EU": "ㅡ", "AW": "ㅏ우", "AY": "ㅏ이", "EY": "ㅔ이", "OY": "ㅗ이",
}  # fmt: skip
_AFTER_Y = {"ㅏ": "ㅑ", "ㅐ": "ㅒ", "ㅓ": "ㅕ", "ㅔ": "ㅖ", "ㅗ": "ㅛ", "ㅜ": "ㅠ", "ㅣ": "ㅣ"}
_AFTER_W = {"ㅏ": "ㅘ", "ㅐ": "ㅙ", "ㅓ": "ㅝ", "ㅔ": "ㅞ", "ㅗ": "ㅝ", "ㅜ": "ㅜ", "ㅣ": "ㅟ"}
_CODAS = {"M": "ㅁ", "N": "ㄴ", "NG": "ㅇ", "L": "ㄹ"}
_STOPS = {"P": "ㅂ", "T": "ㅅ", "K": "ㄱ"}
_SONORANTS = frozenset(("M", "N", "L", "R", "W", "Y"))
_SHORT = frozenset(("AA", "AE", "AH", "EH", "IH", "UH"))
_HIGH = frozenset(("SH", "ZH", "CH", "JH"))


@cache
def _loan_words() -> dict[str, str]:
    lines = files(__package__).joinpath("data/loan_words.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if line and not line.startswith("#"))


def known_word(word: str) -> str | None:
    """``word`` if its Korean form is fixed by use, else None; digits may belong to it (mp3)."""
    return _loan_words().get(re.sub("['-]", "", word.lower()))


def letter_names(letters: str) -> str:
    """Latin ``letters`` one by one: TV is 티브이; other characters are left out."""
    return "".join(_LETTERS.get(letter, "") for letter in letters.lower())


def latin_word(word: str) -> str:
    """``word`` in Hangul."""
    lower = word.lower().replace("'", "")
    known = known_word(word)
    if known is not None:
        return known
    if "-" in word:
        return "".join(latin_word(part) for part in word.split("-"))
    if (word.isupper() and len(word) <= _MAX_INITIALS) or not _LETTERS_OF_VOWELS & set(lower) or len(word) == 1:
        return letter_names(word)
    phones = lookup(lower) or derive(word.lower())
    return _transcribe(phones) if phones else letter_names(word)


def _transcribe(stressed: tuple[str, ...]) -> str:
    """ARPAbet in Hangul."""
    phones = [phone.rstrip("012") for phone in stressed]
    if stressed[-2:] == ("AH0", "L") and len(phones) > 2 and phones[-3] not in _VOWELS:
        phones[-2] = "EU"
    syllables: list[tuple[str, str, str]] = []
    index = 0
    while index < len(phones):
        index += _take(phones, index, syllables)
    return "".join(compose(onset, vowel, coda) for onset, vowel, coda in syllables)


def _take(phones: list[str], index: int, syllables: list[tuple[str, str, str]]) -> int:
    """Write the phone at ``index`` (with the vowel after it); how many phones that took."""
    onset = phones[index]
    rest = phones[index + 1 :]
    if onset in _VOWELS:
        _add(syllables, "ㅇ", _VOWELS[onset])
        return 1
    glide = rest[0] if rest and rest[0] in ("Y", "W") and len(rest) > 1 and rest[1] in _VOWELS else ""
    if onset in ("Y", "W") and rest and rest[0] in _VOWELS:
        _add(syllables, "ㅇ", _glided(onset, _VOWELS[rest[0]]))
        return 2
    is_linked = rest and (rest[0] in _VOWELS or glide == "Y" or (glide == "W" and onset in ("K", "G", "HH")))
    if onset in _ONSETS and is_linked and onset != "NG":
        _double_l(onset, syllables)
        vowel = _VOWELS[rest[1] if glide else rest[0]]
        _add(syllables, _ONSETS[onset], _fitting(onset, _glided(glide, vowel)))
        return 3 if glide else 2
    _close(phones, index, syllables)
    return 1


def _glided(glide: str, vowel: str) -> str:
    table = {"Y": _AFTER_Y, "W": _AFTER_W}.get(glide)
    return table[vowel[0]] + vowel[1:] if table else vowel


def _fitting(onset: str, vowel: str) -> str:
    """``vowel`` after a hushing sound: SH takes a glide (쇼), the others lose it (주)."""
    if onset == "SH":
        return _AFTER_Y.get(vowel[0], vowel[0]) + vowel[1:]
    if onset in _HIGH:
        plain = {glided: bare for bare, glided in _AFTER_Y.items()}
        return plain.get(vowel[0], vowel[0]) + vowel[1:]
    return vowel


def _add(syllables: list[tuple[str, str, str]], onset: str, vowel: str) -> None:
    syllables.append((onset, vowel[0], ""))
    if len(vowel) > 1:
        syllables.append(("ㅇ", {"우": "ㅜ", "이": "ㅣ"}[vowel[1]], ""))


def _double_l(onset: str, syllables: list[tuple[str, str, str]]) -> None:
    """An L between vowels is written twice: 밀리, 헬로 as 헬로 with ㄹㄹ."""
    if onset == "L" and syllables and not syllables[-1][2]:
        syllables[-1] = (*syllables[-1][:2], "ㄹ")


def _close(phones: list[str], index: int, syllables: list[tuple[str, str, str]]) -> None:
    """Write a consonant without a vowel: as a coda, as a syllable of its own, or (R) not at all."""
    phone = phones[index]
    before = phones[index - 1] if index else ""
    following = phones[index + 1] if index + 1 < len(phones) else ""
    is_open = bool(syllables) and not syllables[-1][2]
    if (phone == "R" and before in _VOWELS) or phone == "HH":
        return
    if phone in _CODAS and is_open:
        syllables[-1] = (*syllables[-1][:2], _CODAS[phone])
    elif phone in _STOPS and is_open and before in _SHORT and following not in _SONORANTS:
        syllables[-1] = (*syllables[-1][:2], _STOPS[phone])
    elif phone in ("Y", "W"):
        syllables.append(("ㅇ", "ㅣ" if phone == "Y" else "ㅜ", ""))
    elif phone == "SH" and following:
        syllables.append(("ㅅ", "ㅠ", ""))
    else:
        syllables.append((_ONSETS.get(phone, "ㅇ"), "ㅣ" if phone in _HIGH else "ㅡ", ""))
