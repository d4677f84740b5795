"""Derives ``src/myna/text/ja/data/open_jtalk.json`` from the rule headers of Open JTalk.

Open JTalk (Nagoya Institute of Technology, Modified BSD licence) keeps its rules for Japanese numbers, counters and
kana as C arrays. The source archive of pyopenjtalk on PyPI holds them. Run

    pip download --no-deps --no-binary :all: pyopenjtalk==0.4.1 && tar xzf pyopenjtalk-0.4.1.tar.gz
    python recipes/text/ja_open_jtalk.py pyopenjtalk-0.4.1/lib/open_jtalk
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

TARGET = Path(__file__).parents[2] / "src/myna/text/ja/data"


def arrays(header: Path) -> dict[str, list[str | None]]:
    """Every array of strings in a C header, NULL as None, comments left out."""
    code = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = re.findall(r"static const char \*(\w+)\[\] = \{(.*?)\};", code, re.DOTALL)
    return {
        name: [None if token == "NULL" else token[1:-1] for token in re.findall(r'"[^"]*"|NULL', body)]
        for name, body in found
    }


def constants(header: Path) -> dict[str, str]:
    """Every ``#define NAME "text"`` of a C header."""
    return dict(re.findall(r'#define (\w+) "([^"]*)"', header.read_text(encoding="utf-8")))


def rows(array: list[str | None], width: int) -> list[list[str]]:
    """An array that ends in NULL, as rows of ``width``; a NULL inside a row is left out of it."""
    table = [array[start : start + width] for start in range(0, len(array), width)]
    return [[cell for cell in row if cell is not None] for row in table if row[0] is not None]


def number_rules(root: Path) -> dict[str, object]:
    """The rules for numerals and counters."""
    header = root / "src/njd_set_digit/njd_set_digit_rule_utf_8.h"
    lists = {name.removeprefix("njd_set_digit_rule_"): array for name, array in arrays(header).items()}
    words = {re.sub("NJD_SET_DI[GT]IT_", "", name): text for name, text in constants(header).items()}

    def sound(name: str) -> dict[str, list[str | int]]:
        return {row[0]: [row[1], int(row[2]), int(row[3])] for row in rows(lists[name], 4)}

    def table(name: str) -> dict[str, str]:
        return {row[0]: row[1] for row in rows(lists[name], 2)}

    def shift(name: str) -> dict[str, int]:
        return {digit: int(kind) for digit, kind in table(name).items()}

    def names(name: str) -> list[str]:
        return [entry for entry in lists[name] if entry]

    digit_classes = ["1b", "1c1", "1c2", "1d", "1e", "1f", "1g", "1h", "1i", "1j", "1k"]
    return {
        "digits": {row[0]: [int(row[1]), row[2]] for row in rows(lists["numeral_list1"], 3)},
        "powers_of_ten": ["", *names("numeral_list2")],
        "powers_of_ten_thousand": ["", *names("numeral_list3")],
        "small_numerals": names("numeral_list4"),
        "large_numerals": names("numeral_list5"),
        "digit_before_hundred": sound("numeral_list9"),
        "digit_before_thousand": sound("numeral_list11"),
        "shift_of_hundred": shift("numeral_list7"),
        "digit_before_counter": [
            [names(f"numerative_class{key}"), sound(f"conv_table{key}")]
            for key in digit_classes
            if names(f"numerative_class{key}")
        ],
        "shift_of_counter": [
            [names(f"numerative_class{key}"), shift(f"conv_table{key}")]
            for key in ["2b", "2c", "2d", "2e", "2f"]
            if names(f"numerative_class{key}")
        ],
        "voiced": table("voiced_sound_symbol_list"),
        "half_voiced": table("semivoiced_sound_symbol_list"),
        "native_counters": sorted({(row[0], row[1]) for row in rows(lists["numerative_class3"], 2)}),
        "native_digits": sound("conv_table3"),
        "people": table("conv_table4"),
        "days": table("conv_table5"),
        "spans_of_days": table("conv_table6"),
        "point": words["TEN_FEATURE"],
        "first_of_month": words["TSUITACHI"],
        "fourteenth": [words["JUYOKKA"], words["JUYOKKAKAN"]],
        "twentieth": [words["HATSUKA"], words["HATSUKAKAN"]],
        "twenty": words["NIJU"],
        "fourth": [words["YOKKA"], words["YOKKAKAN"]],
    }


def main(root: Path) -> None:
    """Writes the table and Open JTalk's licence beside it."""
    moras = arrays(root / "src/jpcommon/jpcommon_rule_utf_8.h")["jpcommon_mora_list"]
    kana = arrays(root / "src/njd_set_pronunciation/njd_set_pronunciation_rule_utf_8.h")["njd_set_pronunciation_list"]
    table = {
        "moras": {row[0]: row[1:] for row in rows(moras, 3)},
        "kana": {row[0]: [row[1], int(row[2])] for row in rows(kana, 3)},
        **number_rules(root),
    }
    lines = [f"{json.dumps(name)}: {json.dumps(rule, ensure_ascii=False)}" for name, rule in table.items()]
    TARGET.mkdir(parents=True, exist_ok=True)
    TARGET.joinpath("open_jtalk.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    licence = root.joinpath("src/COPYING").read_text(encoding="utf-8")
    TARGET.joinpath("OPEN_JTALK.LICENSE").write_text(licence, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
