"""What a coda and the onset after it become: the regular sound changes of standard Korean.

Source: the standard pronunciation rules (표준 발음법), articles 9 to 20 and 23 to 25.
"""

from __future__ import annotations

from functools import cache

PLAIN_TO_TENSE = {"ㄱ": "ㄲ", "ㄷ": "ㄸ", "ㅂ": "ㅃ", "ㅅ": "ㅆ", "ㅈ": "ㅉ"}
_ASPIRATED = {"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅂ": "ㅍ", "ㅈ": "ㅊ"}
_NASAL = {"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"}

_ALONE = {
    "ㄲ": "ㄱ", "ㄳ": "ㄱ", "ㄺ": "ㄱ", "ㅋ": "ㄱ", "ㄵ": "ㄴ", "ㄶ": "ㄴ", "ㅅ": "ㄷ", "ㅆ": "ㄷ", "ㅈ": "ㄷ",
    "ㅊ": "ㄷ", "ㅌ": "ㄷ", "ㅎ": "ㄷ", "ㄼ": "ㄹ", "ㄽ": "ㄹ", "ㄾ": "ㄹ", "ㅀ": "ㄹ", "ㄻ": "ㅁ", "ㄿ": "ㅂ",
    "ㅄ": "ㅂ", "ㅍ": "ㅂ",
}  # fmt: skip
_LINKED = {
    "ㄳ": ("ㄱ", "ㅆ"), "ㄵ": ("ㄴ", "ㅈ"), "ㄺ": ("ㄹ", "ㄱ"), "ㄻ": ("ㄹ", "ㅁ"), "ㄼ": ("ㄹ", "ㅂ"),
    "ㄽ": ("ㄹ", "ㅆ"), "ㄾ": ("ㄹ", "ㅌ"), "ㄿ": ("ㄹ", "ㅍ"), "ㅄ": ("ㅂ", "ㅆ"), "ㅎ": ("", "ㅇ"),
    "ㄶ": ("", "ㄴ"), "ㅀ": ("", "ㄹ"), "ㅇ": ("ㅇ", "ㅇ"), "": ("", "ㅇ"),
}  # fmt: skip
_BEFORE_H = {
    "ㄱ": ("", "ㅋ"), "ㄲ": ("", "ㅋ"), "ㄳ": ("", "ㅋ"), "ㅋ": ("", "ㅋ"), "ㄺ": ("ㄹ", "ㅋ"), "ㅂ": ("", "ㅍ"),
    "ㅍ": ("", "ㅍ"), "ㄼ": ("ㄹ", "ㅍ"), "ㄿ": ("ㅂ", "ㅍ"), "ㅄ": ("ㅂ", "ㅍ"), "ㄷ": ("", "ㅌ"), "ㅅ": ("", "ㅌ"),
    "ㅆ": ("", "ㅌ"), "ㅊ": ("", "ㅌ"), "ㅌ": ("", "ㅌ"), "ㅈ": ("", "ㅊ"), "ㄵ": ("ㄴ", "ㅊ"), "ㅎ": ("", "ㅎ"),
}  # fmt: skip
_HARDENS = frozenset("ㄼㄽ")
"""Clusters said as ㄹ that still harden what follows."""


def alone(coda: str) -> str:
    """``coda`` at the end of a word or before a mark (articles 9 to 11)."""
    return _ALONE.get(coda, coda)


def linked(coda: str) -> tuple[str, str]:
    """What stays of ``coda``, and the onset that it gives a syllable without one (articles 13 and 14)."""
    return _LINKED.get(coda, ("", coda))


@cache
def meet(coda: str, onset: str) -> tuple[str, str]:
    """``coda`` and ``onset`` (not ㅇ) as said, whether or not a space stands between them."""
    if coda in ("ㅎ", "ㄶ", "ㅀ") and onset in "ㄱㄷㅈㅅ":
        rest = {"ㅎ": "", "ㄶ": "ㄴ", "ㅀ": "ㄹ"}[coda]
        return rest, _ASPIRATED.get(onset, PLAIN_TO_TENSE[onset])
    if onset == "ㅎ" and coda in _BEFORE_H:
        return _BEFORE_H[coda]
    if coda == "ㅎ" and onset != "ㄴ":
        return "", onset
    said = "ㄱ" if coda == "ㄺ" else alone(coda)
    if said in _NASAL and onset in "ㄴㅁㄹ":
        return _NASAL[said], "ㄴ" if onset == "ㄹ" else onset
    if (onset == "ㄴ" and said == "ㄹ") or (onset == "ㄹ" and said == "ㄴ"):
        return "ㄹ", "ㄹ"
    if onset == "ㄹ" and said in ("ㅁ", "ㅇ"):
        return said, "ㄴ"
    if said in _NASAL or coda in _HARDENS:
        return said, PLAIN_TO_TENSE.get(onset, onset)
    return said, onset
