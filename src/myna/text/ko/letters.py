"""Lone consonants, as chats have them: laughter, abbreviations and names of letters."""

from __future__ import annotations

import re

_NAMED = "기역 니은 디귿 리을 미음 비읍 시옷 이응 지읒 치읓 키읔 티읕 피읖 히읗".split()
_NAMES = dict(zip("ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ", _NAMED, strict=True))
_DOUBLED = dict(zip("ㄲㄸㅃㅆㅉ", "ㄱㄷㅂㅅㅈ", strict=True))
_LAUGHTER = {"ㅋ": "크", "ㅎ": "흐"}
_ABBREVIATIONS = {
    "ㅇㅇ": "응응", "ㅇㅋ": "오케이", "ㄱㄱ": "고고", "ㄴㄴ": "노노", "ㄷㄷ": "덜덜", "ㄱㅅ": "감사", "ㅈㅅ": "죄송",
    "ㅊㅋ": "축하", "ㅎㅇ": "하이", "ㅂㅂ": "바이바이", "ㅂㅇ": "바이", "ㅅㄱ": "수고", "ㄹㅇ": "레알",
    "ㅇㅈ": "인정",
}  # fmt: skip
_ONE_OR_LAUGHTER = re.compile("[ㅋㅎ]{2,}|[ㅋㅎ]$|.")


def said_letters(letters: str) -> str:
    """A run of consonants as it is read aloud: ㅋㅋ is 크크, ㅇㅋ 오케이, ㄱ alone 기역."""
    known = _ABBREVIATIONS.get(letters)
    if known is not None:
        return known
    is_one = len(letters) == 1
    return "".join(_letter(match[0], is_one) for match in _ONE_OR_LAUGHTER.finditer(letters))


def _letter(run: str, is_one: bool) -> str:
    if run[0] in _LAUGHTER and not is_one:
        return _LAUGHTER[run[0]] * len(run) if len(set(run)) == 1 else "".join(_LAUGHTER[letter] for letter in run)
    doubled = _DOUBLED.get(run)
    if doubled:
        return f"쌍{_NAMES[doubled]}"
    return _NAMES.get(run, "")
