"""Telling the languages of a text apart."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.core.errors import UnknownChoice
from myna.text.han import language_of
from myna.text.segment import MODES, Segment, segments
from myna.text.units import mended


def parts(text: str, mode: str) -> list[tuple[str, str]]:
    return [(segment.language, segment.text) for segment in segments(text, mode)]


@pytest.mark.parametrize(
    ("han", "language"),
    [
        ("语言", "zh"),
        ("語言", None),
        ("憲法", None),
        ("日本国憲法", "ja"),
        ("駅前", "ja"),
        ("気分", "ja"),
        ("一个", "zh"),
        ("佢哋", "zh"),
        ("說著", "zh"),
        ("国家", None),
        ("温着没黄静", None),
        ("〇", None),
        ("", None),
    ],
)
def test_characters_tell_their_country(han: str, language: str | None) -> None:
    assert language_of(han) == language


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("你好，こんにちは。", [("zh", "你好，"), ("ja", "こんにちは。")]),
        ("大家好，私は田中です，请多关照。", [("zh", "大家好，"), ("ja", "私は田中です，"), ("zh", "请多关照。")]),
        ("最近、僕は天文学を勉強してる。", [("ja", "最近、僕は天文学を勉強してる。")]),
        ("初音ミク是虚拟歌手。", [("ja", "初音ミク"), ("zh", "是虚拟歌手。")]),
        ("略略略", [("zh", "略略略")]),
        ("私は안녕と言った。", [("ja", "私は"), ("ko", "안녕"), ("ja", "と言った。")]),
        ("我在GitHub上。", [("zh", "我在"), ("en", "GitHub"), ("zh", "上。")]),
        ("Python3.11比Java快", [("en", "Python3.11"), ("zh", "比"), ("en", "Java"), ("zh", "快")]),
        ("温度是25°C。", [("zh", "温度是25°C。")]),
        ("OK㗎。", [("en", "OK"), ("zh", "㗎。")]),
        ("𠮷野家へ", [("ja", "𠮷野家へ")]),
        ("〇一二三", [("zh", "〇一二三")]),
        ("今天真开心😀", [("zh", "今天真开心😀")]),
        ("😀 Hi", [("en", "😀 Hi")]),
        ("ㅋㅋ 좋아", [("ko", "ㅋㅋ 좋아")]),
        ("30 cats", [("en", "30 cats")]),
        ("1", [("zh", "1")]),
        ("……", [("zh", "……")]),
    ],
)
def test_every_part_is_in_its_own_language(text: str, wanted: list[tuple[str, str]]) -> None:
    assert parts(text, "auto") == wanted


@pytest.mark.parametrize(
    ("mode", "languages"),
    [
        ("auto", ["zh", "en", "ja", "ko"]),
        ("auto_yue", ["yue", "en", "ja", "ko"]),
        ("en", ["en"]),
        ("zh", ["zh", "en", "zh"]),
        ("ja", ["ja", "en", "ja"]),
        ("ko", ["ko", "en", "ko"]),
        ("yue", ["yue", "en", "yue"]),
        ("all_zh", ["zh", "en", "zh"]),
        ("all_ja", ["ja", "en", "ja"]),
        ("all_ko", ["ko", "en", "ko"]),
        ("all_yue", ["yue", "en", "yue"]),
    ],
)
def test_the_mode_says_which_languages_there_are(mode: str, languages: list[str]) -> None:
    assert [language for language, _ in parts("你好hello世界语こんにちは안녕".replace("世界语", ""), mode)] == languages


def test_letters_that_no_language_reads_are_left_out_and_places_stay_right() -> None:
    text = "Привет, мир! 你好"
    (found,) = segments(text, "auto")
    assert found == Segment("zh", " ! 你好", found.places)
    assert "".join(text[place] for place in found.places) == found.text
    assert parts(text, "all_ja") == [("ja", text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("他跑了5km，用时20min。", [("zh", "他跑了5km，用时20min。")]),
        ("5kmを走った", [("ja", "5kmを走った")]),
        ("买了2kg rice", [("zh", "买了2kg "), ("en", "rice")]),
        ("大概15w人", [("zh", "大概15w人")]),
        ("60W灯泡", [("zh", "60W灯泡")]),
        ("用了3maps", [("zh", "用了"), ("en", "3maps")]),
        ("下午3pm。", [("zh", "下午"), ("en", "3pm。")]),
        ("5 km", [("en", "5 km")]),
        ("占地20km²的", [("zh", "占地20km²的")]),
    ],
)
def test_a_unit_belongs_to_the_language_around_it(text: str, wanted: list[tuple[str, str]]) -> None:
    found = mended(segments(text, "auto"))
    assert [(segment.language, segment.text) for segment in found] == wanted
    assert all("".join(text[place] for place in segment.places) == segment.text for segment in found)


@pytest.mark.parametrize(
    ("text", "mode", "wanted"),
    [
        ("café和résumé", "all_zh", [("en", "café"), ("zh", "和"), ("en", "résumé")]),
        ("我有１２个ＰＣ。", "all_yue", [("yue", "我有１２个"), ("en", "ＰＣ"), ("yue", "。")]),
        ("跑了5km", "all_zh", [("zh", "跑了5km")]),
        ("ＰＣを買う", "all_ja", [("ja", "ＰＣを買う")]),
    ],
)
def test_chinese_readers_get_no_latin_words(text: str, mode: str, wanted: list[tuple[str, str]]) -> None:
    assert [(segment.language, segment.text) for segment in mended(segments(text, mode))] == wanted


def test_another_way_to_tell_chinese_from_japanese_can_be_given() -> None:
    assert [part.language for part in segments("東京，大阪。", "auto", identify=lambda _: "ja")] == ["ja"]


def test_an_unknown_mode_names_the_valid_ones() -> None:
    with pytest.raises(UnknownChoice, match="auto_yue"):
        segments("text", "fr")


SCRIPTS = st.text(
    st.one_of(
        st.characters(codec=None),
        st.sampled_from("你说国語気の一个カ한글aé1２,。 \n　!?“”°C²km①😀яสا\ud800々〇㗎𠮷"),
    ),
    max_size=60,
)


@given(SCRIPTS, st.sampled_from(MODES))
@settings(max_examples=300, deadline=None)
def test_segments_cover_the_text_in_order(text: str, mode: str) -> None:
    found = segments(text, mode)
    places = [place for segment in found for place in segment.places]
    assert places == sorted(set(places))
    assert all("".join(text[place] for place in segment.places) == segment.text for segment in found)
    left_out = {text[place] for place in set(range(len(text))) - set(places)}
    assert not left_out & set("你说国語気のカ한글aé1２㗎𠮷")
    if mode.startswith("all_"):
        assert "".join(segment.text for segment in found) == text.strip()
    assert all(one.language != two.language for one, two in itertools.pairwise(found))


@pytest.mark.parametrize("unit", ["我a", "1a", "я1", "あ，", "語", "a 1，", "😀"])
def test_long_texts_take_little_time(unit: str) -> None:
    started = time.process_time()
    segments(unit * (100_000 // len(unit)), "auto")
    assert time.process_time() - started < 10
