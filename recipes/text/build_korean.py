"""Builds the Korean tables of src/myna/text/ko/data: readings of Chinese characters, and respelled words.

    pip install --no-deps hanja==0.15.1 g2pk2==0.0.3
    python recipes/text/build_korean.py

hanja (WTFPL) has one reading for each of 27,497 characters. g2pk2 (Apache-2.0) has words whose pronunciation does not
follow from their spelling, with examples of the standard pronunciation rules; those of numbers and Latin letters are
left to our own rules, and so is 한일, which is nearly always the 한일 of 한일 관계, said 하닐. For the official
program's reading there are all its words, and its table of what a coda and an onset become.
"""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "src/myna/text/ko/data"
LEFT_OUT = {"한일"}
ADDED = (("삼일절", "사밀쩔"), ("일연대", "일련대"), ("삼연대", "삼년대"))


def packaged(package: str, file: str) -> list[str]:
    """The lines of a file of an installed package, which is not imported."""
    return Path(str(distribution(package).locate_file(file))).read_text(encoding="utf-8").splitlines()


def hanja_rows() -> list[str]:
    """One line per reading: the reading, then its characters."""
    characters: dict[str, list[str]] = {}
    for line in packaged("hanja", "hanja/table.yml"):
        found = re.fullmatch(r'"\\u([0-9A-F]{4})": "\\u([0-9A-F]{4})"', line.strip())
        if found and not 0x3400 <= int(found[1], 16) < 0x4E00:
            characters.setdefault(chr(int(found[2], 16)), []).append(chr(int(found[1], 16)))
    return [reading + "".join(sorted(found)) for reading, found in sorted(characters.items())]


def respelled_rows() -> list[str]:
    """One line per word: the word and how it is said, tab between."""
    lines = (line.partition("#")[0].strip() for line in packaged("g2pk2", "g2pk2/idioms.txt"))
    rows = [line.split("===") for line in lines if "===" in line]
    words = {word: said for word, said in rows if re.fullmatch("[가-힣]+", word) and len(word) == len(said)}
    words |= dict(ADDED)
    return [f"{word}\t{said}" for word, said in sorted(words.items()) if word not in LEFT_OUT and word != said]


def official_word_rows() -> list[str]:
    """One line per word, in the order in which they are replaced: the word and what takes its place, tab between."""
    lines = (line.partition("#")[0].strip() for line in packaged("g2pk2", "g2pk2/idioms.txt"))
    return [line.replace("===", "\t") for line in lines if "===" in line]


def official_rule_rows() -> list[str]:
    """One line per coda and onset: the expression that finds them and what takes their place, tab between."""
    onsets, *rows = (line.split(",") for line in packaged("g2pk2", "g2pk2/table.csv"))
    pairs = ((row[0], onset, cell) for row in rows for onset, cell in zip(onsets[1:], row[1:], strict=True))
    return [f"{coda}{onset}\t{cell.partition('(')[0]}" for coda, onset, cell in pairs if cell]


def main() -> None:
    """Write the tables."""
    (DATA / "official_words.txt").write_text("\n".join(official_word_rows()) + "\n", encoding="utf-8")
    (DATA / "official_rules.txt").write_text("\n".join(official_rule_rows()) + "\n", encoding="utf-8")
    (DATA / "hanja.txt").write_text("\n".join(hanja_rows()) + "\n", encoding="utf-8")
    (DATA / "respelled.txt").write_text("\n".join(respelled_rows()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
