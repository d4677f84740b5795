"""The official reading of Chinese and Cantonese: what that program says, also where it misreads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.text.frontend import phonemize, phonemize_plain
from tests.text.extras import INSTALLED, needs

if "zh" in INSTALLED:
    from myna.text.zh import lexicon, official, polyphone
    from myna.text.zh.official_rules import cardinal, number

pytestmark = needs("zh", "yue")


def said(text: str) -> str:
    return official.read(text).norm_text


@pytest.fixture(autouse=True)
def _phrases_afterwards() -> Iterator[None]:
    yield
    polyphone.use_reader(None)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("利润是-2.5元", "利润是负二零点五元"),
        ("年龄在7-9岁", "年龄在七减九岁"),
        ("拨打021-88886666", "拨打零二幺减八八八八六六六六"),
        ("2024-1-2", "二零二四减一减二"),
        ("2024/1/2", "一分之二千零二十四每二"),
        ("2024-01-02", "二零二四年一月二日"),
        ("08年9月1号", "零八年九月一号"),
        ("涨幅5%-8%", "涨幅百分之五负百分之八"),
        ("8:30-11:10", "八点半至十一点半"),
        ("9:05:07", "九点零五分零七秒"),
        ("24:00", "二四点"),
        ("1,299元", "一,二百九十九元"),
        ("二〇一九年", "二一九年"),
        ("3mm", "三米米"),
        ("5cm2~6cm2", "五平方厘米至六平方厘米"),
        ("80km/h", "八十千米每"),
        ("３．５元", "三五元"),
        ("10~15度", "十…十五度"),
        ("10~15人", "十到十五人"),
        ("-3℃", "零下三度"),
        ("100摄氏度", "一百度"),
        ("2:1", "二一"),
        ("票价$25", "票价.二十五"),
        ("12345678元", "幺二三四五六七八元"),
        ("1400000", "幺四零零零零零"),
        ("20+个人", "二十多个人"),
        ("2两酒，第2页", "两两酒,第两页"),
        ("是/否", "是每否"),
        ("10⁻²", "十的二次方"),
        ("x²+y²=z²", "的二次方加的二次方等于的二次方"),
        ("1+2=3", "一加二等于三"),
        ("1.2.3版", "一点二点三版"),
        (".5", "零点五"),
        ("13812345678", "幺三八幺二三四五六七八"),
        ("+8613812345678", "八六幺三八幺二三四五六七八"),
        ("④β粒子", "四贝塔粒子"),
        ("嗯，呣", "恩,母"),
        ("（好）《的》", "好的"),
        ("好。。。！", "好."),
        ("...", "…"),
        ("龦㐂𠮷好ABC", "好"),
    ],
)
def test_it_says_what_the_official_program_says(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("金额", "j in1 EE e5"),
        ("土地", "t u3 d i5"),
        ("下水道", "x ia4 sh ui5 d ao4"),
        ("两口", "l iang3 k ou5"),
        ("两口子", "l iang3 k ou5 z i05"),
        ("孙子兵法", "s un1 z i05 b ing1 f a3"),
        ("回去年", "h ui2 q v5 n ian2"),
        ("重庆银行行长", "ch ong2 q ing4 y in2 h ang2 h ang5 zh ang3"),
        ("喲", "OO o5"),
    ],
)
def test_its_tones_are_the_official_ones(text: str, phones: str) -> None:
    assert " ".join(official.read(text).phones) == phones


def test_ours_reads_the_same_texts_right() -> None:
    assert phonemize_plain("厚度3mm，年龄7-9岁", "zh").norm_text == "厚度三毫米,年龄七到九岁"
    assert phonemize_plain("厚度3mm，年龄7-9岁", "zh", official=True).norm_text == "厚度三米米,年龄七减九岁"
    assert phonemize("土地", "zh").phones != phonemize("土地", "zh", official=True).phones


def test_a_sign_makes_all_commas_of_its_text_long_pauses() -> None:
    assert official.read("好，满￥1^").phones == ["h", "ao3", "SP2", "m", "an3", "SP2", "y", "i1"]
    assert official.read("好，^好").phones == ["h", "ao3", "SP3", "h", "ao3"]


def test_phones_know_their_characters() -> None:
    text = "共500元，約３ｋｇ。"
    read = official.read(text)
    assert [text[slice(*span)] for span in read.spans] == (
        ["共"] * 2 + ["500元"] * 6 + ["，"] + ["約"] * 2 + ["３ｋｇ"] * 6 + ["。"]
    )
    assert [word for word, _, _ in read.words] == ["共", "500元", "約", "３ｋｇ"]


def test_erhua_is_for_the_second_table_only() -> None:
    assert [official.read_for("树叶儿", table).phones[-1] for table in ("v1", "v2")] == ["er2", "er4"]


def test_a_model_of_polyphones_is_overruled_by_the_official_phrases_and_not_asked_for_the_first_table() -> None:
    polyphone.use_reader(lambda asked: [["xing2"] * len(one) for one in asked])
    assert official.read("标识").phones == ["b", "iao1", "zh", "ir4"]
    assert official.read("他行").phones == ["x", "ing2", "x", "ing2"]
    assert official.read_for("他行", "v1").phones == ["t", "a1", "x", "ing2"]


def test_words_are_cut_as_jieba_cuts_them_even_around_a_character_that_it_does_not_know() -> None:
    assert lexicon.cut("十髤一号")[1] == ("髤", "x")
    assert lexicon.cut("十髤一号", exactly=True) == [("十", "m"), ("髤", "y"), ("一号", "m")]
    many = "髤鶳辒雝仭絀号"
    assert lexicon.cut(many, exactly=True) == lexicon.cut(many)


def test_numbers_of_any_length_are_quantities() -> None:
    assert cardinal("100000500") == "一亿零五百"
    assert cardinal("1230001010") == "十二亿三千万一千零一十"
    assert cardinal("12") == "十二"
    assert cardinal("000") == "零"
    assert number("-3.500") == "负三点五零"
    assert number(".50") == "零点五零"


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("甕", "UNK Yg3"),
        ("卅", "Ys UNK"),
        ("佢嗰隻𨋢", "Yk Yeoi5 Yg Yo2 Yz Yi2"),
        ("第2回123。。", "Yd Yai6 Yl Yoeng5 Yw Yui4 Yj Yiu1 Yj Yi6 Ys Yaam1 . ."),
        ("犭好", "Yh You2"),
    ],
)
def test_cantonese_is_read_after_simplifying_with_mandarin_numbers(text: str, phones: str) -> None:
    assert " ".join(phonemize_plain(text, "yue", official=True).phones) == phones


def test_the_official_cantonese_needs_no_library_of_mandarin() -> None:
    code = "import sys, myna.text.yue.official as o; o.read('好，3mm'); assert 'jieba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("language", ["zh", "yue"])
@pytest.mark.parametrize("text", ["", " \n", ",", "噷龦", "7" * 20_000 + "元", "1+" * 5_000, "\ud800好\udfff", "٣元"])
def test_hostile_texts_are_read_or_left_out(language: str, text: str) -> None:
    read = phonemize_plain(text, language, official=True)
    assert len(read.spans) == len(read.phones) == sum(read.word2ph or [])
    assert len(read.norm_text) == len(read.word2ph or [])


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.sampled_from("0123456789.,-+~:/%℃度年月日点元个两不一儿子了m2²kgs，。 \n^￥*$A〇好里")),
    st.sampled_from(["zh", "yue"]),
)
def test_any_text_keeps_its_places(text: str, language: str) -> None:
    read = phonemize_plain(text, language, official=True)
    assert len(read.spans) == len(read.phones) == sum(read.word2ph or [])
    assert all(0 <= start < end <= len(text) for start, end in read.spans)
    assert read.spans == sorted(read.spans)
