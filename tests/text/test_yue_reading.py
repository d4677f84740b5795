"""What Cantonese texts are read out as, and as which phones."""

from __future__ import annotations

import importlib
import importlib.util

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from myna.core.errors import BadInput, UnknownChoice
from myna.text.frontend import phonemize_plain
from myna.text.symbols import PUNCTUATION, symbols

MISSING = [name for name in ("ToJyutping", "opencc") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs pip install 'myna[yue]': {MISSING}")

CANTONESE = {phone for phone in symbols("v2") if phone.startswith("Y") and phone[1:2].islower()} | {*PUNCTUATION}


def phones(text: str) -> str:
    return " ".join(phonemize_plain(text, "yue").phones)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("你好", "Yn Yei5 Yh You2"),
        ("五", "Yng Yg5"),
        ("唔", "Ym Ym4"),
        ("我", "Yng Yo5"),
        ("牙", "Yng Yaa4"),
        ("屋", "Yuk Yk1"),
        ("半隻雞", "Yb Yun3 Yz Yek3 Yg Yai1"),
        ("離島", "Yl Yei4 Yd You2"),
        ("幹部", "Yg Yon3 Yb You6"),
        ("搭𨋢", "Yd Yaap3 Yl Yip1"),
        ("係㗎", "Yh Yai6 Yg Yaa3"),
        ("卅", "Ys Yaa1 Yaa Ya6"),
        ("卌", "Ys Yei3 Yaa Ya6"),
        ("甕", "Yng Yung3"),
        ("鶯", "Yng Yang1"),
        ("第2名", "Yd Yai6 Yj Yi6 Ym Ying4"),
    ],
)
def test_characters(text: str, said: str) -> None:
    assert phones(text) == said


@pytest.mark.parametrize("radical", "犭讠衤艹钅饣纟")
def test_a_character_without_a_reading_is_left_out(radical: str) -> None:
    assert phones(f"你{radical}好") == phones("你好")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("13812345678", "一三八一二三四五六七八"),
        ("二〇一九年", "二零一九年"),
        ("價錢係１２．５元", "价钱系十二点五元"),
        ("3-6歲", "三到六岁"),
        ("好啦~就噉～", "好啦-就噉-"),
        ("食啦...好！", "食啦…好!"),
        ("老幺", "老幺"),
    ],
)
def test_numbers_and_marks(text: str, words: str) -> None:
    assert phonemize_plain(text, "yue").norm_text == words


def test_a_number_is_one_span() -> None:
    text = "佢有500元。"
    result = phonemize_plain(text, "yue")
    assert [word for word, _, _ in result.words] == ["佢", "有", "500元"]
    assert [text[first:last] for first, last in result.spans] == ["佢"] * 2 + ["有"] * 2 + ["500元"] * 6 + ["。"]


def test_every_syllable_of_the_dictionary_has_phones() -> None:
    text = "".join(map(chr, range(0x4E00, 0x9FA6)))
    result = phonemize_plain(text, "yue")
    assert set(result.phones) <= CANTONESE
    assert len(result.norm_text) > 20_000


def test_a_syllable_is_spelled_in_jyutping() -> None:
    module = importlib.import_module("myna.text.yue.reader")
    assert module.syllable("hong4") == ["Yh", "Yong4"]
    assert module.syllable("hang9") is None
    assert module.syllable("xx4") is None


@pytest.mark.parametrize("text", ["", "  ", "...", "👍", "Привет", "犭", "\ud800"])
def test_nothing_to_speak_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"nothing to speak|empty"):
        phonemize_plain(text, "yue")


def test_the_first_table_has_no_cantonese() -> None:
    with pytest.raises(UnknownChoice):
        phonemize_plain("你好", "yue", "v1")


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=[]), max_size=60))
@example("卅卌瓩犭1/0 -5~3 $1 ½ ① ㊀")
@example("佢話:「冇…」— 〇\u3007")
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        result = phonemize_plain(text, "yue")
    except BadInput:
        return
    assert set(result.phones) <= CANTONESE
    assert result.word2ph is not None
    assert sum(result.word2ph) == len(result.phones)
    assert len(result.word2ph) == len(result.norm_text)
    assert len(result.spans) == len(result.phones)
    assert all(0 <= start <= end <= len(text) for start, end in result.spans)


@pytest.mark.parametrize("text", ["香" * 50_000, "我好，" * 10_000, "1-" * 5_000])
def test_long_texts_take_no_time(text: str) -> None:
    assert phonemize_plain(text, "yue").phones
