"""Chinese characters to phones: words, readings, tones as they are spoken, initials and finals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from myna.text.symbols import PUNCTUATION
from myna.text.zh import lexicon
from myna.text.zh.merging import merged
from myna.text.zh.pinyin import phones
from myna.text.zh.polyphone import SentenceReader, corrected, phrase_reading, word_reading
from myna.text.zh.tone_sandhi import spoken, with_er

_SENTENCE = re.compile(r"[^!?…,.\-]*[!?…,.\-]|[^!?…,.\-]+$")


@dataclass(frozen=True)
class Said:
    """A word and the phones of each of its characters; a mark is a word with itself for its phone."""

    word: str
    phones: tuple[tuple[str, ...], ...]


def say(
    text: str, *, has_erhua: bool = True, reader: SentenceReader | None = None, official: bool = False
) -> list[Said]:
    """The words of ``text`` (Chinese characters and the marks of `PUNCTUATION` only), which they make up when joined.

    ``has_erhua``: 儿 after a syllable takes its tone. ``reader``: a model that reads polyphones by the whole sentence.
    ``official``: with the misreadings of the official program.
    """
    sentences = _SENTENCE.findall(text)
    readings: Sequence[Sequence[str] | None] = reader(sentences) if reader and sentences else [None] * len(sentences)
    return [
        word
        for sentence, reading in zip(sentences, readings, strict=True)
        for word in _sentence(sentence, reading, has_erhua=has_erhua, official=official)
    ]


def _sentence(sentence: str, reading: Sequence[str] | None, *, has_erhua: bool, official: bool) -> list[Said]:
    words = merged(lexicon.cut(sentence, exactly=official), official=official)
    read_alone = phrase_reading if official else word_reading
    last = max((index for index, (word, _) in enumerate(words) if word not in PUNCTUATION), default=-1)
    result: list[Said] = []
    start = 0
    for index, (word, tag) in enumerate(words):
        end = start + len(word)
        if word in PUNCTUATION:
            result.append(Said(word, ((word,),)))
        else:
            read = read_alone(word) if reading is None else corrected(word, reading[start:end], official=official)
            tones = spoken(word, tag, read, is_last=index == last, official=official)
            tones = with_er(word, tag, tones) if has_erhua else tones
            result.append(Said(word, tuple(map(_sounds, tones))))
        start = end
    return result


def _sounds(reading: str) -> tuple[str, ...]:
    return (reading,) if reading in PUNCTUATION else phones(reading)
