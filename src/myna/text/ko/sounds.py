"""Spelled syllables to phones: the sound changes of standard Korean, then jamo.

Order and extent of the changes are those of the official GPT-SoVITS front end (g2pk2), as facts; where its rules
fire in the wrong place (늦은, 밟아, 묻혀, 을 라디오) they are mended. Articles are those of the standard
pronunciation rules.
"""

from __future__ import annotations

from dataclasses import dataclass

from myna.text.ko.meeting import PLAIN_TO_TENSE, alone, linked, meet
from myna.text.ko.syllables import Syllable

SPACE = "空"
PAUSE = "停"

SPLIT_VOWELS = {
    "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ", "ㅑ": "ㅣㅏ",
    "ㅒ": "ㅣㅐ", "ㅕ": "ㅣㅓ", "ㅖ": "ㅣㅔ", "ㅛ": "ㅣㅗ", "ㅠ": "ㅣㅜ",
}  # fmt: skip
_STEM_CODAS = {"ㄴ": "ㄴ", "ㄵ": "ㄴ", "ㅁ": "ㅁ", "ㄻ": "ㅁ", "ㄼ": "ㄹ", "ㄾ": "ㄹ"}
_LETTER_NAMES = {
    ("ㅇ", "ㅡ", "ㅈ"): "ㅅ", ("ㅇ", "ㅡ", "ㅊ"): "ㅅ", ("ㅇ", "ㅡ", "ㅋ"): "ㄱ",
    ("ㅇ", "ㅡ", "ㅌ"): "ㅅ", ("ㅇ", "ㅡ", "ㅍ"): "ㅂ", ("ㅇ", "ㅡ", "ㅎ"): "ㅅ", ("ㄱ", "ㅡ", "ㄷ"): "ㅅ",
}  # fmt: skip
"""Endings of the names of letters with the onset they give (article 16): 디귿이 is 디그시."""


@dataclass(slots=True)
class Sound:
    """One syllable or one mark.

    ``mark`` is a phone or a lone vowel that is said as it is ("" for a syllable). A stem is a verb's last syllable, an
    ending that of a verbal ending (기다릴 of 기다릴 것), a letter name the last of a name (귿 of 디귿).
    """

    syllable: Syllable | None
    mark: str = ""
    is_stem: bool = False
    is_ending: bool = False
    is_letter_name: bool = False


def say(sounds: list[Sound]) -> list[list[str]]:
    """The phones of each of ``sounds``; changes their syllables."""
    onsets = [sound.syllable.onset if sound.syllable else "" for sound in sounds]
    for sound in sounds:
        if sound.syllable and sound.syllable.vowel == "ㅢ" and sound.syllable.onset != "ㅇ":
            sound.syllable.vowel = "ㅣ"
    for index, sound in enumerate(sounds):
        if sound.syllable and sound.syllable.coda:
            _meet_next(sounds, index)
    for index in range(len(sounds) - 2):
        _keep_n_after_object(sounds, onsets, index)
    return [_phones(sound) for sound in sounds]


def _meet_next(sounds: list[Sound], index: int) -> None:
    here = sounds[index]
    follower = index + 1
    is_apart = follower < len(sounds) and sounds[follower].mark == SPACE
    follower += is_apart
    there = sounds[follower].syllable if follower < len(sounds) else None
    if here.syllable is None:
        return
    if there is None or (is_apart and there.onset == "ㅇ"):
        here.syllable.coda = "ㅂ" if _is_trodden(here.syllable) else alone(here.syllable.coda)
    elif there.onset == "ㅇ":
        _link(here, there)
    else:
        _change(here, there, is_apart)


def _link(here: Sound, there: Syllable) -> None:
    """A coda before a syllable without onset moves over, changed by articles 16 and 17."""
    syllable = here.syllable
    if syllable is None:
        return
    name = _LETTER_NAMES.get((syllable.onset, syllable.vowel, syllable.coda)) if here.is_letter_name else None
    if name is not None:
        syllable.coda, there.onset = "", name
    elif syllable.coda in ("ㄷ", "ㅌ", "ㄾ") and there.vowel in "ㅣㅕ":
        there.onset = "ㅈ" if syllable.coda == "ㄷ" else "ㅊ"
        syllable.coda = "ㄹ" if syllable.coda == "ㄾ" else ""
    else:
        syllable.coda, there.onset = linked(syllable.coda)


def _change(here: Sound, there: Syllable, is_apart: bool) -> None:
    """A coda and an onset change each other; after stems and endings plain onsets harden (articles 24, 25, 27)."""
    syllable = here.syllable
    if syllable is None:
        return
    if there.onset == "ㅎ" and syllable.coda in ("ㄷ", "ㅈ") and is_apart == (syllable.coda == "ㅈ"):
        is_suffix = there.vowel == "ㅣ" or (there.vowel == "ㅕ" and there.coda in ("", "ㅆ"))
        syllable.coda, there.onset = "", "ㅌ" if is_apart or not is_suffix else "ㅊ"
        return
    if here.is_stem and not is_apart:
        if syllable.coda == "ㄺ" and there.onset in "ㄱㄲ":
            syllable.coda, there.onset = "ㄹ", "ㄲ"
            return
        if syllable.coda in _STEM_CODAS and there.onset in "ㄱㄷㅅㅈ" and not _is_trodden(syllable):
            syllable.coda, there.onset = _STEM_CODAS[syllable.coda], PLAIN_TO_TENSE[there.onset]
            if not _is_broad(syllable, there):
                return
    if here.is_ending and is_apart and syllable.coda == "ㄹ":
        there.onset = PLAIN_TO_TENSE.get(there.onset, there.onset)
    if (_is_trodden(syllable) and there.onset != "ㅎ") or _is_broad(syllable, there):
        syllable.coda = "ㅂ"
    syllable.coda, there.onset = meet(syllable.coda, there.onset)


def _is_trodden(syllable: Syllable) -> bool:
    """밟: said 밥 before a consonant and alone (article 10)."""
    return syllable.onset in "ㅂㅃ" and syllable.vowel == "ㅏ" and syllable.coda == "ㄼ"


def _is_broad(syllable: Syllable, there: Syllable) -> bool:
    """넓 of 넓죽하다 and 넓둥글다: said 넙 (article 10)."""
    is_stem = syllable.onset == "ㄴ" and syllable.vowel == "ㅓ" and syllable.coda == "ㄼ"
    return is_stem and there.onset in "ㅈㅉㄷㄸ" and there.vowel == "ㅜ"


def _keep_n_after_object(sounds: list[Sound], onsets: list[str], index: int) -> None:
    """An ㄴ stays an ㄴ after the particles 을 and 를, as the acoustic models were trained."""
    particle, there = sounds[index].syllable, sounds[index + 2].syllable
    if sounds[index + 1].mark != SPACE or particle is None or there is None:
        return
    is_particle = particle.onset in "ㅇㄹ" and particle.vowel == "ㅡ" and particle.coda == "ㄹ"
    if is_particle and there.onset == "ㄹ" and onsets[index + 2] == "ㄴ":
        there.onset = "ㄴ"


def _phones(sound: Sound) -> list[str]:
    if sound.syllable is None:
        return [*SPLIT_VOWELS.get(sound.mark, sound.mark)]
    onset, vowel, coda = sound.syllable.onset, sound.syllable.vowel, sound.syllable.coda
    if onset in "ㅈㅉㅊ" and vowel == "ㅕ":
        vowel = "ㅓ"
    return [onset, *SPLIT_VOWELS.get(vowel, vowel), *coda]
