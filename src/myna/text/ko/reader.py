"""Korean text to the jamo of the v2 table.

Spelling is folded, Chinese characters get Hangul, numbers and signs words; then words whose sound the spelling does not
tell are respelled, the sound changes applied, and syllables taken apart.
"""

from __future__ import annotations

import re
from itertools import groupby

from myna.text.ko.hanja import in_hangul
from myna.text.ko.morphemes import Morpheme, morphemes
from myna.text.ko.respelling import Word, number_sound, respelled
from myna.text.ko.sounds import PAUSE, SPACE, Sound, say
from myna.text.ko.syllables import VOWELS, decompose
from myna.text.ko.verbalize import Piece, verbalize
from myna.text.ko.written import BRACKETS, Written, fold
from myna.text.phonemes import Phonemes, Span
from myna.text.symbols import PUNCTUATION

_MARKS = {" ": SPACE, "\n": ".", "·": ",", ":": ",", ";": ",", "/": ",", "|": ","}
_MARKS |= {mark: mark for mark in PUNCTUATION} | dict.fromkeys(BRACKETS, PAUSE)
_LETTER_NAME = re.compile("디귿|지읒|치읓|키읔|티읕|피읖|히읗")


def read(text: str) -> Phonemes:
    """``text`` as phones; a text without anything to speak gives punctuation alone."""
    written = in_hangul(fold(text))
    tagged = morphemes(written.text)
    pieces = verbalize(written.text, tagged)
    sounds, owners = _sounds(pieces, tagged)
    if not any(sound.syllable or sound.mark in VOWELS for sound in sounds):
        marks = [sound.mark for sound in sounds if sound.mark in PUNCTUATION]
        return Phonemes(marks, None, "".join(marks))
    ends_bare = sounds[-1].syllable is not None or sounds[-1].mark in VOWELS
    said = [(phone, owner) for owner, phones in zip(owners, say(sounds), strict=True) for phone in phones]
    spans = [_source(written, pieces[owner]) for _, owner in said]
    words = _words(text, pieces, [owner for _, owner in said], spans)
    phones = [phone for phone, _ in said]
    if ends_bare:
        phones.append(".")
        spans.append((spans[-1][1], spans[-1][1]))
    norm_text = "".join(piece.words for piece in pieces if _is_spoken(piece) or piece.words in _MARKS)
    return Phonemes(phones, None, norm_text, words, spans)


def _sounds(pieces: list[Piece], tagged: list[Morpheme]) -> tuple[list[Sound], list[int]]:
    """Every syllable and mark of ``pieces``, with the index of its piece."""
    spoken = "".join(piece.words for piece in pieces)
    owners = [index for index, piece in enumerate(pieces) for _ in piece.words]
    plain = {pieces[owner].start: place for place, owner in enumerate(owners) if _is_plain(pieces[owner])}
    words = [
        Word(plain[found.start], plain[found.end - 1] + 1, found.tags)
        for found in tagged
        if found.start in plain and found.end - 1 in plain
    ]
    words += _multiple(pieces)
    said = respelled("".join(piece.words if _is_plain(piece) else number_sound(piece.words) for piece in pieces), words)
    ends = {word.end - 1: word.tags[-1] for word in words}
    names = {match.end() - 1 for match in _LETTER_NAME.finditer(spoken)}
    sounds: list[Sound] = []
    kept: list[int] = []
    for place, character in enumerate(said):
        syllable = decompose(character)
        mark = "" if syllable else character if character in VOWELS else _MARKS.get(character, "")
        if syllable or mark:
            tag = ends.get(place, "")
            sounds.append(Sound(syllable, mark, tag.startswith("V"), tag.startswith("E"), place in names))
            kept.append(owners[place])
    return sounds, kept


def _multiple(pieces: list[Piece]) -> list[Word]:
    """The pieces that are whole words, such as numbers, by their place in the spoken text."""
    result = []
    place = 0
    for piece in pieces:
        if not _is_plain(piece):
            result.append(Word(place, place + len(piece.words), ("SN",)))
        place += len(piece.words)
    return result


def _is_plain(piece: Piece) -> bool:
    """Whether a piece is a character as it is written."""
    return piece.end - piece.start == 1 and len(piece.words) == 1


def _source(written: Written, piece: Piece) -> Span:
    return written.spans[piece.start][0], written.spans[piece.end - 1][1]


def _words(text: str, pieces: list[Piece], owners: list[int], spans: list[Span]) -> list[tuple[str, int, int]]:
    """The words of the source between spaces and marks, with their phones."""
    result = []
    for is_word, group in groupby(range(len(owners)), lambda place: _is_spoken(pieces[owners[place]])):
        if is_word:
            places = list(group)
            result.append((text[spans[places[0]][0] : spans[places[-1]][1]], places[0], places[-1] + 1))
    return result


def _is_spoken(piece: Piece) -> bool:
    return any("가" <= character <= "힣" or character in VOWELS for character in piece.words)
