"""Numbers with something to them - money, units, dates, times, fractions - as words."""

from __future__ import annotations

import re

from myna.text.en import numbers

NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_MONTH_NAMES = "january february march april may june july august september october november december"
MONTHS = _MONTH_NAMES.split()
MONTH_NAMES = "|".join(
    month if len(month) < 4 else rf"{month}|{month[:3]}\.?" + (r"|sept\.?" if month == "september" else "")
    for month in MONTHS
)
SCALES = {
    "k": "thousand",
    "m": "million",
    "mn": "million",
    "bn": "billion",
    "b": "billion",
    "tn": "trillion",
    **{word: word for word in ("hundred", "thousand", "million", "billion", "trillion")},
}
CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
UNITS = {
    "nm": "nanometer", "um": "micrometer", "mm": "millimeter", "cm": "centimeter", "m": "meter", "km": "kilometer",
    "ft": "foot", "in": "inch", "mi": "mile", "km/h": "kilometer per hour", "kph": "kilometer per hour",
    "mph": "mile per hour", "m/s": "meter per second", "mg": "milligram", "g": "gram", "kg": "kilogram",
    "Kg": "kilogram", "KG": "kilogram", "lb": "pound", "lbs": "pound", "oz": "ounce", "ml": "milliliter",
    "mL": "milliliter", "ML": "milliliter", "L": "liter", "l": "liter", "tbsp": "tablespoon", "tsp": "teaspoon",
    "ms": "millisecond", "s": "second", "sec": "second", "min": "minute", "mins": "minute", "h": "hour", "hr": "hour",
    "hrs": "hour", "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "dB": "decibel",
    "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte",
    "Kbps": "kilobit per second", "Mbps": "megabit per second", "Gbps": "gigabit per second", "W": "watt",
    "kW": "kilowatt", "kWh": "kilowatt hour", "V": "volt", "mA": "milliamp", "mAh": "milliamp hour", "px": "pixel",
    "°C": "degree celsius", "°F": "degree fahrenheit", "°": "degree",
}  # fmt: skip
_ALWAYS_PLURAL_AS_IS = ("hertz", "kilohertz", "megahertz", "gigahertz")
DETACHED_UNITS = tuple(unit for unit in UNITS if len(unit) > 1 and unit not in ("in", "min", "mi", "sec"))
"""Units that may stand after a space; the others are words or letters too often."""


def amount(text: str) -> str:
    """A quantity: "1,500" and "1500" -> "one thousand, five hundred"; "2.5" -> "two point five"."""
    whole, dot, fraction = text.replace(",", "").partition(".")
    if dot:
        return numbers.decimal(whole, fraction)
    if len(whole) > 1 and whole[0] == "0":
        return numbers.digits(whole)
    return numbers.cardinal(int(whole)) if len(whole) <= numbers.MAX_CARDINAL_DIGITS else numbers.digits(whole)


def number(text: str) -> str:
    """A number standing alone: like `amount`, but 1001 to 2999 without a comma are read as years."""
    return amount(text) if "," in text or "." in text else numbers.integer(text)


def is_one(text: str) -> bool:
    """Whether a unit after this number stands in the singular."""
    return text == "1"


def money(sign: str, text: str, scale: str | None = None) -> str:
    """$ and "3.50" -> "three dollars and fifty cents"; with a scale, "two point five billion dollars"."""
    unit, units, part, parts = CURRENCIES[sign]
    if scale:
        return f"{amount(text)} {SCALES[scale.lower()]} {units}"
    whole, dot, fraction = text.replace(",", "").partition(".")
    if dot and len(fraction) != 2:
        return f"{amount(text)} {units}"
    whole, fraction = whole or "0", fraction or "0"
    spoken_whole = f"{amount(whole)} {unit if is_one(whole) else units}"
    if not int(fraction):
        return spoken_whole
    spoken_fraction = f"{numbers.cardinal(int(fraction))} {part if int(fraction) == 1 else parts}"
    return spoken_fraction if not whole.strip("0") else f"{spoken_whole} and {spoken_fraction}"


def measure(text: str, unit: str) -> str:
    """Five km -> "five kilometers"."""
    name = UNITS[unit]
    if is_one(text) or name in _ALWAYS_PLURAL_AS_IS:
        return f"{amount(text)} {name}"
    head, _, rest = name.partition(" ")
    if rest == "hour":
        head, rest = name, ""
    plural = {"foot": "feet"}.get(head) or numbers.plural(head)
    return f"{amount(text)} {plural} {rest}".rstrip()


def time(hour: int, minute: int, second: int | None, half: str | None) -> str | None:
    """A time of day in twelve hours; ``half`` is "a", "p" or None. None when it is no time."""
    if hour > 24 or minute > 59 or (second or 0) > 59:
        return None
    suffix = half or ("p" if 12 < hour < 24 else "a" if hour in (0, 24) else "")
    spoken = [numbers.cardinal((hour - 1) % 12 + 1)]
    if minute:
        spoken.append(f"oh {numbers.cardinal(minute)}" if minute < 10 else numbers.cardinal(minute))
    elif not suffix and not second:
        spoken.append("o'clock")
    if second:
        spoken.append(f"and {numbers.cardinal(second)} {'second' if second == 1 else 'seconds'}")
    if suffix:
        spoken.append(f"{suffix.upper()} M")
    return " ".join(spoken)


def date(year: int, month: int, day: int) -> str | None:
    """2024, 3, 15 -> "march fifteenth, twenty twenty-four"; None when there is no such day."""
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return None
    return f"{MONTHS[month - 1].title()} {numbers.ordinal(day)}, {numbers.year(year)}"


def decade(text: str) -> str:
    """The 1990s -> "nineteen nineties", "80" -> "eighties", "1000" -> "thousands"."""
    spoken = re.sub(r"[a-z]+$", lambda last: numbers.plural(last.group()), number(text))
    return spoken.removeprefix("one ")


def fraction(above: int, below: int) -> str:
    """1/2 -> "one half", 2/3 -> "two thirds", 24/7 -> "twenty-four seven", 6/1 -> "six over one"."""
    if not 0 < above < below or below > 100:
        return f"{numbers.cardinal(above)} {'' if above >= below > 1 else 'over '}{numbers.cardinal(below)}"
    name = {2: "half", 4: "quarter"}.get(below) or numbers.ordinal(below)
    if above > 1:
        name = "halves" if below == 2 else numbers.plural(name)
    return f"{numbers.cardinal(above)} {name}"
