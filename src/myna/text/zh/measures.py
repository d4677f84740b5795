"""What numbers count: quantifiers, units and currencies, and the patterns that find them after a number."""

from __future__ import annotations

import re

from myna.text.zh.lists import lines

NUMBER = r"(?>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?)"
"""An integer or decimal, with thousands commas or not; never a part of one."""


QUANTIFIER = "(?:" + "|".join(sorted(lines("quantifiers"), key=len, reverse=True)) + ")"
"""A Chinese word after a number that shows it is a quantity, longest first."""

NEVER_A_PAIR = frozenset("两月日号楼级期届班度世代路更春夏秋冬旬伏") | {
    "摄氏度",
    "华氏度",
    "号线",
    "世纪",
    "百分点",
}
"""Words before which 2 is 二; before the other quantifiers it is 两."""

_LENGTHS = {
    "nm": "纳米",
    "um": "微米",
    "μm": "微米",
    "µm": "微米",
    "mm": "毫米",
    "cm": "厘米",
    "dm": "分米",
    "m": "米",
    "km": "千米",
}
UNITS = {
    **_LENGTHS,
    **{
        unit + power: way + name
        for unit, name in _LENGTHS.items()
        for way, powers in {"平方": "2²", "立方": "3³"}.items()
        for power in powers
    },
    "in": "英寸", "ft": "英尺", "mi": "英里", "mile": "英里", "miles": "英里", "ha": "公顷",
    "μg": "微克", "ug": "微克", "mg": "毫克", "g": "克", "kg": "千克", "Kg": "千克", "KG": "千克", "t": "吨",
    "lb": "磅", "oz": "盎司",
    "ml": "毫升", "mL": "毫升", "ML": "毫升", "l": "升", "L": "升", "cc": "毫升",
    "ms": "毫秒", "s": "秒", "min": "分钟", "h": "小时", "hr": "小时", "d": "天",
    "Hz": "赫兹", "hz": "赫兹", "HZ": "赫兹", "kHz": "千赫兹", "KHz": "千赫兹", "MHz": "兆赫兹", "GHz": "吉赫兹",
    "db": "分贝", "dB": "分贝", "DB": "分贝",
    "W": "瓦", "kW": "千瓦", "KW": "千瓦", "kw": "千瓦", "MW": "兆瓦", "V": "伏", "kV": "千伏", "mV": "毫伏",
    "mA": "毫安", "mAh": "毫安时", "kWh": "千瓦时", "kwh": "千瓦时", "Wh": "瓦时",
    "J": "焦耳", "kJ": "千焦", "cal": "卡路里", "kcal": "千卡",
    "Pa": "帕", "hPa": "百帕", "kPa": "千帕", "MPa": "兆帕", "mmHg": "毫米汞柱", "Ω": "欧姆", "kΩ": "千欧",
    "KB": "千字节", "kB": "千字节", "kb": "千字节", "MB": "兆字节", "GB": "吉字节", "TB": "太字节", "PB": "拍字节",
    "kbps": "千比特每秒", "Kbps": "千比特每秒", "Mbps": "兆比特每秒", "Gbps": "吉比特每秒",
    "mph": "英里每小时", "rpm": "转每分钟", "fps": "帧每秒", "px": "像素", "bpm": "次每分钟",
    "°": "度", "w": "万",
}  # fmt: skip
"""Units in Latin letters, as written -> as said."""
_LATIN = "|".join(map(re.escape, sorted(UNITS, key=len, reverse=True)))
_PER = "|".join(map(re.escape, sorted(set(UNITS) - {"w", "°"}, key=len, reverse=True)))
UNIT = rf"(?:(?:{_LATIN})(?:/(?:{_PER}))?(?![A-Za-z0-9]))"
"""A unit in Latin letters, or one per another: km, km/h."""

TEMPERATURES = {
    "°C": "摄氏度",
    "℃": "摄氏度",
    "°F": "华氏度",
    "℉": "华氏度",
    "摄氏度": "摄氏度",
    "度": "度",
    "华氏度": "华氏度",
}
TEMPERATURE = "(?:°C|℃|°F|℉|摄氏度|华氏度|度)"

CURRENCIES = {
    "￥": "元", "$": "美元", "€": "欧元", "£": "英镑", "₩": "韩元", "HK$": "港元", "US$": "美元", "฿": "泰铢",
    "₽": "卢布",
    "RMB": "元", "CNY": "元", "USD": "美元", "EUR": "欧元", "GBP": "英镑", "HKD": "港元", "JPY": "日元", "KRW": "韩元",
}  # fmt: skip
CURRENCY = "(?:" + "|".join(map(re.escape, sorted(CURRENCIES, key=len, reverse=True))) + ")"

QUANTITY = re.compile(rf"[-+]?{NUMBER}\s?(?:%|‰|{TEMPERATURE}|{UNIT}|{CURRENCY}(?![A-Za-z]))")
"""A number with a unit that is not written in Chinese: in a Chinese text it is read in Chinese."""


def unit_name(unit: str) -> str:
    """A unit in Latin letters as it is said: km/h is 千米每小时."""
    first, slash, second = unit.partition("/")
    return UNITS[first] + (f"每{UNITS[second]}" if slash else "")
