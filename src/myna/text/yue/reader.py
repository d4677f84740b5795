"""Cantonese text to phones: an initial and a final with its tone for each character, by ToJyutping.

Facts of the official GPT-SoVITS front end (MIT): the Mandarin normaliser, simplified characters, marks, how a syllable
is split. Mended are its crashes (characters without a reading), its Mandarin number words, syllables that give UNK, and
characters that simplifying mixes up with others (隻 read as 只, 離 as 离).
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import ToJyutping

from myna.text.phonemes import Phonemes, Span
from myna.text.symbols import PUNCTUATION, symbols
from myna.text.zh.normalize import spoken

INITIALS = (
    "aa aai aak aap aat aau ai au ap at ak a p b e ts t dz d kw k gw g f h l m ng n s y w c z j "
    "ong on ou oi ok o uk ung"
).split()
"""Tried in this order. A vowel may be an initial: the phone table has Yaa, Yon and others for syllables without one."""
_MARKS = str.maketrans("：；;:，。！？\n·、$—～~", ",,,,,.!?.,,.---")
_SAID_OTHERWISE = {"幺": "一"}
"""Mandarin number words -> those of Cantonese."""
_SAME_CHARACTER = {ord("𠮷"): "吉"}
"""Forms that ToJyutping does not have."""
_NEAREST_FINALS = {"oet": "eot", "eu": "iu", "et": "it", "em": "im"}
"""Rare finals that the phone table lacks -> the nearest that it has."""
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
_SYLLABLE = re.compile("([a-z]+)([1-6])")
_READ_AT_ONCE = 2000
"""ToJyutping's time grows faster than its text."""


def read(text: str) -> Phonemes:
    """``text`` as phones; characters without a reading and other scripts are left out."""
    letters, originals, spans = _letters(text.translate(_SAME_CHARACTER))
    phones: list[str] = []
    word2ph: list[int] = []
    places: list[Span] = []
    kept: list[str] = []
    for letter, jyutping, span in zip(letters, _readings(letters, originals), spans, strict=True):
        said = [letter] if letter in PUNCTUATION else _phones(jyutping)
        if said:
            kept.append(letter)
            phones += said
            word2ph.append(len(said))
            places += [span] * len(said)
    return Phonemes(phones, word2ph, "".join(kept), spans=places)


def syllable(jyutping: str) -> list[str] | None:
    """The phones of a syllable in jyutping with its tone (hong4); None where there is no such syllable."""
    return _phones(jyutping) or None


def _letters(text: str) -> tuple[list[str], list[str], list[Span]]:
    """The characters and marks that are read, each as it stands in the source too (traditional), and its place."""
    normal = spoken(text)
    letters: list[str] = []
    originals: list[str] = []
    spans: list[Span] = []
    for match in re.finditer(r"\.\.\.|.", normal.text.translate(_MARKS), re.DOTALL):
        letter = "…" if match[0] == "..." else match[0]
        start, end = normal.spans[match.start()][0], normal.spans[match.end() - 1][1]
        source = text[start:end]
        if letter not in PUNCTUATION and not _HAN.match(letter):
            continue
        is_written = len(source) == 1 and _HAN.match(source) is not None
        letters.append(letter if is_written else _SAID_OTHERWISE.get(letter, letter))
        originals.append(unicodedata.normalize("NFC", source) if is_written else letters[-1])
        spans.append((start, end))
    return letters, originals, spans


def _readings(letters: list[str], originals: list[str]) -> list[str]:
    """The jyutping of each letter, "" for none: as the simplified text is read, unless that is another character's."""
    simple = readings("".join(letters))
    written = readings("".join(originals))
    return [
        official if official and (official == own or _is_reading_of(original, letter, official)) else own
        for letter, original, official, own in zip(letters, originals, simple, written, strict=True)
    ]


def readings(text: str) -> list[str]:
    """The jyutping of each character, "" for one without."""
    found = []
    start = 0
    while start < len(text):
        end = _end_of_stretch(text, start)
        found += [reading or "" for _, reading in ToJyutping.get_jyutping_list(text[start:end])]
        start = end
    return found


def _end_of_stretch(text: str, start: int) -> int:
    """Where to stop: after the last mark within reach, so that no word is cut."""
    end = start + _READ_AT_ONCE
    if end >= len(text):
        return len(text)
    marks = [place for place in range(end - 1, start, -1) if text[place] in PUNCTUATION]
    return marks[0] + 1 if marks else end


@cache
def _is_reading_of(original: str, simple: str, jyutping: str) -> bool:
    """Whether ``jyutping``, found for a simplified character, may be said for the ``original`` one.

    It may not where the simplified form is a traditional character of its own (里 for 裡, 几 for 幾).
    """
    if original == simple:
        return True
    candidates = ToJyutping.get_jyutping_candidates(original)[0][1]
    return jyutping in candidates and not _is_traditional(simple)


def _is_traditional(character: str) -> bool:
    try:
        character.encode("big5")
    except UnicodeEncodeError:
        return False
    return True


@cache
def _phones(jyutping: str) -> list[str]:
    """The phones of one or more syllables (卅 has two)."""
    return [phone for one in jyutping.split() for phone in _split(one)]


def _split(spelled: str) -> list[str]:
    match = _SYLLABLE.fullmatch(spelled)
    if match is None:
        return []
    sound, tone = match[1], match[2]
    known = set(symbols("v2"))
    for said in (sound, f"ng{sound}", *_with_nearest_final(sound)):
        phones = _initial_and_final(said, tone)
        if phones and known.issuperset(phones):
            return phones
    return ["Yh", "Yng", f"Yg{tone}"] if sound == "hng" else []


def _with_nearest_final(sound: str) -> list[str]:
    return [sound.removesuffix(rare) + near for rare, near in _NEAREST_FINALS.items() if sound.endswith(rare)]


def _initial_and_final(sound: str, tone: str) -> list[str]:
    initial = "ng" if sound.startswith("nga") else next((one for one in INITIALS if sound.startswith(one)), "")
    if not initial:
        return []
    final = sound.removeprefix(initial) or initial[-1]
    return [f"Y{initial}", f"Y{final}{tone}"]
