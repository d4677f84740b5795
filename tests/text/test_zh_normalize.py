"""Chinese numbers, units and signs as they are read out."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.text.zh.numerals import cardinal, digits, number
from tests.text.extras import INSTALLED, needs

if "zh" in INSTALLED:
    from myna.text.zh.normalize import normalize, spoken

pytestmark = needs("zh")

MISREAD_BY_THE_OFFICIAL_PROGRAM = """
利润是-2.5元 利润是负二点五元
年龄在7-9岁 年龄在七到九岁
拨打021-88886666 拨打零二幺，八八八八六六六六
400-888-9999 四零零，八八八，九九九九
2024-1-2 二零二四年一月二日
2024/1/2 二零二四年一月二日
涨幅5%-8% 涨幅百分之五到百分之八
会议8:30-11:10 会议八点半至十一点十分
售价1,299元 售价一千二百九十九元
二〇一九年 二零一九年
厚度3mm 厚度三毫米
限速80km/h 限速八十千米每小时
单价是３．５元 单价是三点五元
温度10~15度 温度十到十五度
比分2:1 比分二比一
票价$25 票价二十五美元
全场￥50，满￥100 全场五十元，满一百元
贷款12345678元 贷款一千二百三十四万五千六百七十八元
人口1400000 人口一百四十万
共2500 共二千五百
2两酒 二两酒
第2页 第二页
第2名 第二名
是/否 是，否
10^3 十的三次方
约±5 约正负五
大概15w人 大概十五万人
龦㐂𠮷鿕 龦㐂𠮷鿕
sin(x)和cos(x) sinx和cosx
"""

READINGS = """
2024年5月1日 二零二四年五月一日
1998/07/04 一九九八年七月四日
2024.12.31跨年 二零二四年十二月三十一日跨年
98年7月 九八年七月
08年奥运 零八年奥运
公元前221年 公元前二二一年
用了10年时间 用了十年时间
20年前 二十年前
5000年的历史 五千年的历史
3年级 三年级
2020-2025年 二零二零到二零二五年
1-2年 一到两年
3-5个 三到五个
90后和00后 九零后和零零后
2月14日 二月十四日
14:05:30到站 十四点零五分三十秒到站
09:15~17:45 九点十五分至十七点四十五分
0:05 零点零五分
24:00 二十四点
9:30PM 下午九点半
2点半 两点半
比例是3:10 比例是三比十
16:9 十六比九
1:1000 一比一千
5.8元一斤 五点八元一斤
US$3.5 三点五美元
￥2万 两万元
￥50-100 五十到一百元
25€ 二十五欧元
100美元 一百美元
-3.2亿元 负三点二亿元
+8613912345678 八六幺三九幺二三四五六七八
139-1234-5678 幺三九，幺二三四，五六七八
0571-87654321转8001 零五七幺，八七六五四三二幺转八零零幺
03-1234-5678 零三，幺二三四，五六七八
打110 打幺幺零
编号是007 编号是零零七
密码1200 密码幺二零零
QQ号是123456789 QQ号是幺二三四五六七八九
房间1208号 房间幺二零八号
目标1000 目标一千
超过350 超过三百五十
3000多人 三千多人
10+个 十多个
10万+人 十万多人
15% 百分之十五
-3.5% 负百分之三点五
60%~70% 百分之六十至百分之七十
5‰ 千分之五
3/4 四分之三
-1/3 负三分之一
½杯 二分之一杯
35°C 三十五度
-5℃ 零下五度
100摄氏度 一百摄氏度
-5~3℃ 零下五到三度
-5~-3℃ 零下五到零下三度
45° 四十五度
160~170cm 一百六十到一百七十厘米
第10-20页 第十到二十页
80.5-90.5之间 八十点五到九十点五之间
以3-2战胜 以三比二战胜
3×4=12 三乘四等于十二
12÷4=3 十二除以四等于三
10-3=7 十减三等于七
-5+8=3 负五加八等于三
100+200=300 一百加二百等于三百
5*3=15 五乘三等于十五
2³ 二的三次方
10⁻³ 十的负三次方
1920x1080 一千九百二十乘一千零八十
25kg 二十五千克
2kg 两千克
120m² 一百二十平方米
500 ml 五百毫升
5m/s 五米每秒
20MB 二十兆字节
60W灯泡 六十瓦灯泡
5元/斤 五元每斤
192.168.1.1 一九二点一六八点一点一
3.10 三点一零
2.500 二点五零
.5 零点五
B-2 B二
①②③ 一二三
Ⅲ级 三级
2个 两个
12个 十二个
22个 二十二个
200个 二百个
2.0个 二点零个
2次 两次
2号线 二号线
周2 周二
0个 零个
3,000,000人 三百万人
1，2，3 一，二，三
1、2 一、二
臺灣的夜市 台湾的夜市
頭髮發財皇后 头发发财皇后
看著顯著的名著 看着显著的名著
显著的名著 显著的名著
陳勣暐 陈勣暐
𠮷㐂 𠮷㐂
test@example.com。 。
https://example.com/a?b=1。 。
见www.example.org/x吧 见吧
"""


def cases(listed: str) -> list[tuple[str, str]]:
    return [(line.rpartition(" ")[0], line.rpartition(" ")[2]) for line in listed.strip("\n").splitlines()]


@pytest.mark.parametrize(("text", "said"), cases(MISREAD_BY_THE_OFFICIAL_PROGRAM))
def test_what_the_official_program_misreads(text: str, said: str) -> None:
    assert normalize(text) == said


@pytest.mark.parametrize(("text", "said"), cases(READINGS))
def test_readings(text: str, said: str) -> None:
    assert normalize(text) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0", "零"), ("10", "十"), ("110", "一百一十"), ("101", "一百零一"), ("1010", "一千零一十"),
        ("10500", "一万零五百"), ("100005", "十万零五"), ("120000", "十二万"), ("100000000", "一亿"),
        ("100005000", "一亿零五千"), ("1234567890", "十二亿三千四百五十六万七千八百九十"),
        ("1000000000000", "一万亿"), ("1234500000000", "一万二千三百四十五亿"), ("12345678901234567", None),
    ],
)  # fmt: skip
def test_cardinals(value: str, said: str | None) -> None:
    assert cardinal(value) == (said or digits(value))


@given(st.integers(0, 10**16 - 1))
def test_a_cardinal_says_its_number(value: int) -> None:
    assert worth(cardinal(str(value))) == value


def worth(said: str) -> int:
    """The number that a cardinal names, by adding up its places."""
    total = group = unit = 0
    carried = 0
    for letter in said:
        if letter in "零一二三四五六七八九":
            unit = "零一二三四五六七八九".index(letter)
        elif letter in "十百千":
            group += (unit or 1) * {"十": 10, "百": 100, "千": 1000}[letter]
            unit = 0
        elif letter == "万":
            carried, group, unit = carried + group + unit, 0, 0
            carried *= 10**4
        else:
            total += (carried + group + unit) * 10**8
            carried = group = unit = 0
    return total + carried + group + unit


def test_decimals_keep_one_of_their_last_zeros() -> None:
    assert [number(value) for value in ("2.5", "2.50", "2.500", "1,299.5", "0.05")] == [
        "二点五", "二点五零", "二点五零", "一千二百九十九点五", "零点零五",
    ]  # fmt: skip


def test_every_character_knows_where_it_comes_from() -> None:
    text = "共 ５００元，臺灣 -2.5℃"
    result = spoken(text)
    assert result.text == "共五百元，台湾零下二点五度"
    said = {letter: text[start:end] for letter, (start, end) in zip(result.text, result.spans, strict=True)}
    assert said["共"] == "共"
    assert said["百"] == said["元"] == "５００元"
    assert said["湾"] == "灣"
    assert said["下"] == said["度"] == "-2.5℃"


@given(
    st.text(st.one_of(st.sampled_from("0123456789.,:/-~+=%￥$年月个第kmx²①℃()^号 万"), st.characters()), max_size=60)
)
def test_any_text_is_read_and_every_span_lies_in_it_in_order(text: str) -> None:
    result = spoken(text)
    assert len(result.spans) == len(result.text)
    assert all(0 <= start < end <= len(text) for start, end in result.spans)
    assert [start for start, _ in result.spans] == sorted(start for start, _ in result.spans)
    assert not any("0" <= letter <= "9" for letter in result.text)


@pytest.mark.parametrize(
    "unit", ["-1.", "a.", "1/", "1,", "1:", "1+", "1~", "a@", "a-", "1", "www.a", "1 ", "￥1", "1%-"]
)
def test_long_texts_take_time_in_proportion(unit: str) -> None:
    started = time.process_time()
    spoken(unit * (20_000 // len(unit)))
    assert time.process_time() - started < 4
