"""Rebuilds the Chinese word lists in ``src/myna/text/zh/data`` from published packages.

    pip download --no-deps --dest wheels paddlespeech==1.5.0 pypinyin-dict==0.9.0 pypinyin==0.55.0
    python recipes/text/build_chinese.py wheels

Only data is taken from the wheels, no code is run:

* paddlespeech 1.5.0 (Apache-2.0, ``PADDLESPEECH.LICENSE``): the words of its tone sandhi and of its number reader, and
  its table of simplified characters. The published acoustic models were trained with these lists but for a few words,
  which are added and removed here; files called ``official_...`` have their very words.
* pypinyin-dict 0.9.0 (MIT, ``PYPINYIN_DICT.LICENSE``): readings of rare characters that pypinyin 0.55.0 has not.

The same input gives the same bytes.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import sys
import unicodedata
import zipfile
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "src" / "myna" / "text" / "zh" / "data"

NEUTRAL_TOO = "打点 不在 学生 老太 情形 老头"
NOT_NEUTRAL = "戏弄 将军 别人 两口"
"""两口 is left out because it is neutral in 小两口 and its like only, which stand below."""
NEUTRAL_COMPOUNDS = "小两口 老两口 两口子"
FULL_AT_START = "下水 大人 地道 千斤 大意 东西 大方 不在 上头 实在 人家 丧气"
"""Words with a neutral syllable that are not themselves at the start of a longer word: 下水道, 大人物, 地道战."""

OFFICIAL_QUANTIFIERS_TOO = "处 台 架 枚 趟 幅 平 方 堵 间 床 株 批 项 例 列 篇 栋 注 亩"
NO_OFFICIAL_QUANTIFIERS = "公丈 公寸 公尺 公引 公里 公釐"
QUANTIFIERS_TOO = f"""
{OFFICIAL_QUANTIFIERS_TOO} 公斤 公里 公顷 英里 英尺 英寸 海里 纳米 平方米 平方公里
立方米 毫升 克 号 号线 分钟 秒钟 点 点钟 个月 世纪 欧元 英镑 日元 港元 港币 韩元 人民币 万亿 万亿元 蚊 种 次 倍 遍 款 份
组 步 集 章 节 部 门 幕 届 级 楼 期 班 声 眼 拳 圈 行 排 字 句 词 度 摄氏度 华氏度 瓦 千瓦 伏 赫兹 吉 兆 像素 册 卷 枪
站 路 轮 局 个人 万人 亿人 百分点 个百分点
"""
NO_QUANTIFIERS = "年"
"""Years have a rule of their own."""

READINGS = {
    "孙子兵法": "sun1 zi3 bing1 fa3",
}
"""Readings that pypinyin has wrong."""
AFTER_MODEL = """
湖泊=hu2 po1 地壳=di4 qiao4 柏树=bai3 shu4 曝光=bao4 guang1 弹力=tan2 li4 字帖=zi4 tie4 口吃=kou3 chi1 包扎=bao1 za1
哪吒=ne2 zha1 说服=shuo1 fu2 识字=shi2 zi4 骨头=gu3 tou5 对称=dui4 chen4 口供=kou3 gong4 抹布=ma1 bu4 露背=lu4 bei4
圈养=juan4 yang3 眼眶=yan3 kuang4 品行=pin3 xing2 颤抖=chan4 dou3 差不多=cha4 bu5 duo1 鸭绿江=ya1 lu4 jiang1
撒切尔=sa4 qie4 er3 比比皆是=bi3 bi3 jie1 shi4 身无长物=shen1 wu2 chang2 wu4 手里=shou2 li3 关卡=guan1 qia3
怀揣=huai2 chuai1 挑剔=tiao1 ti4 供称=gong4 cheng1 作坊=zuo1 fang5 中医=zhong1 yi1 嚷嚷=rang1 rang5 商厦=shang1 sha4
大厦=da4 sha4 刹车=sha1 che1 嘚瑟=de4 se5 朝鲜=chao2 xian3 阿房宫=e1 pang2 gong1 阿胶=e1 jiao1 咖喱=ga1 li5
时分=shi2 fen1 蚌埠=beng4 bu4 驯服=xun4 fu2 幸免于难=xing4 mian3 yu2 nan4 恶行=e4 xing2 唉=ai4 扎实=zha1 shi2
干将=gan4 jiang4 陈威行=chen2 wei1 hang2 郭晟=guo1 sheng4 中标=zhong4 biao1 抗住=kang2 zhu4 牦=mao2 唑=zuo4
牦牛=mao2 niu2
"""
"""Words in which the published front end overrules its model of polyphones."""
OFFICIAL_AFTER_MODEL = """
克分子=ke4 fen4 zi3 分子运动论=fen4 zi3 yun4 dong4 lun4 分子钟=fen4 zi3 zhong1 卷甲束兵=juan4 jia3 shu4 bing1
卷甲衔枚=juan4 jia3 xian2 mei2 屏声静气=ping2 sheng1 jing4 qi4 援藏=yuan2 cang2 放大率=fang4 da4 shuai4
标识=biao1 zhi4 毛发倒竖=mao2 fa1 dao3 shu4 毛发耸然=mao2 fa1 song3 ran2 牵强附合=qian1 qiang2 fu4 he2
解法=jie3 fa3 解铃还需系铃人=jie3 ling2 hai2 xu1 ji4 ling2 ren2 连更彻夜=lian2 geng4 che4 ye4
连更晓夜=lian2 geng4 xiao3 ye4 乌拉草=wu4 la5 cao3
"""
"""Phrases that it has otherwise than pypinyin."""


def wheel(folder: Path, name: str) -> zipfile.ZipFile:
    """The one wheel in ``folder`` whose file name starts with ``name``."""
    found = sorted(folder.glob(f"{name}-*.whl"))
    if len(found) != 1:
        raise SystemExit(f"expected one {name}-*.whl in {folder}, found {len(found)}")
    return zipfile.ZipFile(found[0])


def assigned(source: str) -> dict[str, object]:
    """Every literal that a Python source assigns to a name or attribute, without running it."""
    found: dict[str, object] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Set | ast.List | ast.Dict | ast.Constant):
            target = node.targets[0]
            name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
            try:
                found[name] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def alternatives(pattern: str) -> list[str]:
    """Every string that a pattern of letters, ``|`` and ``( )`` matches."""
    parts = re.findall(r"[^()|]|[()|]", pattern)

    def choice(place: int) -> tuple[list[str], int]:
        words: list[str] = []
        branch = [""]
        while place < len(parts) and parts[place] != ")":
            if parts[place] == "|":
                words, branch, place = words + branch, [""], place + 1
                continue
            here, place = choice(place + 1) if parts[place] == "(" else ([parts[place]], place)
            branch = [head + tail for head, tail in itertools.product(branch, here)]
            place += 1
        return words + branch, place

    return choice(0)[0]


def write(name: str, words: Iterable[str]) -> None:
    """Writes words, each once, in code point order."""
    (DATA / name).write_text("\n".join(sorted({word for word in words if word})) + "\n", encoding="utf-8")


SYLLABLE = re.compile("[bcdfghjklmnpqrstwxyz]*[aeiou\u0300-\u036f]+(?:ng?(?![aeiou])|r(?![aeiou]))?")


def numbered(reading: str) -> str:
    """``shíkè`` as ``shi2 ke4``; a syllable without accent has the neutral tone, 5."""
    tones = {"\u0304": "1", "\u0301": "2", "\u030c": "3", "\u0300": "4"}
    marks = unicodedata.normalize("NFD", reading).replace(" ", "")
    syllables = SYLLABLE.findall(marks)
    if "".join(syllables) != marks:
        syllables = [marks]
    return " ".join(
        unicodedata.normalize("NFC", "".join(mark for mark in syllable if mark not in tones)).replace("ü", "v")
        + next((tones[mark] for mark in syllable if mark in tones), "5")
        for syllable in syllables
    )


def build(folder: Path) -> None:
    """Writes every data file."""
    DATA.mkdir(exist_ok=True)
    with wheel(folder, "paddlespeech") as archive:
        place = "paddlespeech/t2s/frontend/"
        sandhi = assigned(archive.read(place + "tone_sandhi.py").decode())
        front = assigned(archive.read(place + "zh_frontend.py").decode())
        numbers = assigned(archive.read(place + "zh_normalization/num.py").decode())
        letters = assigned(archive.read(place + "zh_normalization/char_convert.py").decode())
        licence = next(name for name in archive.namelist() if name.endswith("dist-info/LICENSE"))
        (DATA / "PADDLESPEECH.LICENSE").write_bytes(archive.read(licence))
    neutral = set(sandhi["must_neural_tone_words"]) - set(NOT_NEUTRAL.split())
    write("neutral.txt", neutral | set(NEUTRAL_TOO.split()) | set(NEUTRAL_COMPOUNDS.split()))
    write("full_tone.txt", sandhi["must_not_neural_tone_words"])
    write("full_tone_at_start.txt", FULL_AT_START.split())
    write("erhua.txt", front["must_erhua"])
    write("no_erhua.txt", front["not_erhua"])
    counted = set(alternatives(str(numbers["COM_QUANTIFIERS"])))
    write("quantifiers.txt", (counted | set(QUANTIFIERS_TOO.split())) - set(NO_QUANTIFIERS.split()))
    counted = (counted | set(OFFICIAL_QUANTIFIERS_TOO.split())) - set(NO_OFFICIAL_QUANTIFIERS.split())
    write("official_quantifiers.txt", counted)
    traditional, simplified = str(letters["traditional_characters"]), str(letters["simplified_charcters"])
    pairs = dict(zip(traditional, simplified, strict=True))
    write("official_simplified.txt", [old + new for old, new in pairs.items() if old != new])

    with wheel(folder, "pypinyin") as archive:
        known = set(json.loads(archive.read("pypinyin/pinyin_dict.json")))
    with wheel(folder, "pypinyin_dict") as archive:
        rare = assigned(archive.read("pypinyin_dict/pinyin_data/zdic.py").decode())["pinyin_dict"]
        licence = next(name for name in archive.namelist() if name.endswith("LICENSE"))
        (DATA / "PYPINYIN_DICT.LICENSE").write_bytes(archive.read(licence))
    write(
        "rare.txt",
        [f"{chr(code)} {numbered(text.split(',')[0])}" for code, text in rare.items() if str(code) not in known],
    )
    write("readings.txt", [f"{word} {reading}" for word, reading in READINGS.items()])
    for name, told in {"after_model.txt": AFTER_MODEL, "official_after_model.txt": OFFICIAL_AFTER_MODEL}.items():
        write(name, re.sub(r"\s+(?=\S+=)", "\n", told.strip()).replace("=", " ").splitlines())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: build_chinese.py FOLDER_WITH_WHEELS")
    build(Path(sys.argv[1]))
