"""The rules that turn numbers and signs into Chinese words: a pattern, and what its match is read as.

A rule is tried where a number or sign begins; the first that answers wins. Facts: the order and the readings of the
normaliser that the published acoustic models were trained with (PaddleSpeech's, Apache-2.0), but not
its misreadings.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from myna.text.zh.measures import (
    CURRENCIES,
    CURRENCY,
    NEVER_A_PAIR,
    NUMBER,
    QUANTIFIER,
    TEMPERATURE,
    TEMPERATURES,
    UNIT,
    UNITS,
    unit_name,
)
from myna.text.zh.numerals import cardinal, digits, number

Say = Callable[[re.Match[str]], str | None]
"""What a match is read as; None when the rule does not hold after all."""

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_LONG = 3
"""A bare integer of so many digits is a code rather than a quantity, unless its surroundings say otherwise."""
_SCALES = {"k": "千", "K": "千", "M": "百万", "w": "万", "W": "万"}
_TOP_DOMAINS = frozenset("com cn net org io gov edu hk tw jp me app dev".split())
_OPERATORS = {"+": "加", "-": "减", "×": "乘", "*": "乘", "÷": "除以", "=": "等于"}
_BEFORE_RATIO = re.compile(r"(?:比分|比例|比率|配比|比值|之比|赔率)(?:是|为|:|达到|定格在)?$")
_BEFORE_SCORE = re.compile(r"(?:比分|以|胜|负|平|击败|战胜)(?:是|为|:)?$")
_BEFORE_QUANTITY = re.compile(
    r"(?:人口|[共约有近超达满逾仅]|超过|大约|总共|一共|至少|至多|最多|最少|不足|不到|高达|多达|等于|大于|小于|"
    r"数量|总数|销量|产量|价格|售价|原价|人数|总计|合计|累计|增加|减少|[增降减涨升][至到了])(?:到|至|了|是|为|:)?$"
)
_AFTER_QUANTITY = re.compile(r"多|余|左右|上下|以[上下内外]|亿|万|的?倍")
_BEFORE_CODE = re.compile(
    r"(?:号码?|编码|代码|密码|验证码|邮编|编号|电话|热线|拨打|[打拨]|手机|微信|房间?|航班|型号|车牌|尾号|客服|分机)"
    r"(?:是|为|:|请打|请拨打?)?$"
)
_BEFORE_SPAN_OF_YEARS = re.compile(r"[了过近约满第有这每]$|超过|大约|不到|至少")
_AFTER_SPAN_OF_YEARS = re.compile(
    r"[前后来间内多]|以[前后来内上]|时间|历史|左右|之[前后久]|的(?:时间|历史|努力)|级|期|如一日|制"
)


def before(match: re.Match[str]) -> str:
    """The few characters before a match."""
    return match.string[max(0, match.start() - 8) : match.start()]


def quantity(value: str, unit: str, preceding: str = "") -> str:
    """A number and what it counts, in any notation: ("2", "个") is 两个, ("5", "%") is 百分之五."""
    if unit in ("%", "‰"):
        return ("百分之" if unit == "%" else "千分之") + number(value)
    if unit in TEMPERATURES:
        return number(value) + ("度" if unit in ("°C", "℃") else TEMPERATURES[unit])
    name = unit if unit.split("/")[0] not in UNITS else unit_name(unit)
    is_pair = value == "2" and name not in NEVER_A_PAIR and not preceding.endswith(("第", "周", "初", "星期", "十"))
    return ("两" if is_pair else number(value) if "." in value else cardinal(value.replace(",", ""))) + name


def _unsaid(_: re.Match[str]) -> str:
    return ""


def _address(match: re.Match[str]) -> str | None:
    return "" if match["host"].lower().rpartition(".")[2] in _TOP_DOMAINS else None


def _date(match: re.Match[str]) -> str | None:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{digits(match['year'])}年{cardinal(str(month))}月{cardinal(str(day))}日"


def _year_and_month(match: re.Match[str]) -> str | None:
    month = int(match["month"])
    return f"{digits(match['year'])}年{cardinal(str(month))}月" if 1 <= month <= 12 else None


def _years(match: re.Match[str]) -> str:
    return f"{digits(match[1])}到{digits(match[2])}年"


def _year(match: re.Match[str]) -> str | None:
    value, rest, preceding = match[1], match.string[match.end() : match.end() + 6], before(match)
    is_span = bool(_AFTER_SPAN_OF_YEARS.match(rest) or _BEFORE_SPAN_OF_YEARS.search(preceding))
    if re.search("公元前?$", preceding) or value.startswith("0"):
        return digits(value) + "年"
    if len(value) == 4 and not (is_span and value.endswith("00") and not value.startswith(("19", "20"))):
        return digits(value) + "年"
    if len(value) == 2 and (int(value) > 60 or not is_span) and not preceding.endswith("第"):
        return digits(value) + "年"
    return quantity(value, "年", preceding)


def _time(match: re.Match[str]) -> str | None:
    if _BEFORE_RATIO.search(before(match)):
        return None
    spoken = clock(match["hour"], match["minute"], match["second"])
    half = {"a": "上午", "p": "下午"}.get((match["half"] or "").lower()[:1], "")
    if match["until"]:
        spoken += "至" + clock(*match["until"].split(":"))
    return half + spoken


def clock(hour: str, minute: str, second: str | None = None) -> str:
    """A time of day: 8:30 is 八点半, 14:05:30 is 十四点零五分三十秒."""
    spoken = cardinal(hour) + "点"
    if minute == "30" and not int(second or 0):
        spoken += "半"
    elif int(minute) or int(second or 0):
        spoken += ("零" if minute.startswith("0") and int(minute) else "") + cardinal(minute) + "分"
    if second and int(second):
        spoken += ("零" if second.startswith("0") else "") + cardinal(second) + "秒"
    return spoken


def _ratio(match: re.Match[str]) -> str:
    return "比".join(number(part) for part in match[0].split(":"))


def _telephone(match: re.Match[str]) -> str | None:
    if re.match(rf"\d{{7,8}}(?:{QUANTIFIER})", match[0]):
        return None
    groups = re.findall(r"\d+", match[0])
    if match[0].startswith(("+", "86")) and groups[0] == "86":
        groups[:2] = [groups[0] + groups[1]]
    return "，".join(digits(group, one="幺") for group in groups)


def _money(match: re.Match[str]) -> str:
    until = f"{number(match['value'])}到" if match["until"] else ""
    scale = _SCALES.get(match["scale"] or "", match["scale"] or "")
    return until + quantity(match["until"] or match["value"], scale + CURRENCIES[match["currency"]])


def _range(match: re.Match[str]) -> str | None:
    first, first_unit, sign, second, second_unit = match.group("a", "au", "sign", "b", "bu")
    low, high = float(first.replace(",", "")), float(second.replace(",", ""))
    if sign == "-" and not match["minus"] and not match["below"] and high <= low and not first_unit:
        if _BEFORE_SCORE.search(before(match)) or high == low:
            return f"{number(first)}比{number(second)}"
        return None if second_unit else f"{_plain(first)}减{_plain(second)}"
    if not first_unit and not second_unit and re.fullmatch("(?:19|20)..-(?:19|20)..", f"{first}-{second}"):
        return f"{digits(first)}到{digits(second)}"
    word = "至" if sign == "~" and first_unit and second_unit else "到"
    minus = _minus(second_unit) if match["minus"] else ""
    below = _minus(first_unit or second_unit) if match["below"] else ""
    start = quantity(first, first_unit) if first_unit else _counted(first, second_unit)
    end = quantity(second, second_unit) if second_unit else number(second)
    return f"{below}{start}{word}{minus}{end}"


def _counted(value: str, unit: str | None) -> str:
    """The lower end of a range whose unit is said with the upper end."""
    return quantity(value, unit) if unit in ("%", "‰") else number(value)


def _sides(match: re.Match[str]) -> str:
    return "乘".join(_plain(side) for side in re.split("[xX]", match[0]))


def _plain(value: str) -> str:
    return number(value) if "." in value or "," in value else cardinal(value)


def _minus(unit: str | None) -> str:
    return "零下" if unit in TEMPERATURES else "负"


def _calculation(match: re.Match[str]) -> str | None:
    if not set(match[0]) & set("+×÷=*"):
        return None
    spoken = ""
    for part in re.finditer(rf"(?P<value>{NUMBER})(?P<unit>%|{UNIT})?|[-+×÷=*]|[⁰-⁹¹²³]+", match[0]):
        if part["value"]:
            spoken += quantity(part["value"], part["unit"]) if part["unit"] else _plain(part["value"])
        elif part[0] in _OPERATORS:
            spoken += "负" if part[0] == "-" and (not part.start() or match[0][part.start() - 1] in "+-×÷=*") else (
                _OPERATORS[part[0]])  # fmt: skip
        else:
            spoken += _power(part[0])
    return spoken


def _power(superscript: str) -> str:
    exponent = superscript.translate(SUPERSCRIPTS)
    return f"的{'负' if exponent.startswith('-') else ''}{number(exponent.lstrip('-'))}次方"


def _powered(match: re.Match[str]) -> str:
    return _plain(match[1]) + _power(match[2].lstrip("^"))


def _fraction(match: re.Match[str]) -> str:
    return f"{'负' if match['minus'] else ''}{_plain(match[3])}分之{_plain(match[2])}"


def _measured(match: re.Match[str]) -> str:
    value, unit = match["value"], match["unit"]
    rest = match.string[match.end() : match.end() + 2]
    if unit == "W" and re.match(r"[\u4e00-\u9fff]|\+", rest) and re.match("人|粉|元|块|播|次|浏|阅|点|\\+", rest):
        unit = "w"
    return quantity(value, unit, before(match))


def _signed(match: re.Match[str]) -> str | None:
    unit = match["unit"]
    return _minus(unit) + (quantity(match["value"], unit, "负") if unit else number(match["value"]))


def _counting(match: re.Match[str]) -> str | None:
    value, more, unit = match["value"], match["more"] or "", match["unit"]
    if (
        value.startswith("0")
        and "." not in value
        and len(value) > 1
        and unit not in ("月", "日", "点", "时", "分", "秒")
    ):
        return digits(value, one="幺" if len(value) >= _LONG else "一") + more + unit
    if unit.startswith("号") and len(value) >= _LONG:
        return digits(value, one="幺") + more + unit
    if more:
        return _plain(value) + more.replace("+", "多") + unit
    return quantity(value, unit, before(match))


def _generation(match: re.Match[str]) -> str:
    return digits(match[1]) + "后"


def _dotted(match: re.Match[str]) -> str:
    return "点".join(digits(part) for part in match[0].split("."))


def _slashed(match: re.Match[str]) -> str:
    return "，".join(_plain(part) for part in match[0].split("/"))


def _bare(match: re.Match[str]) -> str:
    """A number without unit: a quantity, or from three digits on a code that is read digit by digit."""
    value, rest = match[0], match.string[match.end() : match.end() + 4]
    if "." in value or "," in value or len(value) < _LONG:
        return number(value)
    preceding = before(match)
    if value.startswith("0") or len(value) > 16 or _BEFORE_CODE.search(preceding):
        return digits(value, one="幺")
    is_round = value.endswith("000") or (value.endswith("00") and bool(preceding or rest))
    if preceding.endswith("第") or is_round or _BEFORE_QUANTITY.search(preceding) or _AFTER_QUANTITY.match(rest):
        return cardinal(value)
    return digits(value, one="幺")


_OPERAND = rf"(?:{NUMBER}(?:%|{UNIT})?[⁰¹²³⁴-⁹]*|(?<![A-Za-z])[A-Za-z](?![A-Za-z])[⁰¹²³⁴-⁹]*)"
_MINUS = r"(?<![A-Za-z0-9%)\]-])-"
_AMOUNT = rf"%|‰|{TEMPERATURE}|{UNIT}|{QUANTIFIER}"
_TIME = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?![\d:])"
_DAY = r"(?P<month>\d{1,2})(?P=gap)(?P<day>\d{1,2})(?![\d]|\.\d|[-/]\d)"

RULES: tuple[tuple[re.Pattern[str], Say], ...] = tuple(
    (re.compile(pattern), say)
    for pattern, say in (
        (r"(?:https?://|www\.)[!-~]+", _unsaid),
        (r"(?>[A-Za-z0-9._%+-]{1,64})@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}", _unsaid),
        (r"(?P<host>(?>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}))(?:[/?#:][!-~]*)?", _address),
        (r"[Nn][Oo]\.?\s?(?P<value>\d+)(?![\d.])", lambda match: "第" + cardinal(match["value"])),
        (r"(?P<year>[12]\d{3})(?P<gap>[-/. ])" + _DAY, _date),
        (r"(?P<year>19\d\d|20\d\d)[-/](?P<month>\d\d?)(?![\d./-])(?!年)", _year_and_month),
        (r"(\d{4})[-~](\d{4})年", _years),
        (rf"(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:])"
         rf"(?:[-~](?P<until>{_TIME}))?\s?(?P<half>[AaPp]\.?[Mm]\b\.?)?", _time),
        (rf"(?>{NUMBER}(?::{NUMBER}){{1,8}})(?!:)", _ratio),
        (r"(?:\+?86[- ]?)?1[3-9]\d(?:\d{8}|[- ]\d{4}[- ]\d{4})(?!\d)", _telephone),
        (r"0\d{2,3}[- ]?\d{7,8}(?:-\d{1,5})?(?!\d)|0\d{1,3}-\d{3,4}-\d{4}(?!\d)", _telephone),
        (r"[48]00[- ]?\d{3,4}[- ]?\d{3,4}(?!\d)|\d{2,}(?:-\d{2,}){2,}(?!\d)", _telephone),
        (rf"(?P<currency>{CURRENCY})\s?(?P<value>{NUMBER})(?:[-~](?P<until>{NUMBER}))?\s?"
         r"(?P<scale>万亿|[万亿千百]|[kKMwW](?![A-Za-z]))?(?:美元|欧元|英镑|港元|元|块)?", _money),
        (rf"(?P<value>{NUMBER})(?:-(?P<until>{NUMBER}))?\s?(?P<scale>万亿|[万亿千百])?\s?"
         rf"(?P<currency>{CURRENCY})(?![A-Za-z0-9])", _money),
        (rf"-?{_OPERAND}(?:[-+×÷=*]-?{_OPERAND}){{1,40}}", _calculation),
        (r"\d+(?:\.\d+){2,}", _dotted),
        (rf"{NUMBER}(?:[xX]{NUMBER}){{1,4}}(?![A-Za-z0-9])", _sides),
        (rf"(?P<below>{_MINUS})?(?P<a>{NUMBER})\s?(?P<au>{_AMOUNT})?(?P<sign>[-~])(?P<minus>-)?(?P<b>{NUMBER})"
         rf"\s?(?P<bu>{_AMOUNT}|年)?(?![-~]?\d)", _range),
        (rf"({NUMBER})(\^-?\d+|⁻?[⁰¹²³⁴-⁹]+)", _powered),
        (r"\d+(?:/\d+){2,}", _slashed),
        (rf"(?P<minus>{_MINUS})?(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)(?![/\d])", _fraction),
        (r"(\d{1,4})年(?!级|轻)", _year),
        (rf"(?P<value>{NUMBER})\s?(?P<unit>%|‰|°C|℃|°F|℉|{UNIT})", _measured),
        (r"([5-9]0|00|10)后(?![来天年半面])", _generation),
        (rf"(?P<value>{NUMBER})(?P<more>[多余几+])?(?P<unit>{QUANTIFIER})(?!之)", _counting),
        (rf"{_MINUS}(?P<value>{NUMBER})(?:\s?(?P<unit>%|‰|°C|℃|°F|℉|{UNIT}|{QUANTIFIER}))?(?![/\d])",
         _signed),
        (r"(?<![A-Za-z0-9.])\.\d+(?![\d.])", lambda match: number(match[0])),
        (r"(?<=[0-9A-Za-z)])⁻?[⁰¹²³⁴-⁹]+", lambda match: _power(match[0])),
        (r"(?<=[\d万亿千百])\+(?=[\u4e00-\u9fff])", lambda _: "多"),
        (r"±", lambda _: "正负"),
        (NUMBER, _bare),
    )
)  # fmt: skip
"""In the order in which they are tried."""
