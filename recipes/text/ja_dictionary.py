"""Derives two tables of Japanese from the two compiled dictionaries of Open JTalk.

``accents.txt.gz``: entries that pyopenjtalk-plus's own dictionary gives another accent, chain rule or word class than
naist-jdic 1.11, which the official program uses; ``variants.txt``: kanji that naist-jdic does not know, with their
common form, and old forms with the new one. Sources: naist-jdic (Debian's open-jtalk-mecab-naist-jdic 1.11-3, BSD),
pyopenjtalk-plus 0.4.1.post10 (MIT) with its tables from cjkvi-variants (MIT). Run

    python recipes/text/ja_dictionary.py /var/lib/mecab/dic/open-jtalk/naist-jdic
"""

from __future__ import annotations

import gzip
import struct
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyopenjtalk
from pyopenjtalk._cjkvi_variants_map import CJKVI_VARIANTS
from pyopenjtalk._itaiji_map import ITAIJI_MAP

TARGET = Path(__file__).parents[2] / "src/myna/text/ja/data"
TOKEN = np.dtype([("left", "<u2"), ("right", "<u2"), ("pos", "<u2"), ("cost", "<i2"), ("feature", "<u4"), ("x", "<u4")])
ACCENT = 9
"""The cell of an entry's accent, counted from its part of speech."""
KEPT = ("間,名詞,接尾,一般,",)
"""Entries that stay the library's: naist-jdic has 時間, 週間 and the like whole, and cuts them less often."""
RARER = 50
"""A form is rare if it is in so many times fewer entries than the common one."""


def entries(folder: Path) -> list[tuple[str, list[str]]]:
    """Every (surface, cells) of a compiled MeCab dictionary, whose words are a double-array trie."""
    data = folder.joinpath("sys.dic").read_bytes()
    size_of_trie, size_of_tokens, size_of_features = struct.unpack("<10I", data[:40])[6:9]
    start = 72
    trie = np.frombuffer(data, dtype="<i4", count=size_of_trie // 4, offset=start).reshape(-1, 2)
    start += size_of_trie
    tokens = np.frombuffer(data, dtype=TOKEN, count=size_of_tokens // TOKEN.itemsize, offset=start)
    start += size_of_tokens
    features = data[start : start + size_of_features]
    found = []
    for surface, value in words(trie[:, 0].astype(np.int64), trie[:, 1].view("<u4").astype(np.int64)):
        for token in tokens[value >> 8 : (value >> 8) + (value & 0xFF)]:
            begin = int(token["feature"])
            cells = features[begin : features.index(b"\0", begin)].decode("utf-8").split(",")
            found.append((surface.decode("utf-8"), cells))
    return found


def words(base: np.ndarray, check: np.ndarray) -> list[tuple[bytes, int]]:
    """Every (key, value) of a double-array trie, level by level."""
    found: list[tuple[bytes, int]] = []
    nodes, keys = base[:1], [b""]
    while len(nodes):
        ends = np.nonzero((check[nodes] == nodes) & (base[nodes] < 0))[0]
        found += [(keys[index], -int(base[nodes[index]]) - 1) for index in ends]
        next_nodes, next_keys = [], []
        for byte in range(256):
            places = nodes + byte + 1
            inside = np.where(places < len(base), places, 0)
            indices = np.nonzero((places < len(base)) & (check[inside] == nodes))[0]
            next_nodes.append(base[inside[indices]])
            next_keys += [keys[index] + bytes([byte]) for index in indices]
        nodes, keys = np.concatenate(next_nodes), next_keys
    return found


def differing_entries(exact: list[tuple[str, list[str]]], own: list[tuple[str, list[str]]]) -> dict[str, str]:
    """Entry of the library's dictionary (without its last cells) -> the cells that take their place.

    An entry is the same word if surface, class, inflection and reading are the same; failing that, if surface, first
    class and reading are, and there is only one such on either side.
    """
    changed: dict[str, str] = {}
    taken: set[tuple[str, ...]] = set()
    for depth in (6, 1):  # cells of the class that have to agree
        by_exact, by_own = defaultdict(list), defaultdict(list)
        for table, source in ((by_exact, exact), (by_own, own)):
            for surface, cells in source:
                table[(surface, *cells[:depth], *cells[7:9])].append(cells)
        for key, theirs in by_own.items():
            ours = by_exact.get(key, [])
            if depth == 1 and (len(ours) > 1 or len(theirs) > 1):
                continue
            tails = {",".join(cells[ACCENT:]) for cells in ours}
            for cells in theirs:
                name = (key[0], *cells)
                if len(tails) != 1 or name in taken or ":" in cells[8]:
                    continue
                taken.add(name)
                better = [*(ours[0][:6] if depth == 1 else cells[:6]), *cells[6:9], *ours[0][ACCENT:]]
                if better != cells:
                    changed[",".join([key[0], *cells])] = ",".join([key[0], *better])
    return changed


def variants(exact: list[tuple[str, list[str]]]) -> dict[str, str]:
    """Kanji -> the form the dictionary knows."""
    known = Counter(character for surface, _ in exact for character in surface)
    alone = {surface for surface, _ in exact}
    forms = {old: new for old, new in ITAIJI_MAP.items() if old != new and len(old) == len(new) == 1}
    for rare, candidates in CJKVI_VARIANTS.items():
        common = next((form for form in candidates if form in known), None)
        if common and rare not in forms and rare not in alone and known[rare] * RARER < known[common]:
            forms[rare] = common
    return {old: new for old, new in forms.items() if new in known}


def main(exact_folder: Path) -> None:
    """Writes both tables."""
    exact, own = entries(exact_folder), entries(Path(pyopenjtalk.__file__).parent / "dictionary")
    changed = sorted(entry for entry in differing_entries(exact, own).items() if not entry[0].startswith(KEPT))
    text = "".join(f"{entry}\t{better}\n" for entry, better in changed)
    TARGET.joinpath("accents.txt.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    forms = sorted(variants(exact).items())
    TARGET.joinpath("variants.txt").write_text("".join(f"{old}{new}\n" for old, new in forms), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
