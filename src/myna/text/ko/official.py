"""Korean as the official program reads it, misreadings and all: for its voices, and for comparing with it.

Its rules are those of g2pk2 0.0.3 (Apache-2.0, ``data/G2PK2.LICENSE``), which replaces strings of letters, one rule
after the other; the words and the table of codas and onsets are derived from it by ``recipes/text/build_korean.py``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from myna.text.ko.morphemes import tagged
from myna.text.ko.sounds import PAUSE, SPACE, SPLIT_VOWELS
from myna.text.phonemes import Phonemes
from myna.text.symbols import symbols

_SAID = "에이 비 시 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 아르 에스 티 유 브이 더블유 엑스 와이 제트"
_LETTER_NAMES = dict(zip("abcdefghijklmnopqrstuvwxyz", _SAID.split(), strict=True))
_DIGITS = dict(zip("0123456789", "영일이삼사오육칠팔구", strict=True))
_NATIVE_ONES = ("", *"한 두 세 네 다섯 여섯 일곱 여덟 아홉".split())
_NATIVE_TENS = ("", *"열 스물 서른 마흔 쉰 예순 일흔 여든 아흔".split())
_SINO = ("", *"일이삼사오육칠팔구")
_PLACES = ("", "십", "백", "천")
_SCALES = ("", "만", "억", "조")
_LAST_WITHOUT_ONE = 7
"""Up to this place from the right 1 is not said before its name: 만, but 일억."""
_MAX_DIGITS = 16
_NATIVE_COUNTERS = (
    "군데 권 개 그루 닢 대 두 마리 모 모금 뭇 발 발짝 방 번 벌 보루 살 수 술 시 쌈 움큼 정 짝 채 척 첩 축 켤레 톨 통"
)
_COUNTED = re.compile(r"(\d[\d,]*)([ㄱ-힣]+)/B")
_SURROGATE = re.compile("[\ud800-\udfff]")
_STEM_CODAS = "ᆫᆬᆷᆱᆰᆲᆴ"
_RIEUL = "ᆯ"
_MARKS = {"：": ",", "；": ",", "，": ",", "、": ",", "·": ",", "。": ".", "\n": ".", "！": "!", "？": "?", " ": SPACE}
_PLAIN, _TENSE = "ᄀᄃᄇᄉᄌ", "ᄁᄄᄈᄊᄍ"
_TENSE_AFTER_RIEUL = ("걸", "밖에", "세라", "수록", "지라도", "지언정", "진대")


def read(text: str) -> Phonemes:
    """``text`` as phones; what is neither Korean nor a mark the models know is a pause."""
    hangul = "".join(_LETTER_NAMES.get(letter.lower(), letter) for letter in _SURROGATE.sub("\ufffd", text))
    for word, said in _rows("official_words.txt"):
        hangul = hangul.replace(word, said)
    letters = _decomposed(_with_number_words(_annotated(hangul)))
    for pattern, replacement in _rules():
        letters = pattern.sub(replacement, letters)
    split = "".join(SPLIT_VOWELS.get(letter, letter) for letter in map(_shown, letters))
    split = re.sub("([ㅇㄹ]ㅡㄹ) ㄹ", r"\1 ㄴ", split)
    split = re.sub(r"([\u3131-\u3163])$", r"\1.", split)
    known = frozenset(symbols("v2"))
    signs = (_MARKS.get(sign, sign) for sign in split)
    return Phonemes([sign if sign in known else PAUSE for sign in signs], None, text)


@cache
def _rows(name: str) -> tuple[tuple[str, str], ...]:
    lines = files(__package__).joinpath(f"data/{name}").read_text(encoding="utf-8").splitlines()
    return tuple((found, said) for found, _, said in (line.partition("\t") for line in lines))


def _annotated(text: str) -> str:
    """``text`` with signs behind letters: /B a counter, /P the coda of a verb's stem, /E that of an ending.

    There are none where the analyser leaves out more than spaces, as it does with a newline.
    """
    found = tagged(text)
    if text.replace(" ", "") != "".join(surface for surface, _ in found):
        return text
    kinds: Iterator[str] = iter([kind for surface, tag in found for kind in _kinds(surface, tag)])
    return "".join(letter if letter == " " else letter + _sign(letter, next(kinds)) for letter in text)


def _kinds(surface: str, tag: str) -> list[str]:
    last = tag.split("+")[-1]
    return [*("_" * (len(surface) - 1)), "B" if last == "NNBC" else last[0]]


def _sign(letter: str, kind: str) -> str:
    coda = _decomposed(letter)[-1]
    if kind == "B":
        return "/B"
    if kind == "E" and coda == _RIEUL:
        return "/E"
    return "/P" if kind == "V" and coda in _STEM_CODAS else ""


def _decomposed(text: str) -> str:
    return "".join(unicodedata.normalize("NFD", sign) if "가" <= sign <= "힣" else sign for sign in text)


def _with_number_words(text: str) -> str:
    """Numbers before counters as words, all other digits one by one."""
    for number, counter in dict.fromkeys(_COUNTED.findall(text)):
        words = _number(number.replace(",", ""), is_native=counter in _NATIVE_COUNTERS)
        text = text.replace(f"{number}{counter}/B", f"{words}{counter}/B")
    return "".join(_DIGITS.get(sign, sign) for sign in text)


def _number(number: str, *, is_native: bool) -> str:
    """A number in words; one that the official program fails on stays as it is."""
    if number == "0" or len(number) > _MAX_DIGITS:
        return _DIGITS.get(number, number)
    if is_native and number == "20":
        return "스무"
    said: list[str] = []
    for place, digit in zip(range(len(number) - 1, -1, -1), number, strict=True):
        value = int(digit) if digit.isascii() else 0
        if digit == "0":
            is_scale = place % 4 == 0 and "".join(said[-3:])
            said.append(_SCALES[place // 4] if is_scale else "")
        elif is_native and place <= 1:
            said.append(_NATIVE_TENS[value] if place else _NATIVE_ONES[value])
        else:
            name = _PLACES[place % 4] or _SCALES[place // 4]
            is_bare = value == 1 and 0 < place <= _LAST_WITHOUT_ONE
            said.append(name if is_bare else _SINO[value] + name)
    return "".join(said)


@cache
def _rules() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Every replacement, in its order."""
    rows = [*_special_rules(), ("/[PJEB]", ""), *_rows("official_rules.txt"), *_linking_rules()]
    return tuple((re.compile(pattern), replacement) for pattern, replacement in rows)


def _special_rules() -> Iterator[tuple[str, str]]:
    """Rules for certain letters and for annotated codas."""
    yield "([ᄌᄍᄎ])ᅧ", r"\1ᅥ"
    yield "([ᄀᄁᄂᄃᄄᄅᄆᄇᄈᄉᄊᄌᄍᄎᄏᄐᄑᄒ])ᅴ", r"\1ᅵ"
    yield f"([{_decomposed('그')}])ᆮᄋ", r"\1ᄉ"
    for codas, onset in (("ᆽᆾᇀᇂ", "ᄉ"), ("ᆿ", "ᄀ"), ("ᇁ", "ᄇ")):
        yield f"([{_decomposed('으')}])[{codas}]ᄋ", rf"\1{onset}"
    yield "ᆰ/P[ᄀᄁ]", "ᆯᄁ"
    hardened = [(plain, tense) for plain, tense in zip(_PLAIN, _TENSE, strict=True) if plain != "ᄇ"]
    for codas in ("ᆲᆴ", "ᆫᆷ"):
        for plain, tense in hardened:
            yield f"([{codas}])/P{plain}", rf"\1{tense}"
    for coda, rest in (("ᆬ", "ᆫ"), ("ᆱ", "ᆷ")):
        for plain, tense in hardened:
            yield f"{coda}/P{plain}", rest + tense
    yield f"({_decomposed('바')})ᆲ($|[^ᄋᄒ])", r"\1ᆸ\2"
    yield f"({_decomposed('너')})ᆲ([ᄌᄍᄃᄄ]ᅮ)", r"\1ᆸ\2"
    for coda, rest in (("ᆮ", "ᄌ"), ("ᇀ", "ᄎ"), ("ᆴ", "ᆯᄎ")):
        yield f"{coda}ᄋ([ᅵᅧ])", rf"{rest}\1"
    yield f"ᆮ{_decomposed('히')}", _decomposed("치")
    for plain, tense in zip(_PLAIN, _TENSE, strict=True):
        yield f"ᆯ/E {plain}", f"ᆯ {tense}"
    for ending in map(_decomposed, _TENSE_AFTER_RIEUL):
        yield f"ᆯ{ending}", _RIEUL + _TENSE[_PLAIN.index(ending[0])] + ending[1:]


def _linking_rules() -> Iterator[tuple[str, str]]:
    """A coda before a syllable without onset, and a vowel before which no onset stands."""
    moved = zip("ᆨᆩᆫᆮᆯᆷᆸᆺᆻᆽᆾᆿᇀᇁ", "ᄀᄁᄂᄃᄅᄆᄇᄉᄊᄌᄎᄏᄐᄑ", strict=True)
    parted = zip("ᆪᆬᆰᆱᆲᆳᆴᆵᆹ", "ᆨᄊ ᆫᄌ ᆯᄀ ᆯᄆ ᆯᄇ ᆯᄊ ᆯᄐ ᆯᄑ ᆸᄊ".split(), strict=True)
    lost = zip("ᇂᆭᆶ", "ᄋᄂᄅ", strict=True)
    for coda, said in (*moved, *parted, *lost):
        yield f"{coda}ᄋ", said
    yield "(^|[^\u1100-\u1112])([\u1161-\u1175])", r"\1ᄋ\2"


def _shown(letter: str) -> str:
    """A letter as it is written alone: ㄱ for the onset and for the coda."""
    if not "\u1100" <= letter <= "\u11c2":
        return letter
    name = unicodedata.name(letter, "").replace("CHOSEONG", "LETTER").replace("JUNGSEONG", "LETTER")
    try:
        return unicodedata.lookup(name.replace("JONGSEONG", "LETTER"))
    except KeyError:
        return letter
