"""The Japanese dictionary: a stretch of text to the dictionary's words.

The library (pyopenjtalk) brings a dictionary of its own. The official program was made with naist-jdic 1.11; where that
is present (Debian's package open-jtalk-mecab-naist-jdic, or the folder named in the environment variable
OPEN_JTALK_DICT_DIR, which the library itself reads), readings and accents are exactly the official ones.
"""

from __future__ import annotations

import gzip
import os
import re
from functools import cache
from importlib.resources import files
from pathlib import Path

import pyopenjtalk
from pyopenjtalk.openjtalk import OpenJTalk

from myna.core.errors import InstallationError
from myna.text.ja.words import Word, parse

OWN_FOLDER = Path(pyopenjtalk.__file__).parent / "dictionary"
"""The library's own dictionary."""
SYSTEM_FOLDER = Path("/var/lib/mecab/dic/open-jtalk/naist-jdic")
"""Where Debian's package puts the exact dictionary."""
NUMERALS = re.compile("[〇一二三四五六七八九十百千万億兆]{2}")
NEEDED = ("sys.dic", "matrix.bin", "char.bin", "unk.dic")
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
"""The dictionary is written in full-width letters and digits."""


@cache
def default_folder() -> Path:
    """The dictionary that is used unless one is named: the one set in the environment, Debian's, the library's own."""
    chosen = Path(os.fsdecode(pyopenjtalk.OPEN_JTALK_DICT_DIR))
    return SYSTEM_FOLDER if chosen == OWN_FOLDER and is_dictionary(SYSTEM_FOLDER) else chosen


def is_dictionary(folder: Path) -> bool:
    """Whether a compiled dictionary lies in ``folder``."""
    return all(folder.joinpath(name).is_file() for name in NEEDED)


@cache
def _analyser(folder: Path) -> OpenJTalk:
    if not is_dictionary(folder):
        raise InstallationError(f"no Japanese dictionary in {folder}: it needs {', '.join(NEEDED)}")
    return OpenJTalk(dn_mecab=os.fsencode(folder))


def _features(written: str, folder: Path) -> list[str]:
    features: list[str] = _analyser(folder).run_mecab(written)
    if NUMERALS.search(written):
        # the library cuts numerals apart that the dictionary has as one word, such as 十万; its best of n does not
        best: list[str] = _analyser(folder).run_mecab_nbest_features(written, 1)[0]["features"]
        if list(map(_surface, best)) != list(map(_surface, features)):
            return best
    return features


@cache
def _official_entries() -> dict[str, str]:
    """Entries of the library's own dictionary that naist-jdic has with another accent or chain rule: old -> new.

    The library means its rules for its own code, with which they agree; ours is that of Open JTalk.
    """
    packed = files(__package__).joinpath("data/accents.txt.gz").read_bytes()
    rows = gzip.decompress(packed).decode("utf-8").splitlines()
    return dict(row.split("\t", 1) for row in rows)


def _surface(feature: str) -> str:
    return feature.partition(",")[0]


def look_up(stretch: str, folder: Path) -> list[Word]:
    """The words of ``stretch`` as the dictionary in ``folder`` cuts them, each with its place in the stretch.

    Raises `InstallationError` where that folder holds no dictionary.
    """
    written = stretch.translate(FULL_WIDTH)
    changed = _official_entries() if folder == OWN_FOLDER else {}
    words: list[Word] = []
    position = 0
    for feature in _features(written, folder):
        entry = parse(changed.get(feature, feature))
        surface = _surface(feature)
        start = written.find(surface, position)
        position = start + len(surface)
        for word in entry:
            word.start, word.end = start, position
        words += entry
    return words
