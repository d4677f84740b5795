"""Numbers with what stands around them, in Korean words: counters, units, money, dates, times, ranges, fractions."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from myna.text.ko.numbers import decimal, digits, native, sino

SPEEDS = {"km/h": "시속", "m/s": "초속", "km/s": "초속", "mph": "시속"}
_SPEED_UNITS = {"km/h": "킬로미터", "m/s": "미터", "km/s": "킬로미터", "mph": "마일"}
CURRENCIES = {"$": "달러", "₩": "원", "€": "유로", "£": "파운드", "¥": "엔"}
LARGE = ("천", "만", "억", "조", "백만", "천만", "십만", "백억", "천억", "십억")

_LABELLED_BEFORE = tuple("버스 번호 국도 노선 채널 문제 출구 교향곡 게이트 좌석 창구 선택지".split())
_LABELLED_AFTER = tuple("출구 문제 버스 국도 타자 홀 교향곡 노선 좌석 게이트 창구 선수 트랙 문항 보기".split())
_VEHICLES = tuple("차 버스 컴퓨터 트럭 택시 비행기 노트북 에어컨 기계 카메라 전화 자전거 티브이 TV".split())
_LAST_NATIVE_HOUR = 12
_MONTHS = {"6": "유", "10": "시"}


@cache
def units() -> dict[str, str]:
    """Unit -> its name."""
    return dict(_rows("data/units.txt"))


def _rows(name: str) -> list[tuple[str, str]]:
    lines = files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()
    return [(line.partition("\t")[0], line.partition("\t")[2]) for line in lines if not line.startswith("#")]


@cache
def counters() -> dict[str, int]:
    """Counter -> the largest number that is native before it."""
    return {counter: int(limit) for limit, names in _rows("data/counters.txt") for counter in names.split()}


def counted(number: str, counter: str, before: str = "", after: str = "") -> str:
    """``number`` as said before ``counter``, which stands between the words ``before`` and ``after``."""
    plain = number.replace(",", "")
    if counter == "월" and plain.lstrip("0") in _MONTHS:
        return _MONTHS[plain.lstrip("0")]
    limit = counters().get(counter)
    if limit is None or not plain.isdigit() or (len(plain) > 1 and plain.startswith("0") and counter != "시"):
        return decimal(number)
    is_label = counter == "번" and (before.endswith(_LABELLED_BEFORE) or after.startswith(_LABELLED_AFTER))
    is_decade = counter == "대" and plain.endswith("0") and len(plain) == 2 and not before.endswith(_VEHICLES)
    if is_label or is_decade or before == "제" or int(plain[:20]) > _above(limit, plain):
        return sino(plain)
    if counter == "번째" and plain == "1":
        return "첫"
    return native(plain)


def _above(limit: int, plain: str) -> int:
    """The largest number that may be native; counters without a small limit take native ones after hundreds too."""
    return int(plain[:20]) if limit == 99 else limit


def hour(number: str) -> str:
    """An hour of the day: 한 to 열두, then Sino-Korean."""
    value = int(number)
    return native(number) if 0 < value <= _LAST_NATIVE_HOUR else sino(number)


def clock(hours: str, minutes: str, seconds: str | None) -> str:
    """15:30 is 십오시 삼십분."""
    words = [f"{hour(hours)}시"]
    if int(minutes) or seconds:
        words.append(f"{sino(minutes)}분")
    if seconds:
        words.append(f"{sino(seconds)}초")
    return " ".join(words)


def date(year: str, month: str, day: str) -> str:
    """2024-05-01 is 이천이십사년 오월 일일."""
    return f"{sino(year)}년 {counted(month.lstrip('0'), '월')}월 {sino(day)}일"


def is_date(month: str, day: str) -> bool:
    """Whether these can be a month and a day."""
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def speed(number: str, unit: str) -> str:
    """80km/h is 시속 팔십킬로미터."""
    return f"{SPEEDS[unit]} {decimal(number)}{_SPEED_UNITS[unit]}"


def dial(number: str) -> str:
    """A phone number: digit by digit, a space for each break."""
    words = " ".join(digits(part) for part in re.findall(r"\d+", number))
    return f"플러스 {words}" if number.startswith("+") else words
