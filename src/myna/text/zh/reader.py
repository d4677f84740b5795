"""Chinese text to phones: an initial and a final with its tone for each character, tones as they are spoken.

Facts of the official GPT-SoVITS front end (MIT): marks, pauses, phones per character. Its misreadings are mended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from myna.text.phonemes import Phonemes, Span
from myna.text.symbols import PUNCTUATION, symbols
from myna.text.zh import g2p, polyphone
from myna.text.zh.normalize import spoken
from myna.text.zh.pinyin import phones as phones_of_pinyin

WITHOUT_ERHUA = ("v1",)
"""Symbol tables whose models were trained with 儿 in its own tone."""

_PAUSES = {"￥": "SP2", "^": "SP3"}
"""Signs that are long pauses; in the normalised text they stand as commas."""
_SAID_AS = str.maketrans("：:；;，。！？·、~￥^嗯呣", ",,,,,.!?,,…,,恩母")


def read(text: str) -> Phonemes:
    """``text`` as phones. Latin letters and other scripts have none here and are left out."""
    return read_for(text, "v2")


def read_for(text: str, table: str) -> Phonemes:
    """``text`` as phones for the models of a symbol table."""
    letters, spans, pauses = _letters(text)
    said = g2p.say("".join(letters), has_erhua=table not in WITHOUT_ERHUA, reader=polyphone.sentence_reader())
    return phonemes(text, said, spans, pauses)


def phonemes(text: str, said: Sequence[g2p.Said], spans: Sequence[Span], pauses: Mapping[int, str]) -> Phonemes:
    """What is said of ``text``: ``spans`` has the place of each character in it, ``pauses`` another phone for some."""
    phones: list[str] = []
    places: list[Span] = []
    word2ph: list[int] = []
    words: list[tuple[Span, int, int]] = []
    for word in said:
        first, start = len(phones), len(word2ph)
        for sounds in word.phones:
            place = len(word2ph)
            phones += [pauses.get(place, sound) for sound in sounds]
            places += [spans[place]] * len(sounds)
            word2ph.append(len(sounds))
        if word.word not in PUNCTUATION:
            words.append(((spans[start][0], spans[len(word2ph) - 1][1]), first, len(phones)))
    found = [(text[start:end], first, last) for (start, end), first, last in _apart(words)]
    return Phonemes(phones, word2ph, "".join(word.word for word in said), found, places)


def syllable(pinyin: str) -> list[str] | None:
    """The phones of a syllable in pinyin with its tone (hang2); None where there is no such syllable."""
    phones = phones_of_pinyin(pinyin)
    return list(phones) if phones and set(phones) <= set(symbols("v1")) else None


def _letters(text: str) -> tuple[list[str], list[Span], dict[int, str]]:
    """The characters that are read and the marks, the place of each in ``text``, and the long pauses among them."""
    normal = spoken(text)
    letters: list[str] = []
    spans: list[Span] = []
    pauses: dict[int, str] = {}
    for match in re.finditer(r"\.\.\.|.", normal.text, re.DOTALL):
        letter = "…" if match[0] == "..." else match[0].translate(_SAID_AS)
        if letter in PUNCTUATION:
            if letters and letters[-1] in PUNCTUATION:
                continue
            if match[0] in _PAUSES:
                pauses[len(letters)] = _PAUSES[match[0]]
        elif not polyphone.is_readable(letter):
            letter = text[slice(*normal.spans[match.start()])]  # before it was simplified
            if len(letter) != 1 or not polyphone.is_readable(letter):
                continue
        letters.append(letter)
        spans.append((normal.spans[match.start()][0], normal.spans[match.end() - 1][1]))
    return letters, spans, pauses


def _apart(words: list[tuple[Span, int, int]]) -> list[tuple[Span, int, int]]:
    """Words whose places in the source overlap (the parts of 500元) as one."""
    result: list[tuple[Span, int, int]] = []
    for (start, end), first, last in words:
        if result and start < result[-1][0][1]:
            (begun, ended), begin, _ = result[-1]
            result[-1] = ((begun, max(ended, end)), begin, last)
        else:
            result.append(((start, end), first, last))
    return result
