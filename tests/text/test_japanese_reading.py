"""What the official program misreads in Japanese, bad input, places in the source, and the two dictionaries."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pyopenjtalk", reason="needs the extra ja: pip install 'myna[ja]'")

from myna.core.errors import BadInput, InstallationError
from myna.text.frontend import phonemize
from myna.text.ja.dictionary import OWN_FOLDER, look_up
from myna.text.ja.pitch import BORDER, with_marks
from myna.text.ja.reader import read
from myna.text.ja.words import parse
from myna.text.symbols import UNKNOWN, symbols

MISREAD_THERE = {
    "10%です": "j u cl p a a s e N t o d e s u",
    "1,500円": "s e N g o hy a k u e N",
    "12:45に": "j u u n i j i y o N j u u g o f u N n i",
    "9:00": "k u j i",
    "8:30-11:10": "h a ch i j i s a N j u cl p u N k a r a j u u i ch i j i j u cl p u N",
    "1/2": "n i b u N n o i ch i",
    "12/25": "j u u n i g a ts u n i j u u g o n i ch i",
    "－5度": "m a i n a s u g o d o",
    "気温は-5℃": "k i o N w a m a i n a s u g o d o",
    "「本」": "h o N",
    "『本』（本）": "h o N , h o N",
    "本☆本♪": "h o N h o N",
    "①": "i ch i",
    "㈱山田": "k a b u sh i k i g a i sh a y a m a d a",
    "30°": "s a N j u u d o",
    "本😀！": "h o N !",
    "髙橋": "t a k a h a sh i",
    "𠮷野": "y o sh i n o",
    "一〇〇": "hy a k u",
    "二〇一九年": "n i s e N j u u ky u u n e N",
    "〇〇": "m a r u m a r u",
    "ｶﾞﾗｽ": "g a r a s u",
    "か\u3099": "g a",
    "3.14": "s a N t e N i ch i y o N",
    "100m": "hy a k u m e e t o r u",
    "80km/h": "j i s o k u h a ch i j u cl k i r o m e e t o r u",
    "10m²": "j u cl h e e h o o m e e t o r u",
    "$25": "n i j u u g o d o r u",
    "￥500": "g o hy a k u e N",
    "2:1": "n i t a i i ch i",
    "7-9歳": "n a n a k a r a ky u u s a i",
    "5%-8%": "g o p a a s e N t o k a r a h a ch i p a a s e N t o",
    "1+2=3": "i ch i t a s u n i w a s a N",
    "Ⅲ世": "s a N s e e",
    "03-1234-5678": "z e r o s a N - i ch i n i i s a N y o N - g o o r o k u n a n a h a ch i",
    "一日、二十日": "i ch i n i ch i , h a ts u k a",
    "24日間": "n i j u u y o cl k a k a N",
}
MARKS = {"[", "]", BORDER, UNKNOWN}


def sounds(text: str, folder: Path | None = None) -> str:
    return " ".join(phone for phone in read(text, folder).phones if phone not in MARKS)


@pytest.mark.parametrize("text", MISREAD_THERE)
def test_what_is_misread_there_is_read_right(text: str) -> None:
    assert sounds(text) == MISREAD_THERE[text]


@pytest.mark.parametrize("text", MISREAD_THERE)
def test_the_library_s_own_dictionary_reads_it_right_too(text: str) -> None:
    assert sounds(text, OWN_FOLDER) == MISREAD_THERE[text]


def test_only_a_border_of_accent_phrases_is_unknown() -> None:
    phones = phonemize("「東京（日本）は１００％①の😀街」だ。", "ja").phones
    borders = read("「東京（日本）は１００％①の😀街」だ。").phones.count(BORDER)
    assert phones.count(UNKNOWN) == borders
    assert "UNK" in phonemize("私は学生です。", "ja", "v1").phones


def test_words_and_spans_point_into_the_source() -> None:
    text = "私は1,500円の㈱本。"
    result = read(text)
    words = [word for word, _, _ in result.words]
    assert words[:6] == ["私", "は", "1,500", "円", "の", "㈱"]
    assert len(result.spans) == len(result.phones)
    for word, first, end in result.words:
        assert first < end
        assert {text[slice(*span)] for span in result.spans[first:end]} == {word}
    assert text[slice(*result.spans[-1])] == "。"


def test_an_entry_of_several_words_is_parted() -> None:
    words = parse("京都大学,名詞,固有名詞,組織,*,*,*,京都:大学,キョウト:ダイガク,キョート:ダイガク,1/3:0/4,C1")
    assert [(word.text, word.pron, word.accent, word.moras, word.chain) for word in words] == [
        ("京都", "キョート", 1, 3, -1),
        ("大学", "ダイガク", 0, 4, 0),
    ]


def test_sounds_that_no_table_has_are_parted() -> None:
    word = parse("グヮ,名詞,一般,*,*,*,*,グヮ,グヮ,グヮ,1/1,C1")[0]
    assert [name for name, _ in with_marks([word])] == ["g", "w", "a"]


def test_a_folder_without_a_dictionary_is_named(tmp_path: Path) -> None:
    with pytest.raises(InstallationError, match=r"no Japanese dictionary in .*sys\.dic"):
        look_up("本", tmp_path)


@pytest.mark.parametrize("text", ["", "  ", "、。！", "❤", "안녕", "\ud800", "مرحبا"])
def test_nothing_to_speak_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        phonemize(text, "ja")


def test_a_hundred_thousand_characters_are_read() -> None:
    started = time.process_time()
    result = read("吾輩は猫である" * 14286)
    assert len(result.phones) > 100_000
    assert time.process_time() - started < 60


JAPANESE = "東京都本日一二〇十百万億年月日人分円0123456789,.:/-%〜（）「」ガｶﾞーっァ々aAｍ℃①𠮷髙"


@given(st.text(max_size=60) | st.text(st.sampled_from(JAPANESE), max_size=30))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        result = phonemize(text, "ja")
    except BadInput:
        return
    assert set(result.phones) <= set(symbols("v2"))
    assert len(result.spans) == len(result.phones)
    assert all(0 <= start <= end <= len(text) for start, end in result.spans)
