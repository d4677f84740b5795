"""Sound changes of Korean, piece by piece."""

from __future__ import annotations

import pytest

from myna.text.ko.letters import said_letters
from myna.text.ko.meeting import alone, linked, meet
from myna.text.ko.numbers import decimal, digits, native, sino
from myna.text.ko.syllables import CODAS, ONSETS, VOWELS, compose, decompose


def test_every_syllable_is_taken_apart_and_put_together() -> None:
    for code in range(0xAC00, 0xD7A4):
        parts = decompose(chr(code))
        assert parts is not None
        assert compose(parts.onset, parts.vowel, parts.coda) == chr(code)
    assert decompose("a") is None
    assert len(ONSETS) * len(VOWELS) * len(CODAS) == 0xD7A4 - 0xAC00


@pytest.mark.parametrize(
    ("coda", "onset", "said"),
    [
        ("ㄱ", "ㄴ", ("ㅇ", "ㄴ")),
        ("ㄱ", "ㄹ", ("ㅇ", "ㄴ")),
        ("ㄱ", "ㄱ", ("ㄱ", "ㄲ")),
        ("ㄱ", "ㅎ", ("", "ㅋ")),
        ("ㅂ", "ㄴ", ("ㅁ", "ㄴ")),
        ("ㅍ", "ㄹ", ("ㅁ", "ㄴ")),
        ("ㅎ", "ㄱ", ("", "ㅋ")),
        ("ㅎ", "ㅅ", ("", "ㅆ")),
        ("ㅎ", "ㄴ", ("ㄴ", "ㄴ")),
        ("ㄶ", "ㄷ", ("ㄴ", "ㅌ")),
        ("ㅀ", "ㄴ", ("ㄹ", "ㄹ")),
        ("ㄴ", "ㄹ", ("ㄹ", "ㄹ")),
        ("ㄼ", "ㄴ", ("ㄹ", "ㄹ")),
        ("ㄼ", "ㄷ", ("ㄹ", "ㄸ")),
        ("ㅇ", "ㄹ", ("ㅇ", "ㄴ")),
        ("ㅁ", "ㄱ", ("ㅁ", "ㄱ")),
        ("ㅆ", "ㄷ", ("ㄷ", "ㄸ")),
        ("ㅈ", "ㅎ", ("", "ㅊ")),
    ],
)
def test_a_coda_meets_an_onset(coda: str, onset: str, said: tuple[str, str]) -> None:
    assert meet(coda, onset) == said


def test_only_seven_codas_are_heard() -> None:
    heard = {"", *"ㄱㄴㄷㄹㅁㅂㅇ"}
    assert {alone(coda) for coda in CODAS} == heard
    assert {meet(coda, onset)[0] for coda in CODAS for onset in ONSETS if onset != "ㅇ"} == heard
    assert {linked(coda)[0] for coda in CODAS} == {"", *"ㄱㄴㄹㅂㅇ"}


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("0", "영"), ("1", "일"), ("10", "십"), ("100", "백"), ("1000", "천"), ("10000", "만"), ("11", "십일"),
        ("110000", "십일만"), ("10001", "만일"), ("100000000", "일억"), ("100010000", "일억일만"),
        ("20000000", "이천만"), ("1234567890123", "일조이천삼백사십오억육천칠백팔십구만백이십삼"),
        ("0012", "십이"), ("7" * 60, "칠" * 60),
    ],
)  # fmt: skip
def test_sino_korean_numbers(number: str, words: str) -> None:
    assert sino(number) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [("1", "한"), ("3", "세"), ("4", "네"), ("11", "열한"), ("20", "스무"), ("21", "스물한"), ("99", "아흔아홉"),
     ("100", "백"), ("101", "백한"), ("120", "백스무"), ("0", "영")],
)  # fmt: skip
def test_native_numbers(number: str, words: str) -> None:
    assert native(number) == words


def test_digits_and_decimals() -> None:
    assert digits("0107") == "공일공칠"
    assert decimal("1,234.50") == "천이백삼십사점오영"
    assert decimal("0.5") == "영점오"
    assert decimal("007") == "공공칠"


@pytest.mark.parametrize(
    ("letters", "said"),
    [("ㅋㅋㅋ", "크크크"), ("ㅎㅎ", "흐흐"), ("ㅇㅋ", "오케이"), ("ㄱ", "기역"), ("ㅋ", "키읔"), ("ㄲ", "쌍기역"),
     ("ㄱㄴ", "기역니은"), ("ㄳ", "")],
)  # fmt: skip
def test_lone_consonants(letters: str, said: str) -> None:
    assert said_letters(letters) == said
