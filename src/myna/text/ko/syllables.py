"""Hangul syllables as onset, vowel and coda (Unicode, chapter 3.12), written with the letters of the phone table."""

from __future__ import annotations

from dataclasses import dataclass

ONSETS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
CODAS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")

_FIRST = 0xAC00


@dataclass(slots=True)
class Syllable:
    """One syllable; ``coda`` is "" where there is none."""

    onset: str
    vowel: str
    coda: str = ""


def decompose(character: str) -> Syllable | None:
    """The parts of a composed syllable; None for any other character."""
    if not "가" <= character <= "힣":
        return None
    onset, rest = divmod(ord(character) - _FIRST, len(VOWELS) * len(CODAS))
    vowel, coda = divmod(rest, len(CODAS))
    return Syllable(ONSETS[onset], VOWELS[vowel], CODAS[coda])


def compose(onset: str, vowel: str, coda: str = "") -> str:
    """The composed syllable of an onset ("ㅇ" for none), a vowel and a coda ("" for none)."""
    place = (ONSETS.index(onset) * len(VOWELS) + VOWELS.index(vowel)) * len(CODAS) + CODAS.index(coda)
    return chr(_FIRST + place)
