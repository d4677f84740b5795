"""Chinese text to phones: what the official program crashes on or misreads, spans and words, arbitrary text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.core.errors import BadInput, MynaError
from myna.text.frontend import phonemize, phonemize_plain
from myna.text.symbols import symbols
from tests.text.extras import INSTALLED, needs

if "zh" in INSTALLED:
    import jieba
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_tone3

    from myna.text.zh import lexicon, lists
    from myna.text.zh.pinyin import phones
    from myna.text.zh.reader import read, read_for, syllable

pytestmark = needs("zh")


def said(text: str) -> str:
    """Pinyin-like: initial and final of each character joined, words and marks apart."""
    result = read(text)
    parts = []
    at = 0
    for count in result.word2ph:
        parts.append("".join(result.phones[at : at + count]))
        at += count
    return " ".join(parts)


@pytest.mark.parametrize("letter", "噷覅兙兡嗧桛瓧瓰瓱瓼甅龦㐂𠮷鿕\uf900")
@pytest.mark.parametrize("table", ["v1", "v2"])
def test_characters_that_crash_the_official_program_or_are_lost_there(letter: str, table: str) -> None:
    result = phonemize_plain(f"有{letter}字", "zh", table)
    assert len(result.norm_text) == 3
    assert set(result.phones) <= set(symbols(table)) - {"UNK"}
    assert result.word2ph[1] in (2, 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("金额，名额", "jin1 EEe2 , ming2 EEe2"),
        ("水滴", "shui3 di1"),
        ("好滴", "hao3 di5"),
        ("土地", "tu3 di4"),
        ("目的", "mu4 di4"),
        ("我的", "wo3 de5"),
        ("所得，非法所得", "suo3 de2 , fei1 fa3 suo3 de2"),
        ("觉得，获得", "jve2 de5 , huo4 de2"),
        ("跑得很快", "pao3 de5 hen3 kuai4"),
        ("高兴地说", "gao1 xing4 de5 shuo1"),
        ("轻轻地走", "qing1 qing1 de5 zou3"),
        ("这块地很大", "zhe4 kuai4 di4 hen3 da4"),
        ("下水道", "xia4 shui3 dao4"),
        ("大人物", "da4 ren2 wu4"),
        ("两口", "liang2 kou3"),
        ("小两口", "xiao2 liang3 kou5"),
        ("孙子兵法", "sun1 zi03 bing1 fa3"),
        ("我们回去年那里", "wo3 men5 hui2 qv4 nian2 na4 li3"),
        ("重庆银行行长", "chong2 qing4 yin2 hang2 hang2 zhang3"),
    ],
)
def test_tones_that_the_official_program_has_wrong(text: str, expected: str) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("不怕，看不懂", "bu2 pa4 , kan4 bu5 dong3"),
        ("一看，一天，看一看，第一，十一", "yi2 kan4 , yi4 tian1 , kan4 yi5 kan4 , di4 yi1 , shir2 yi1"),
        ("老虎，总统府，纸老虎，所有人", "lao2 hu3 , zong2 tong2 fu3 , zhir3 lao2 hu3 , suo2 you3 ren2"),
        ("妈妈，桌子，我们，桌上，出来，三个", "ma1 ma5 , zhuo1 zi05 , wo3 men5 , zhuo1 shang5 , chu1 lai5 , san1 ge5"),
        ("朋友，学生们，老朋友", "peng2 you5 , xve2 sheng5 men5 , lao3 peng2 you5"),
        ("哟，嗯，呣", "OOo5 , EEen1 , mu3"),
        ("绿女，月亮，圆，云，言，叶", "lv4 nv3 , yve4 liang5 , yvan2 , yvn2 , yEn2 , yE4"),
        ("知，字，日，安，饿，欧，儿", "zhir1 , zi04 , rir4 , AAan1 , EEe4 , OOou1 , EEer2"),
    ],
)
def test_tones_as_they_are_spoken(text: str, expected: str) -> None:
    assert said(text) == expected


def test_every_character_that_pypinyin_knows_is_read() -> None:
    text = "".join(map(chr, sorted(PINYIN_DICT)))
    left_out = [one for start in range(0, len(text), 5000) for one in lost(text[start : start + 5000])]
    assert left_out == []


def lost(text: str) -> list[str]:
    read_out = {start for start, _ in read(text).spans}
    return [letter for place, letter in enumerate(text) if place not in read_out]


def test_a_character_without_any_reading_is_left_out() -> None:
    assert read("有烪字").norm_text == "有字"


def test_er_takes_the_tone_before_it_in_later_tables_only() -> None:
    assert read_for("小孩儿", "v2").phones[-1] == "er2"
    assert read_for("有点儿", "v2").phones[-1] == "er3"
    assert phonemize_plain("有点儿事情", "zh", "v1").phones[5] == "er2"
    assert phonemize_plain("有点儿事情", "zh", "v2").phones[5] == "er3"
    assert read_for("女儿", "v2").phones[-1] == "er2"


def test_long_pauses_stand_where_their_signs_are_and_nowhere_else() -> None:
    result = read("他说^停，再￥继续")
    assert result.norm_text == "他说,停,再,继续"
    assert result.phones[4] == "SP3"
    assert result.phones.count(",") == 1
    assert result.phones.count("SP2") == 1


def test_stops_are_marks_and_three_dots_are_an_ellipsis() -> None:
    assert read("你好。。。世界...好~……，").norm_text == "你好.世界…好…"


def test_words_and_spans_are_those_of_the_source() -> None:
    text = "臺灣的500元，拨打021-88886666。"
    result = read(text)
    assert [word for word, _, _ in result.words] == ["臺灣", "的", "500元", "拨打", "021-88886666"]
    first, last = result.words[2][1:]
    assert {text[slice(*span)] for span in result.spans[first:last]} == {"500元"}
    assert text[slice(*result.spans[last])] == "，"
    assert sum(result.word2ph) == len(result.phones) == len(result.spans)


def test_a_syllable_in_pinyin_has_the_phones_of_its_character() -> None:
    assert syllable("hang2") == ["h", "ang2"]
    assert syllable("lv4") == syllable("lü4") == syllable("lu:4") == ["l", "v4"]
    assert [syllable(wrong) for wrong in ("hang", "hang6", "x9", "", "HANG2", "bzz1")] == [None] * 6


def test_every_reading_of_pypinyin_has_phones_of_the_oldest_table() -> None:
    known = set(symbols("v1"))
    spelled = {to_tone3(one, neutral_tone_with_five=True) for every in PINYIN_DICT.values() for one in every.split(",")}
    spelled |= {syllable for syllables in lists.readings("rare").values() for syllable in syllables}
    assert {one for one in spelled if not phones(one) or not known.issuperset(phones(one))} == set()


@pytest.mark.parametrize("text", ["", " ", "。。。", "👍", "---", "\ud800", "\x00\x07", "abc", "שלום", "%"])
def test_nothing_to_speak_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        phonemize_plain(text, "zh")


@given(st.text(max_size=80))
@settings(max_examples=80, deadline=None)
def test_any_text_is_read_or_refused_by_name(text: str) -> None:
    for table in ("v1", "v2"):
        try:
            result = phonemize_plain(text, "zh", table)
        except MynaError:
            continue
        check(result, text, table)


@given(
    st.text(
        st.sampled_from("一不地得的儿子个了着过上来去好老虎水银行长重还，。！？…-^￥123%年元. 㐂𠮷兙㗎ﬀ"), max_size=40
    )
)
@settings(max_examples=80, deadline=None)
def test_any_sentence_of_tricky_characters_is_whole(text: str) -> None:
    check(read(text), text, "v2")


def check(result: object, text: str, table: str) -> None:
    assert set(result.phones) <= set(symbols(table))
    assert len(result.word2ph) == len(result.norm_text)
    assert sum(result.word2ph) == len(result.phones)
    assert all(count > 0 for count in result.word2ph)
    assert all(0 <= start < end <= len(text) for start, end in result.spans)
    assert all(word in text and first < last for word, first, last in result.words)


def test_mixed_text_keeps_units_and_marks_its_chinese() -> None:
    result = phonemize("价格是3kg一共５００元。", "zh")
    assert result.norm_text == "价格是三千克一共五百元."


def test_a_hundred_thousand_characters_are_read() -> None:
    text = "今天天气真不错，我们去公园散步吧。" * 5900
    assert len(read(text).norm_text) == len(text)


def test_jiebas_dictionary_is_read_as_jieba_reads_it() -> None:
    frequencies, total = jieba.Tokenizer.gen_pfdict(jieba.dt.get_dict_file())
    ours = lexicon._dictionary()
    assert frequencies == ours.FREQ
    assert total == ours.total
