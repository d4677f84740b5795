"""How the characters of a word are read: by pypinyin's phrases, or by a model of polyphones where one is in use."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock

from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

from myna.core.errors import MissingExtra
from myna.text.zh.lists import readings

SentenceReader = Callable[[Sequence[str]], Sequence[Sequence[str]]]
"""Sentences to the pinyin (as hang2) of each of their characters; marks are read as themselves."""

MODEL = "g2pW.onnx"
"""The file of the g2pW model in its folder."""
_PINYIN = re.compile("[a-zêü]+[1-5](?: [a-zêü]+[1-5])*")


def is_readable(letter: str) -> bool:
    """Whether a character has a reading."""
    return ord(letter) in PINYIN_DICT or letter in readings("rare")


def word_reading(word: str) -> tuple[str, ...]:
    """The pinyin of each character of a word, by itself: phrases first, then the commonest of a character's readings.

    A mark is read as itself.
    """
    return readings("readings").get(word) or phrase_reading(word)


@lru_cache(maxsize=65536)
def phrase_reading(word: str) -> tuple[str, ...]:
    """`word_reading` as pypinyin has it, wrong or not."""
    spoken = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True)
    if len(spoken) != len(word):
        spoken = [one for letter in word for one in lazy_pinyin(letter, style=Style.TONE3, neutral_tone_with_five=True)]
    return tuple(_reading(letter, found) for letter, found in zip(word, spoken, strict=True))


def _reading(letter: str, found: str) -> str:
    return found if _PINYIN.fullmatch(found) else " ".join(readings("rare").get(letter, (letter,)))


def corrected(word: str, spoken: Sequence[str], *, official: bool = False) -> tuple[str, ...]:
    """What a model of polyphones said for a word, overruled by the phrases that are known for certain.

    ``official``: as the official program has them, wrong or not. (Of pypinyin's 47,111 phrases it trusts the model with
    2,090, most of them names of things with 儿 or a neutral syllable; here they are read as phrases.)
    """
    sure = readings("after_model")
    if official:
        sure = readings("official_after_model") | sure
    if word in sure:
        return sure[word]
    if word in PHRASES_DICT or (word in readings("readings") and not official):
        return phrase_reading(word) if official else word_reading(word)
    return tuple(
        sure[letter][0] if letter in sure else said if _PINYIN.fullmatch(said) else word_reading(letter)[0]
        for letter, said in zip(word, spoken, strict=True)
    )


@dataclass
class _Chosen:
    """How polyphones are read in this process; the model is loaded on first use."""

    reader: SentenceReader | None = None
    folder: Path | None = None
    bert: Path | None = None
    lock: Lock = field(default_factory=Lock)


_CHOSEN = _Chosen()
G2PW = "g2pW"
PHRASES = "pypinyin phrases"


def use_reader(reader: SentenceReader | None) -> None:
    """From now on ``reader`` reads the polyphones, or pypinyin's phrases for None."""
    with _CHOSEN.lock:
        _CHOSEN.reader, _CHOSEN.folder, _CHOSEN.bert = reader, None, None


def use_model(folder: Path, bert: Path) -> str:
    """From now on the g2pW model in ``folder`` reads the polyphones if it is there, else pypinyin's phrases.

    ``bert`` is the folder of a Chinese BERT, for its list of tokens. Returns what is in use, as `in_use`.
    """
    with _CHOSEN.lock:
        is_there = (folder / MODEL).is_file()
        _CHOSEN.reader, _CHOSEN.folder, _CHOSEN.bert = None, folder if is_there else None, bert
    return in_use()


def in_use() -> str:
    """What reads polyphones: "g2pW" or "pypinyin phrases"."""
    return G2PW if _CHOSEN.reader or _CHOSEN.folder else PHRASES


def sentence_reader() -> SentenceReader | None:
    """The model of polyphones in use, loaded now; None where pypinyin's phrases decide.

    Raises `MissingExtra` where the model is there but not what runs it, `MissingAsset` where it lacks a file.
    """
    with _CHOSEN.lock:
        if _CHOSEN.reader is None and _CHOSEN.folder and _CHOSEN.bert:
            try:
                model = importlib.import_module("myna.text.zh.g2pw")
            except ModuleNotFoundError as error:
                what = f"the g2pW model in {_CHOSEN.folder} needs {error.name}"
                raise MissingExtra(f"{what}; install it with: pip install 'myna[g2pw]'") from None
            _CHOSEN.reader = model.G2pw(_CHOSEN.folder, _CHOSEN.bert)
        return _CHOSEN.reader
