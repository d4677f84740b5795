"""Pinyin to phones, as the published acoustic models were trained: a syllable is an initial and a final with its tone.

The rules give the list of syllables of the Opencpop data set and all that are spelled in the same way.
"""

from __future__ import annotations

import re
from functools import cache

_SYLLABLE = re.compile(r"([zcs]h|[bpmfdtnlgkhjqxrzcsyw])?([a-zê]+)([1-5])")
_WITHOUT_INITIAL = {"a": "AA", "e": "EE", "o": "OO"}
_ROUNDED = {"u": "v", "ue": "ve", "uan": "van", "un": "vn", "v": "v", "ve": "ve", "van": "van", "vn": "vn"}
_AFTER_Y = {**_ROUNDED, "an": "En", "e": "E"}
_LONG = {"uei": "ui", "iou": "iu", "uen": "un", "ue": "ve"}
_SPECIAL = {
    "m": ("m", "u"),
    "n": ("EE", "en"),
    "ng": ("EE", "en"),
    "hm": ("h", "en"),
    "hng": ("h", "eng"),
    "ê": ("EE", "ei"),
    "yo": ("OO", "o"),
}
"""Interjections: yo as the models were trained, those without a vowel by the nearest syllable that has one."""


@cache
def phones(syllables: str) -> tuple[str, ...]:
    """``zhuang1`` as ("zh", "uang1"). A character with two syllables ("shi2 ke4") has four phones; what is no pinyin
    with a tone has none.
    """
    return tuple(phone for syllable in syllables.split() for phone in _pair(syllable))


def _pair(syllable: str) -> tuple[str, ...]:
    match = _SYLLABLE.fullmatch(syllable.replace("ü", "v").replace("u:", "v"))
    if not match:
        bare, tone = syllable[:-1], syllable[-1:]
        return _toned(_SPECIAL[bare], tone) if bare in _SPECIAL and tone in "12345" else ()
    initial, final, tone = match.groups()
    if not initial:
        if final == "ê" or (final[0] not in _WITHOUT_INITIAL):
            return _toned(_SPECIAL[final], tone) if final in _SPECIAL else ()
        return _toned((_WITHOUT_INITIAL[final[0]], final), tone)
    if initial + final in _SPECIAL:
        return _toned(_SPECIAL[initial + final], tone)
    return _toned((initial, _final(initial, final)), tone)


def _final(initial: str, final: str) -> str:
    if initial == "y":
        return _AFTER_Y.get(final, final)
    if initial in "jqx":
        return _ROUNDED.get(final, final)
    if final == "i" and initial in ("zh", "ch", "sh", "r"):
        return "ir"
    if final == "i" and initial in "zcs":
        return "i0"
    return _LONG.get(final, final)


def _toned(pair: tuple[str, str], tone: str) -> tuple[str, str]:
    return pair[0], pair[1] + tone
