"""What is written but not said that way - signs, numbers, dates, times, units - in words that the dictionary reads.

The official program gives such things to the dictionary as they are and gets an unknown sound, or nothing. Every rule
has a name, by which a test can tell why a text is read otherwise than there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from myna.text.ja.spoken import Spoken
from myna.text.ja.variants import common_form

KANA = "\u3041-\u3096\u30a1-\u30fa\u30fc"
KANJI = "々〇\u4e00-\u9fff"
NUMERALS = "一二三四五六七八九十百千万億兆"
DIGITS = r"\d+(?:．\d+)?"
HYPHEN = "[-－−‐]"
COUNTED = "[歳才人円度年月日時分秒個階本枚名点回週泊話章巻冊匹台万億]|パー|マイル|キロ|セン|ミリ|メー|グラ|リッ"
"""What may follow 7-9 if it means from 7 to 9."""
MONTH, DAY = r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
NOT_INSIDE = r"(?<![\d．.,，])"
UNITS = {
    "km": "キロメートル", "m": "メートル", "cm": "センチメートル", "mm": "ミリメートル", "μm": "マイクロメートル",
    "nm": "ナノメートル", "kg": "キログラム", "Kg": "キログラム", "KG": "キログラム", "g": "グラム", "mg": "ミリグラム",
    "t": "トン", "L": "リットル", "l": "リットル", "dL": "デシリットル", "dl": "デシリットル", "mL": "ミリリットル",
    "ml": "ミリリットル", "ML": "ミリリットル", "cc": "シーシー", "ha": "ヘクタール", "min": "分", "Hz": "ヘルツ",
    "kHz": "キロヘルツ", "MHz": "メガヘルツ", "GHz": "ギガヘルツ", "W": "ワット", "kW": "キロワット",
    "kWh": "キロワット時", "V": "ボルト", "mA": "ミリアンペア", "mAh": "ミリアンペア時", "dB": "デシベル",
    "hPa": "ヘクトパスカル", "Pa": "パスカル", "kcal": "キロカロリー", "cal": "カロリー", "KB": "キロバイト",
    "kB": "キロバイト", "MB": "メガバイト", "GB": "ギガバイト", "TB": "テラバイト", "bps": "ビーピーエス",
    "kbps": "キロビーピーエス", "Kbps": "キロビーピーエス", "Mbps": "メガビーピーエス", "Gbps": "ギガビーピーエス",
    "ms": "ミリ秒", "h": "時間", "px": "ピクセル", "ppm": "ピーピーエム",
}  # fmt: skip
SPEEDS = {"h": "時速", "s": "秒速"}
POWERS = {"2": "平方", "3": "立方", "²": "平方", "³": "立方"}
MONEY = {"¥": "円", "￥": "円", "$": "ドル", "€": "ユーロ", "£": "ポンド", "₩": "ウォン"}
SIGNS = {
    "%": "パーセント", "％": "パーセント", "‰": "パーミル", "°C": "度", "°F": "度", "°": "度",
    "&": "アンド", "@": "アットマーク",
}  # fmt: skip
ADDRESS_SIGNS = {
    ".": "ドット", "@": "アットマーク", "/": "スラッシュ", ":": "コロン", "-": "ハイフン", "_": "アンダーバー",
    "?": "クエスチョン", "=": "イコール", "&": "アンド", "%": "パーセント", "#": "シャープ", "~": "チルダ",
    "+": "プラス",
}  # fmt: skip
_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))


def _is_compatibility(character: str) -> bool:
    """Half-width kana, full-width letters, circled numbers, squared words, old forms; not what stands for itself."""
    return character not in "…‥％～￥ﾞﾟ\u3000" and unicodedata.normalize("NFKC", character) != character


def _plain(match: re.Match[str]) -> str:
    """A compatibility character, or a half-width kana with its voicing mark, as plain characters."""
    character = match.group()
    plain = unicodedata.normalize("NFKC", character).replace("⁄", "/")
    if len(character) > 1:
        return plain
    if not _is_compatibility(character):
        return character
    if "Ⅰ" <= character <= "ⅿ":
        return str(int(unicodedata.numeric(character)))
    unit = UNITS.get(plain.rstrip("23")) if "㌀" <= character <= "㏿" else None
    return POWERS.get(plain[-1], "") + unit if unit else plain


def _date(match: re.Match[str]) -> str:
    year, month, day = match["year"], int(match["month"]), int(match["day"])
    return f"{int(year)}年{month}月{day}日" if 1 <= month <= 12 and 1 <= day <= 31 else match.group()


def _time(match: re.Match[str]) -> str:
    hour, minute, second = int(match["hour"]), int(match["minute"]), match["second"]
    if hour > 29 or minute > 59 or int(second or 0) > 59:
        return match.group()
    minutes = f"{minute}分" if minute or second else ""
    return f"{hour}時{minutes}" + (f"{int(second)}秒" if second else "")


def _speed(match: re.Match[str]) -> str:
    return f"{SPEEDS[match['per']]}{match['number']}{UNITS[match['unit']]}"


def _measure(match: re.Match[str]) -> str:
    return f"{match['number']}{POWERS.get(match['power'] or '', '')}{UNITS[match['unit']]}"


def _address(match: re.Match[str]) -> str:
    return "".join(ADDRESS_SIGNS.get(character, character) for character in match.group())


def _fraction(match: re.Match[str]) -> str:
    """1/2 is a fraction, 12/25 a day, 2024/03 a month."""
    top, bottom = int(match["top"]), int(match["bottom"])
    if len(match["top"]) == 4 and 1 <= bottom <= 12:
        return f"{top}年{bottom}月"
    is_day = 1 <= top <= 12 and 1 <= bottom <= 31
    if is_day and (bottom > 10 or top > bottom):
        return f"{top}月{bottom}日"
    return f"{bottom}ぶんの{top}"


def _wave(match: re.Match[str]) -> str:
    """Between two nouns or numbers a range; after kana a drawn-out sound."""
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    if re.fullmatch(f"[\\d{KANJI}A-Za-z]{{2}}|[ァ-ヺ][ァ-ヺ{KANJI}]|[{KANJI}][ァ-ヺ]|ト\\d", before + after):
        return "から"
    if re.fullmatch("[\\d時分日月年円人度歳][^ァ-ヺぁ-ゖ]?", before + after):
        return "から"
    return "ー" if re.match(f"[{KANA}{KANJI}]", before) else match.group()


def _range(match: re.Match[str]) -> str:
    """7-9歳 counts up; otherwise it is the name of something."""
    is_range = float(match["low"].replace("．", ".")) < float(match["high"].replace("．", "."))
    return f"{match['low']}から{match['high']}" if is_range else match.group()


def _composed(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", match.group())


def _common(match: re.Match[str]) -> str:
    return common_form(match.group())


def _ungrouped(match: re.Match[str]) -> str:
    return re.sub("[,，]", "", match.group())


def _money(match: re.Match[str]) -> str:
    return match["amount"] + MONEY[match["sign"]]


def _sign(match: re.Match[str]) -> str:
    return SIGNS[match.group()]


def _phone_number(match: re.Match[str]) -> str:
    return re.sub(HYPHEN, "－", match.group())


def _decimals(match: re.Match[str]) -> str:
    return match.group().replace(".", "．")


Rule = tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]]


def _rule(name: str, pattern: str, say: str | Callable[[re.Match[str]], str]) -> Rule:
    template = say
    return name, re.compile(pattern), (lambda match: match.expand(template)) if isinstance(template, str) else template


RULES: list[Rule] = [
    _rule("variant", "[\ufe00-\ufe0f\U000e0100-\U000e01ef\u200b-\u200f\u2060\ufeff\u00ad]", ""),
    _rule("compatibility", r"[ｦ-ﾝ][ﾞﾟ]|[^\x00-\x7f\u3040-\u30ff\u4e00-\u9fff。-〟，．：；！？]", _plain),
    _rule("company", r"\(株\)|（株）", "株式会社"),
    _rule("company", r"\(有\)|（有）", "有限会社"),
    _rule("combined", "[か-とは-ほカ-トハ-ホうウゝヽ][\u3099\u309a]", _composed),
    _rule("variant", "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]", _common),
    _rule("circle", "(?<![〇零一二三四五六七八九十百千万])〇(?![零一二三四五六七八九十百千万])", "まる"),
    _rule("circle", "(?<=まる)〇|〇(?=まる)", "まる"),
    _rule("address", r"(?:https?://|www\.)[A-Za-z\d./:?=&%#~_+\-]*[A-Za-z\d/]", _address),
    _rule("address", r"[A-Za-z\d._+\-]+@[A-Za-z\d\-]+(?:\.[A-Za-z\d\-]+)+", _address),
    _rule("address", r"(?<=[A-Za-z])\.(?=[A-Za-z])", "ドット"),
    _rule("grouped", NOT_INSIDE + r"\d{1,3}(?:[,，]\d{3})+(?!\d)", _ungrouped),
    _rule("date", rf"{NOT_INSIDE}(?P<year>\d{{4}})(?P<sign>[/.\-]){MONTH}(?P=sign){DAY}(?!\d)", _date),
    _rule("time", r"(?<![\d:：])(?P<hour>\d{1,2})[:：](?P<minute>\d{2})(?:[:：](?P<second>\d{2}))?(?![\d:：])", _time),
    _rule("ratio", r"(?<=\d)\s*[:：]\s*(?=\d)", "対"),
    _rule("decimals", r"(?<![\d.．])\d+[.．]\d+(?!\d|[.．]\d)", _decimals),
    _rule("versions", r"(?<=\d)[.](?=\d)", "てん"),
    _rule("fraction", r"(?<![\d/])(?P<top>\d+)/(?P<bottom>\d+)(?![\d/])", _fraction),
    _rule("portions", f"(?<![\\d{NUMERALS}])[二2]人前(?!後)", "ニニンマエ"),
    _rule("fraction", f"(?<=[\\d{NUMERALS}])分の(?=[\\d{NUMERALS}])", "ぶんの"),
    _rule("money", rf"(?P<sign>[¥￥$€£₩])\s*(?P<amount>{DIGITS}[万億兆千]*)", _money),
    _rule("money", r"(?<=\d)\s*(?P<sign>[$€£₩¥￥])(?P<amount>)", _money),
    _rule("sign", r"°[CF]|[%％‰°]", _sign),
    _rule("unit", rf"(?P<number>{DIGITS})\s?(?P<unit>km|m)/(?P<per>[hs])(?![A-Za-z])", _speed),
    _rule("unit", rf"(?P<number>{DIGITS}[万億千]?)\s?(?P<unit>{_UNIT})(?P<power>[23²³])?(?![A-Za-z\d])", _measure),
    _rule("phone_number", rf"(?<![\d\-])0\d{{1,4}}{HYPHEN}\d{{1,4}}{HYPHEN}\d{{3,4}}(?!\d)", _phone_number),
    _rule("range", rf"(?<![\d\-])(?P<low>{DIGITS}){HYPHEN}(?P<high>{DIGITS})(?={COUNTED})", _range),
    _rule("range", rf"(?:(?<=[時分秒年月日円度])|(?<=パーセント)){HYPHEN}(?=\d)", "から"),
    _rule("arithmetic", rf"(?<=\d)\s*{HYPHEN}\s*(?=\d+\s*=)", "ひく"),
    _rule("minus", rf"(?<![\dA-Za-z\-－−‐．.]){HYPHEN}(?=\d)", "マイナス"),
    _rule("minus", r"(?<![\dA-Za-z+])\+(?=\d)", "プラス"),
    _rule("minus", r"±(?=\d)", "プラスマイナス"),
    _rule("range", "[~〜～]+", _wave),
    _rule("arithmetic", r"(?<=\d)\s*\+\s*(?=\d)", "たす"),
    _rule("arithmetic", r"(?<=\w)\s*[×✕]\s*(?=\w)", "かける"),
    _rule("arithmetic", r"(?<=\w)\s*÷\s*(?=\w)", "わる"),
    _rule("arithmetic", r"(?<=\w)\s*=\s*(?=\w)", "は"),
    _rule("sign", "[&@]", _sign),
    _rule("sign", "∞", "無限大"),
]
"""In the order in which they are applied: characters first, then whole numbers, then signs between them."""


def mend(source: str) -> Spoken:
    """``source`` in words the dictionary reads."""
    spoken = Spoken.of(source)
    for name, pattern, say in RULES:
        spoken.rewrite(name, pattern, say)
    return spoken
