"""The official reading: quirks of the official program, and what we do where it fails."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.core.errors import BadInput
from myna.text.en.official.division import divide
from myna.text.en.official.verbalize import verbalize
from myna.text.en.official.words import lookup, use_names, word_phones
from myna.text.frontend import LANGUAGES, phonemize, phonemize_plain
from myna.text.symbols import symbols
from tests.text.extras import INSTALLED, needs


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It’s 9:05 at No. 7, 90km/h.", "Its nine five a.m. at No. seven, ninety kilometersh."),
        ("2. Two - 1 = 1", "second, Two minus one Equals one"),
        (
            "He paid $1.5 million and 3.05£, or $.",
            "He paid one dollar and fifty cents million and three pounds and five pence, or ",
        ),
        ("$1.2.3, $0", "one point two.three dollars, zero dollars"),
        ("1/2, 3/2, 4/1, 101/103", "one half, three halves, four, one hundred and one one hundred and thirds"),
        ("3001 and 2005, 1905, 1900", "three thousand one and two thousand five, nineteen oh five, nineteen hundred"),
        ("wait , stop -- now!?", "wait  stop  now!"),
        ("NASA's i.e. E.g. -5", "N A S A's that is for examplenegative five"),
    ],
)
def test_english_is_put_into_words_as_there(text: str, words: str) -> None:
    assert verbalize(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pay (9$) now", "Pay nine dollars now"),
        ("$,5", "five dollars"),
        ("9" * 40, " ".join(["nine"] * 40)),
        (f"1/{'9' * 40}", f"one {' '.join(['nine'] * 40)}"),
    ],
)
def test_english_numbers_on_which_that_program_fails_are_read(text: str, words: str) -> None:
    assert verbalize(text) == words


def test_run_together_words_are_divided_by_the_words_before() -> None:
    assert divide("helloworld") == ("helloworld",)
    assert divide("thisisatest") == ("this", "is", "a", "test")
    assert divide("forty-two") == ("forty", "two")
    assert "".join(divide("ab" * 200)) == "ab" * 200


def test_english_words_are_looked_for_in_the_official_order() -> None:
    assert word_phones("dr") == ("D", "R", "AY1", "V")
    assert word_phones("tts") == ("T", "IY1", "T", "IY1", "EH1", "S")
    assert word_phones("neuralink's")[-3:] == ("NG", "K", "S")
    assert lookup("gazebo") is None, "CMUdict 0.7b does not have it"


def test_a_listed_name_is_one_only_where_its_first_letter_is_large_and_the_dictionary_has_it_not() -> None:
    listed = {"aaditya": ("AA0", "D", "IY1", "T", "Y", "AH0"), "smith": ("AA0",)}
    without = phonemize_plain("I met Aaditya.", "en", official=True).phones
    use_names(lambda: listed)
    try:
        assert phonemize_plain("I met Aaditya.", "en", official=True).phones[4:-1] == [*listed["aaditya"]]
        assert phonemize_plain("I met aaditya.", "en", official=True).phones == without
        assert phonemize_plain("I met Smith.", "en", official=True).phones[4:-1] == ["S", "M", "IH1", "TH"]
    finally:
        use_names(None)
    assert without[4:-1] not in ([], [*listed["aaditya"]])
    assert phonemize_plain("I met Aaditya.", "en", official=True).phones == without


@needs("ko")
@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("3시간", "ㅅ ㅏ ㅁ ㅅ ㅣ ㄱ ㅏ ㄴ ."),
        ("한일 관계", "ㅎ ㅏ ㄴ ㄴ ㅣ ㄹ 空 ㄱ ㅗ ㅏ ㄴ ㄱ ㅣ ㅔ ."),
        ("TV 20개", "ㅌ ㅣ ㅂ ㅡ ㅇ ㅣ 空 ㅅ ㅡ ㅁ ㅜ ㄱ ㅐ ."),
        ("10005개", "ㅁ ㅏ ㄴ ㄷ ㅏ ㅅ ㅓ ㄷ ㄲ ㅐ ."),
        ("\ud800네", "停 ㄴ ㅔ ."),
    ],
)
def test_korean_is_read_as_there(text: str, phones: str) -> None:
    assert " ".join(phonemize_plain(text, "ko", official=True).phones) == phones


@needs("ko")
def test_a_korean_number_on_which_that_program_fails_is_read_digit_by_digit() -> None:
    phones = phonemize_plain(f"{'1' * 17}개", "ko", official=True).phones
    assert phones[-3:] == ["ㄱ", "ㅐ", "."]
    assert len(phones) > 17


def test_texts_with_nothing_to_speak_have_marks_instead_of_being_refused() -> None:
    assert phonemize_plain("", "en", official=True).phones == [","]
    assert phonemize("……", "auto", official=True).phones == [","]
    assert phonemize("😀", "auto", official=True).phones == [",", "."]
    with pytest.raises(BadInput):
        phonemize("……", "auto")
    with pytest.raises(BadInput):
        phonemize(" ", "en", official=True)


@needs("ja")
def test_letters_of_other_scripts_stay_where_there_are_no_han_characters() -> None:
    assert phonemize("Привет", "ja", official=True).phones == ["UNK"] * 6
    assert phonemize("Привет 你好", "ja", official=True).phones.count("UNK") < 6


@needs("zh")
def test_units_and_opening_stops_are_those_of_the_official_assembly() -> None:
    assert [part.language for part in phonemize("跑了5km", "zh").parts] == ["zh"]
    assert [part.language for part in phonemize("跑了5km", "zh", official=True).parts] == ["zh", "en"]
    assert phonemize("1", "zh", official=True).norm_text == "零点一"


@pytest.mark.parametrize("language", INSTALLED)
@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters() | st.sampled_from("$£€%.,:/-+ 0123456789'aZ가나다あア漢字…"), max_size=40))
def test_any_text_is_read(language: str, text: str) -> None:
    for table in LANGUAGES[language].tables:
        result = phonemize_plain(text, language, table, official=True)
        assert set(result.phones) <= set(symbols(table))
        assert len(result.spans) == len(result.phones)
