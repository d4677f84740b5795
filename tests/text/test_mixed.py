"""Texts of several languages as one: parts, spans, words, the stop before short texts, bad input."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myna.core.errors import BadInput, MynaError, UnknownChoice
from myna.text.frontend import (
    LANGUAGES,
    Phonemes,
    ended,
    modes,
    phonemize,
    phonemize_plain,
    phonemize_training,
    reader,
    training_text,
)
from myna.text.mixed import read_mixed
from myna.text.phonemes import located
from myna.text.symbols import symbols
from tests.text.extras import INSTALLED, needs


def spelled(text: str, language: str) -> Phonemes:
    """A reader that says each letter as itself."""
    letters = [char for char in text if not char.isspace()]
    return Phonemes([f"{language}{char}" for char in letters], None, text)


def test_parts_are_put_together_without_anything_between() -> None:
    result = read_mixed("你好 hello 大家好", "auto", spelled)
    assert result.norm_text == "你好 hello 大家好"
    assert [(part.language, part.first, part.last, part.norm_text) for part in result.parts] == [
        ("zh", 0, 2, "你好 "),
        ("en", 2, 7, "hello "),
        ("zh", 7, 10, "大家好"),
    ]
    assert result.languages == ["zh"] * 2 + ["en"] * 5 + ["zh"] * 3
    assert result.word2ph is None


@pytest.mark.parametrize(
    ("text", "first"), [("你好呀", "zh."), ("3次呀", "zh。"), ("3つの", "ja."), ("abc", "en."), ("abcdef", "ena")]
)
def test_a_very_short_text_gets_a_stop_in_front(text: str, first: str) -> None:
    result = read_mixed(text, "auto", spelled)
    assert result.phones[0] == first
    assert set(result.spans) == {(0, len(text))}  # a reader without places


@pytest.mark.parametrize("text", ["7", "<7|S EH1>"])
def test_the_stop_in_front_makes_no_decimal_in_english(text: str) -> None:
    result = phonemize(text, "en")
    assert result.phones[:3] == [".", "S", "EH1"]
    assert [text[start:end] for start, end in result.spans[:2]] == ["", "7"]


def test_runs_of_spaces_are_one_and_places_are_those_of_the_source() -> None:
    def words(text: str, language: str) -> Phonemes:
        found = text.split()
        return Phonemes(found, None, text, [(word, at, at + 1) for at, word in enumerate(found)])

    text = "one   two    three four five six"
    result = read_mixed(text, "en", words)
    assert result.norm_text == "one two three four five six"
    assert [text[slice(*span)] for span in result.spans] == text.split()
    assert [word for word, _, _ in result.words] == text.split()


def test_spans_are_found_from_words_and_words_from_spans() -> None:
    text = 'Well, "you" do.'
    words = [("Well", 0, 2), ("you", 3, 4), ("do", 4, 6)]
    read = located(Phonemes(["a", "b", ",", "c", "d", "e", "."], None, "", words), text)
    assert [text[slice(*span)] for span in read.spans] == ["Well", "Well", ', "', "you", "do", "do", "."]
    spans = [(0, 1), (0, 1), (1, 2), (2, 4), (2, 4)]
    found = located(Phonemes(list("abcde"), None, "", [], spans), "你，500")
    assert found.words == [("你", 0, 2), ("50", 3, 5)]
    assert located(Phonemes(["a"], None, ""), "xy").spans == [(0, 2)]


def test_english_numbers_stay_one_span() -> None:
    text = "It costs $5.99 today."
    result = phonemize(text, "en")
    assert ("$5.99", 7, 31) in result.words
    assert {text[slice(*span)] for span in result.spans[7:31]} == {"$5.99"}
    assert phonemize("Go", "en").phones == [",", ".", "G", "OW1"]
    assert phonemize_training("Go", "en").phones == [",", "G", "OW1"]


@needs("zh", "ja", "ko")
def test_all_languages_in_one_text() -> None:
    text = "我花了500元买iPhone。これは本です。안녕하세요, 여러분."
    result = phonemize(text, "auto")
    assert [part.language for part in result.parts] == ["zh", "en", "ja", "ko"]
    assert len(result.spans) == len(result.phones) == len(result.languages)
    (chinese,) = result.bert_parts
    assert chinese.word2ph is not None
    assert len(chinese.word2ph) == len(chinese.norm_text)
    assert sum(chinese.word2ph) == chinese.last - chinese.first
    assert ("500元", 6, 12) in result.words
    assert {text[slice(*result.spans[column])] for column in range(6, 12)} == {"500元"}


@needs("zh", "yue")
def test_chinese_alone_keeps_its_characters() -> None:
    result = phonemize("今天天气真不错。", "zh")
    assert result.word2ph == [2] * 7 + [1]
    cantonese = phonemize("今日天氣好好。", "yue")
    assert cantonese.bert_parts == []
    assert cantonese.word2ph is not None
    assert sum(cantonese.word2ph) == len(cantonese.phones)
    assert set(cantonese.languages) == {"yue"}


@needs("zh")
def test_units_and_a_number_alone_are_read_right() -> None:
    assert phonemize("买了2kg", "zh").norm_text == "买了两千克"
    assert phonemize("3次", "zh").norm_text == ".三次"
    assert phonemize("1", "auto").phones == [".", "y", "i1"]


def test_the_words_of_a_reference_are_ended() -> None:
    assert ended("\n你好\n", "zh") == "你好。"
    assert ended("Hello", "en") == "Hello."
    assert ended("你好！", "zh") == "你好！"
    assert ended("\n", "zh") == ""
    assert training_text("50%￥") == "50-,"


def test_modes_are_those_that_the_table_has_phones_for() -> None:
    assert modes("v1") == ("auto", "zh", "en", "ja", "all_zh", "all_ja")
    assert len(modes("v2")) == 11
    with pytest.raises(UnknownChoice, match="language of table 'v1' 'ko'; choose one of: auto, zh, en, ja"):
        phonemize("안녕", "ko", "v1")
    with pytest.raises(UnknownChoice, match="symbol table 'v9'"):
        phonemize("Hi", "en", "v9")


@needs("zh", "ko")
def test_a_part_that_the_table_has_no_phones_for_is_refused() -> None:
    with pytest.raises(UnknownChoice, match="'ko'; choose one of: zh, en, ja"):
        phonemize("你好，안녕하세요", "auto", "v1")


@pytest.mark.parametrize("text", ["", "  \n", "……", "“”", "😀", "!?", "\u200b", "\x00\x07", "Привет", "สวัสดี", "שלום"])
@pytest.mark.parametrize("mode", ["auto", "en", *INSTALLED])
def test_a_text_with_nothing_to_speak_is_refused(text: str, mode: str) -> None:
    if mode == "auto" and "zh" not in INSTALLED:
        pytest.skip("the extra zh is not installed")
    with pytest.raises(BadInput, match="give at least one word"):
        phonemize(text, mode)


def test_english_alone_loads_no_other_languages_libraries() -> None:
    code = (
        "import sys; from myna.text.frontend import phonemize; phonemize('Hello, world!', 'en');"
        "phonemize('Hello, world!', 'auto');"
        "found = {'jieba', 'pypinyin', 'opencc', 'pyopenjtalk', 'mecab', 'ToJyutping', 'torch'} & set(sys.modules);"
        "sys.exit(str(found) if found else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_readers_are_loaded_by_code() -> None:
    assert reader("en")("Hi").phones
    with pytest.raises(UnknownChoice, match="zh, en, ja, ko, yue"):
        reader("fr")
    assert set(LANGUAGES) == {"zh", "en", "ja", "ko", "yue"}


READABLE = [mode for mode in modes() if set(INSTALLED) == set(LANGUAGES) or mode == "en"]
TEXTS = st.text(
    st.one_of(
        st.characters(codec=None),
        st.sampled_from("你说国語気の一个カ한글글aéz012３,.。 \n!?“”'°C²kmxμ%$€①😀яสא\ud800々〇㗎𠮷<|>[]pause:s"),
    ),
    max_size=40,
)


@given(TEXTS, st.sampled_from(READABLE), st.sampled_from(["v1", "v2"]))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_refused_or_becomes_phones_with_places(text: str, mode: str, table: str) -> None:
    try:
        result = phonemize(text, mode, table)
    except MynaError:
        return
    assert set(result.phones) <= set(symbols(table))
    assert len(result.spans) == len(result.languages) == len(result.phones)
    assert all(0 <= start <= end <= len(text) for start, end in result.spans)
    assert all(0 <= first < last <= len(result.phones) for _, first, last in result.words)
    assert [part.first for part in result.parts[1:]] == [part.last for part in result.parts[:-1]]
    for part in result.parts:
        if part.word2ph is not None:
            assert len(part.word2ph) == len(part.norm_text)
            assert sum(part.word2ph) == part.last - part.first
    try:
        plain = phonemize_plain(text, result.parts[0].language, table)
    except MynaError:
        return
    assert set(plain.phones) <= set(symbols(table))


@pytest.mark.parametrize("unit", ["a 我", "我", "<|x>", "[pause:1s]a"])
def test_long_texts_take_little_time(unit: str) -> None:
    started = time.process_time()
    result = read_mixed(unit * (20_000 // len(unit)), "auto", spelled)
    assert len(result.phones) == len(result.spans)
    assert time.process_time() - started < 10


@needs("zh", "ja", "ko")
@pytest.mark.parametrize(
    ("text", "mode", "languages"),
    [
        ("NHKのNEWSを見た", "zh", {"en", "zh"}),
        ("SK텔레콤 LTE망", "zh", {"en"}),
        ("重要的内存，打印 the page", "auto", {"zh", "en"}),
        ("ㅋㅋ 좋아요", "auto", {"ko"}),
        ("你好 Привет 世界", "auto", {"zh"}),
        ("長" * 600, "auto", {"zh"}),
    ],
)
def test_what_the_official_program_fails_on_or_misreads_is_read(text: str, mode: str, languages: set[str]) -> None:
    assert {part.language for part in phonemize(text, mode).parts} == languages
