"""Whatever the official program misreads or fails on reads right at the front door, in the reading one gets unasked.

``CASES``: mode|text|what is read out, each part with its language where there are several; ``SOUNDS``: mode|text|phones
where the words alone do not tell. Long texts without a mark and texts of marks alone are in test_cut.py.
"""

from __future__ import annotations

import itertools

import pytest

from myna.core.errors import BadInput, UnknownChoice
from myna.text.frontend import Phonemes, phonemize, phonemize_training, training_text
from tests.text.extras import INSTALLED

CASES = """
zh|噷|.噷
zh|我覅去，兙兡嗧桛瓧瓰瓱瓼甅。|我覅去,兙兡嗧桛瓧瓰瓱瓼甅.
all_zh|NHKのNEWSを見た|en:N H K en:NEWS zh:见
zh|NHKのNEWSを見た|en:N H K en:NEWS zh:见
yue|犭讠衤艹好|.好
zh|利润是-2.5元|利润是负二点五元
zh|年龄在7-9岁|年龄在七到九岁
zh|拨打021-88886666|拨打零二幺,八八八八六六六六
zh|400-888-9999|四零零,八八八,九九九九
zh|2024-1-2|二零二四年一月二日
zh|2024/1/2|二零二四年一月二日
zh|涨幅5%-8%|涨幅百分之五到百分之八
zh|会议8:30-11:10|会议八点半至十一点十分
zh|售价1,299元|售价一千二百九十九元
zh|二〇一九年|二零一九年
zh|厚度3mm|厚度三毫米
zh|限速80km/h|限速八十千米每小时
zh|单价是３．５元|单价是三点五元
zh|温度10~15度|温度十到十五度
zh|比分2:1|比分二比一
zh|票价$25|票价二十五美元
zh|全场￥50，满￥100|全场五十元,满一百元
zh|贷款12345678元|贷款一千二百三十四万五千六百七十八元
zh|人口1400000|人口一百四十万
zh|共2500|共二千五百
zh|1000|.一千
zh|2两酒|二两酒
zh|第2页，第2名|第二页,第二名
zh|是/否|.是,否
zh|10^3|十的三次方
zh|约±5|约正负五
zh|大概15w人|大概十五万人
zh|龦㐂𠮷鿕好|龦㐂𠮷鿕好
zh|买了2kg苹果|买了两千克苹果
auto|买了2kg苹果|买了两千克苹果
auto|温度是25°C，湿度60%。|温度是二十五度,湿度百分之六十.
en|It’s Tom’s car|It's Tom's car
en|Hello，world; here: it's|Hello, world, here, it's
en|wait , stop|wait, stop
en|one - two|one, two
en|WAR AND PEACE, BIG, JSON|WAR AND PEACE, BIG, JSON
en|World War III; iPad; O'Neil|World War three, iPad, O'Neil
en|It ended in 1812. Then|It ended in eighteen twelve. Then
en|In the 1990s|In the nineteen nineties
en|90km/h|ninety kilometers per hour
en|$1.5 million|one point five million dollars
en|2023-11-02; 11/30/2022|November second, twenty twenty-three, November thirtieth, twenty twenty-two
en|9:05 a.m.|nine oh five A M
en|5:4; 007; 20MB|five to four, zero zero seven, twenty megabytes
en|value is -7|value is negative seven
en|€15 ½ ° @ # & + a/b you&me|fifteen euros one half degrees at and plus a b you and me
en|Dr. Smith lives on Elm St. now|doctor Smith lives on Elm street now
en|Pay (9$) now|Pay nine dollars now
en|It is £,5 or $,5|It is, five or, five
en|1234567890123456789012345678901234567|one two three four five six seven eight nine zero one two three four five six \
seven eight nine zero one two three four five six seven eight nine zero one two three four five six seven
ja|50%と１００％|50パーセントと100パーセント
ja|1,500円|1500円
ja|12:45|12時45分
ja|1/2|2ぶんの1
ja|－5度|マイナス5度
ja|髙橋と𠮷野|高橋と吉野
ja|ｶﾞｲﾄﾞ|ガイド
ko|사과 12345678901234567개|사과 일경이천삼백사십오조육천칠백팔십구억백이십삼만사천오백예순일곱개
ko|사과 13개와 3개|사과 열세개와 세개
ko|1,500원, 2024, 100|천오백원, 이천이십사, 백
ko|15:30, 3/4|십오시 삼십분, 사분의 삼
ko|$5와 ₩1000, 25℃|오달러와 천원, 이십오도
ko|-5도|영하 오도
ko|大韓民國의 こんにちは|대한민국의 콘니치와
ko|5kg과 10cm, 3ml|오킬로그램과 십센티미터, 삼밀리리터
ko|ㅋㅋ 진짜|크크 진짜
yue|總共1299元，第2名|总共一千二百九十九元,第二名
auto|内存 memory|zh:内存 en:memory
auto|打印 print|zh:打印 en:print
auto|ㅋㅋ 재밌다|크크 재밌다
auto|一〇〇 test|zh:一零零 en:test
auto|你好，……，再见|你好,再见
"""
SOUNDS = """
zh|金额 名额|j in1 EE e2 m ing2 EE e2
zh|水滴 土地|sh ui3 d i1 t u3 d i4
zh|目的 所得|m u4 d i4 s uo3 d e2
zh|下水道|x ia4 sh ui3 d ao4
zh|三头两口|s an1 t ou2 l iang2 k ou3
zh|孙子兵法|s un1 z i03 b ing1 f a3
zh|回去年|h ui2 q v4 n ian2
zh|重庆银行行长|ch ong2 q ing4 y in2 h ang2 h ang2 zh ang3
en|I live; wound; lead the way|AY1 L IH1 V , W UW1 N D , L IY1 D DH AH0 W EY1
en|Wind the clock, the wind; a bass guitar|W AY1 N D DH AH0 K L AA1 K , DH AH0 W IH1 N D , AH0 B EY1 S G IH0 T AA1 R
en|I object. He learned it.|AY1 AH0 B JH EH1 K T . HH IY1 L ER1 N D IH1 T .
en|the dogs' tails|DH AH0 D AA1 G Z T EY1 L Z
en|danglar, porthos|D AH0 NG L AA1 R , P AO0 R T AO1 S
ja|「あ」『い』（う）〜☆え♪お|a UNK i , u , e UNK o
ja|あ_い[う]え_あ|a UNK i , u , e UNK a
ja|一〇〇円玉|hy a [ k u e N d a m a
ja|100㈱|hy a [ k u k a b u sh i k i g a ] i sh a
ko|불법, 문법, 교과서|ㅂ ㅜ ㄹ ㅃ ㅓ ㅂ , 空 ㅁ ㅜ ㄴ ㅃ ㅓ ㅂ , 空 ㄱ ㅣ ㅗ ㄲ ㅗ ㅏ ㅅ ㅓ .
ko|그는 "네"라고 했다; 둘: 셋|ㄱ ㅡ ㄴ ㅡ ㄴ 空 ㄴ ㅔ ㄹ ㅏ ㄱ ㅗ 空 ㅎ ㅐ ㄷ ㄸ ㅏ , 空 ㄷ ㅜ ㄹ , 空 ㅅ ㅔ ㄷ .
ko|[가방] 나비|停 ㄱ ㅏ ㅂ ㅏ ㅇ 停 空 ㄴ ㅏ ㅂ ㅣ .
yue|卅卌瓩|Ys Yaa1 Yaa Ya6 Ys Yei3 Yaa Ya6 Yc Yin1 Yng Yaa5
yue|甕鶯燕|Yng Yung3 Yng Yang1 Yj Yin3
yue|𨋢𠺢門|Yl Yip1 Yg Yaa1 Ym Yun4
yue|半隻雞|Yb Yun3 Yz Yek3 Yg Yai1
"""
MORE = """
en|Python3.11 and 0x80070002|Python three point one one and zero X eight zero zero seven zero zero zero two
en|I agree。2020 was hard.2021 too|I agree. twenty twenty was hard. twenty twenty-one too
en|10μm and 3 µm, 2nm, 100Mbps|ten micrometers and three micrometers, two nanometers, one hundred megabits per second
en|JR and UP and IT|J R and UP and I T
zh|错误代码是0xFF。|zh:错误代码是 en:zero X F F.
zh|5km，20kg|五千米,二十千克
zh|5km，50dB和100Hz，20MB的10μm|五千米,五十分贝和一百赫兹,二十兆字节的十微米
ja|5min走った。|5分走った。
ja|20MBの3.14。|20メガバイトの3．14。
ko|20min 동안 10μm|이십분 동안 십마이크로미터
all_ja|It costs $5.99.|en:It costs ja:5．99ドル.
all_ko|It costs $5.99.|en:It costs ko:오점구구달러.
auto|in 2025，2026年に|en:in twenty twenty-five, ja:2026年に
auto|has 3个 apples|en:has zh:三个 en:apples
yue|𠮷野家好食|吉野家好食
all_ja|résumé を書く|en:resume ja:を書く
"""
MORE_SOUNDS = """
en|hyphen-ated T-shirt|HH AY1 F AH0 N EY2 T IH0 D T IY1 SH ER2 T
en|frobnicator|F R AA1 B N IH0 K EY2 T ER0
ja|二人前、一時間|n i [ n i N m a e , i [ ch i j i ] k a N
"""


def cases(*listed: str) -> list[tuple[str, str, str]]:
    lines = [line for text in listed for line in text.strip("\n").splitlines()]
    return [(mode, text, wanted) for mode, text, wanted in (line.split("|", 2) for line in lines)]


def has_own_dictionary() -> bool:
    dictionary = pytest.importorskip("myna.text.ja.dictionary", reason="the extra ja is not installed")
    return bool(dictionary.default_folder() == dictionary.OWN_FOLDER)


def read(text: str, mode: str) -> Phonemes:
    missing = {code for code in ("zh", "ja", "ko", "yue") if code in mode} - set(INSTALLED)
    if missing or (mode == "auto" and "zh" not in INSTALLED):
        pytest.skip(f"the extra {', '.join(missing) or 'zh'} is not installed")
    return phonemize(text, mode)


@pytest.mark.parametrize(("mode", "text", "said"), cases(CASES, MORE))
def test_a_text_is_read_out_as_it_should_be(mode: str, text: str, said: str) -> None:
    parts = read(text, mode).parts
    if len(parts) == 1:
        assert parts[0].norm_text == said
    else:
        assert " ".join(f"{part.language}:{part.norm_text}" for part in parts) == said


@pytest.mark.parametrize(("mode", "text", "phones"), cases(SOUNDS, MORE_SOUNDS))
def test_a_text_sounds_as_it_should(mode: str, text: str, phones: str) -> None:
    if mode == "ja" and not has_own_dictionary():
        pytest.skip("another dictionary gives other accents")
    assert " ".join(read(text, mode).phones) == phones


@pytest.mark.parametrize("text", ["Привет", "مرحبا", "สวัสดี", "", " \n", "……", "😀"])
def test_what_nobody_reads_is_refused_and_not_passed_over(text: str) -> None:
    with pytest.raises(BadInput, match=r"nothing to speak|is empty"):
        read(text, "auto")


def test_a_language_that_the_table_lacks_is_named_and_not_replaced_by_a_comma() -> None:
    with pytest.raises(UnknownChoice, match="table 'v1' 'ko'; choose one of: auto, zh, en, ja"):
        phonemize("안녕하세요", "ko", "v1")


def test_training_tells_languages_apart_and_reads_signs_unless_it_must_be_as_officially() -> None:
    text = "It is 5%."
    assert phonemize_training(text, "en").norm_text == "It is five percent."
    assert training_text("5%，￥3") == "5-，,3"


SPANS = """
zh|共500元，好|共 500元 ， 好
yue|共500元，好|共 500元 ， 好
en|It costs $3.50, ok|It costs $3.50 , ok
ja|合計500円です。|合計 500 円 です 。
ko|모두500원.|모 두 500 원 .
auto|买2kg，price $5吧|买 2kg ， price $5 吧
auto|跑了5km，用时20min，안녕.|跑 了 5km ， 用 时 20min ， 안 녕 .
all_ja|It costs $5.99です|It costs $5.99 です
zh|代码0xFF，25°C|代 码 0xFF ， 25°C
"""
"""mode|text|what its phones stand for, one after the other."""


@pytest.mark.parametrize(("mode", "text", "said"), cases(SPANS))
def test_every_phone_knows_its_characters_of_the_source(mode: str, text: str, said: str) -> None:
    result = read(text, mode)
    assert len(result.spans) == len(result.phones)
    stands_for = [text[start:end] for start, end in result.spans]
    assert [word for word, _ in itertools.groupby(stands_for)] == said.split()
