"""Kanji in a rare or old form, as the common form that the dictionary knows: 髙 is 高, 𠮷 is 吉, 國 is 国.

The table is derived by ``recipes/text/ja_dictionary.py`` from cjkvi-variants and pyopenjtalk-plus (both MIT).
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files


@cache
def _forms() -> dict[str, str]:
    lines = files(__package__).joinpath("data/variants.txt").read_text(encoding="utf-8").splitlines()
    return {line[0]: line[1:] for line in lines}


def common_form(kanji: str) -> str:
    """``kanji`` in its common form, or itself."""
    plain = unicodedata.normalize("NFKC", kanji)
    return _forms().get(plain, plain)
