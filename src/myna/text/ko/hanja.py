"""Chinese characters and kana in a Korean text, as Hangul.

Readings of characters: data/hanja.txt (see recipes/text/build_korean.py); of words: the dictionary of mecab-ko. The
initial law (두음법칙) and the two readings of 不 and 率 follow the Korean spelling rules (articles 10 to 12).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files

from myna.text.ko.morphemes import morphemes
from myna.text.ko.syllables import Syllable, compose, decompose
from myna.text.ko.written import Written

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc]+")
_CONSONANTS = {
    "": "ㅇ", "K": "ㅋ", "G": "ㄱ", "S": "ㅅ", "Z": "ㅈ", "T": "ㅌ", "D": "ㄷ", "N": "ㄴ", "H": "ㅎ", "B": "ㅂ",
    "P": "ㅍ", "M": "ㅁ", "Y": "ㅇ", "R": "ㄹ", "W": "ㅇ", "V": "ㅂ",
}  # fmt: skip
_VOWELS = {
    "A": "ㅏ", "I": "ㅣ", "U": "ㅜ", "E": "ㅔ", "O": "ㅗ", "YA": "ㅑ", "YU": "ㅠ", "YO": "ㅛ", "WA": "ㅘ", "WO": "ㅗ",
}  # fmt: skip
_IRREGULAR_KANA = {"SU": "스", "TI": "치", "TU": "쓰", "ZU": "즈", "DI": "지", "DU": "즈", "WI": "이", "WE": "에"}
_GREETINGS = ("こんにちは", "こんばんは")
_WITH_S = {"數字": "숫자", "回數": "횟수", "庫間": "곳간", "貰房": "셋방", "車間": "찻간", "退間": "툇간"}
_SPELLED_WITH_S = re.compile("|".join(_WITH_S))
_AFTER_VOWEL = {"렬": "열", "률": "율"}


def in_hangul(written: Written) -> Written:
    """``written`` with Chinese characters and kana as Hangul; a small kana joins the syllable before it."""
    if not _HAN.search(written.text) and not _KANA.search(written.text):
        return written
    readings = _word_readings(written.text)
    letters: list[str] = []
    spans: list[tuple[int, int]] = []
    for index, character in enumerate(written.text):
        if _KANA.match(character):
            _add_kana(letters, spans, written, index)
            continue
        sound = character
        if _HAN.match(character):
            before = letters[-1] if letters else ""
            after = readings.get(index + 1) or _reading(written.text[index + 1 : index + 2])
            sound = _in_place(character, readings.get(index) or _reading(character), before, after)
        letters.extend(sound)
        spans.extend([written.spans[index]] * len(sound))
    return Written("".join(letters), tuple(spans))


@cache
def _table() -> dict[str, str]:
    lines = files(__package__).joinpath("data/hanja.txt").read_text(encoding="utf-8").splitlines()
    return {character: line[0] for line in lines for character in line[1:]}


def _reading(character: str) -> str:
    return _table().get(character) or _table().get(unicodedata.normalize("NFKC", character), "")


def _word_readings(text: str) -> dict[int, str]:
    """Readings of the Chinese characters that stand in a word of the dictionary, by their place."""
    result: dict[int, str] = {}
    for word in morphemes(text):
        if _HAN.fullmatch(text, word.start, word.end) and len(word.reading) == word.end - word.start:
            result.update(zip(range(word.start, word.end), word.reading, strict=True))
    for match in _SPELLED_WITH_S.finditer(text):
        result.update(zip(range(match.start(), match.end()), _WITH_S[match[0]], strict=True))
    return result


def _in_place(character: str, sound: str, before: str, after: str) -> str:
    """``sound`` of a Chinese character as it is said between two others."""
    previous = decompose(before) if before else None
    following = decompose(after) if after else None
    if character == "不":
        return "부" if following is not None and following.onset in "ㄷㅈ" else "불"
    if character == "率":
        sound = "솔" if previous is None else "률"
    if sound in _AFTER_VOWEL and previous is not None:
        return _AFTER_VOWEL[sound] if previous.coda in ("", "ㄴ") else sound
    syllable = decompose(sound) if sound else None
    if previous is not None or syllable is None or before.isdigit():
        return sound
    if syllable.vowel in "ㅑㅕㅖㅛㅠㅣ" and syllable.onset in "ㄴㄹ":
        return compose("ㅇ", syllable.vowel, syllable.coda)
    return compose("ㄴ", syllable.vowel, syllable.coda) if syllable.onset == "ㄹ" else sound


def _add_kana(letters: list[str], spans: list[tuple[int, int]], written: Written, index: int) -> None:
    """Append the sound of one kana; a small one or ん changes the syllable before it."""
    name = unicodedata.name(written.text[index], "")
    sound = name.rpartition("LETTER ")[2].replace("-", "") if "LETTER" in name else ""
    is_greeting = written.text[index] == "は" and written.text[: index + 1].endswith(_GREETINGS)
    last = decompose(letters[-1]) if letters else None
    if sound.startswith("SMALL ") or sound in ("N", "VU"):
        changed = _changed(last, sound.removeprefix("SMALL ")) if last is not None else None
        if changed is not None:
            letters[-1] = changed
            spans[-1] = (spans[-1][0], written.spans[index][1])
            return
        sound = sound.removeprefix("SMALL ")
    match = re.fullmatch("([KGSZTDNHBPMRVYW]?)([AIUEO])", sound)
    if match is None:
        return
    if sound in _IRREGULAR_KANA:
        letters.append(_IRREGULAR_KANA[sound])
    elif is_greeting:
        letters.append("와")
    else:
        glide = match[1] + match[2] if match[1] in ("Y", "W") else match[2]
        letters.append(compose(_CONSONANTS[match[1]], _VOWELS[glide]))
    spans.append(written.spans[index])


def _changed(last: Syllable, sound: str) -> str | None:
    """The syllable ``last`` with a coda N, a doubled consonant or a glide after it; None if that cannot be."""
    if last.coda:
        return None
    if sound in ("N", "TU"):
        return compose(last.onset, last.vowel, "ㄴ" if sound == "N" else "ㅅ")
    is_hard = last.onset in "ㅈㅊ" and sound in ("YA", "YU", "YO")
    if sound in _VOWELS:
        return compose(last.onset, _VOWELS[sound[-1]] if is_hard else _VOWELS[sound])
    return None
