"""Polyphones read by g2pW, a model that sees the whole sentence (Chen et al., Interspeech 2022), in its ONNX form.

The folder is the published ``G2PWModel_1.1`` (Apache-2.0): ``g2pW.onnx``, ``POLYPHONIC_CHARS.txt``,
``MONOPHONIC_CHARS.txt`` and ``bopomofo_to_pinyin_wo_tune_dict.json``; its tokens are those of the Chinese BERT, one for
each character. It was taught with traditional characters, so the sentence is converted first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import onnxruntime
import opencc
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoSuchFile,
    RuntimeException,
)

from myna.core.errors import BadCheckpoint, MissingAsset
from myna.text.zh.polyphone import MODEL, word_reading

FILES = (MODEL, "POLYPHONIC_CHARS.txt", "MONOPHONIC_CHARS.txt", "bopomofo_to_pinyin_wo_tune_dict.json")
CONTEXT = 16
"""Characters that the model sees on both sides of the outermost polyphones of a sentence."""
LEFT_OUT = frozenset("一不和咋嗲剖差攢倒難奔勁拗肖瘙誒泊听噢")
"""Polyphones that the published front end does not ask the model for: sandhi or phrases read them better."""
_NOT_FIXED = frozenset("似攢")
"""Characters with several readings that the model's table gives one only."""
_UNREADABLE = (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf, NoSuchFile, RuntimeException)
_LONGEST = 510
"""Characters that the model's BERT can see at once."""


class Session(Protocol):
    """The part of an ONNX session that is used."""

    def run(self, outputs: Sequence[str] | None, feed: Mapping[str, Any]) -> Sequence[Any]:
        """The named outputs, all of them for None."""
        ...


class G2pw:
    """Reads sentences: called with some, it gives the pinyin of each of their characters; marks stay themselves."""

    def __init__(self, folder: Path, bert: Path, session: Session | None = None) -> None:
        """``bert``: a folder with ``vocab.txt`` or ``tokenizer.json``; ``session``: the model, loaded already.

        Raises `MissingAsset` that names the files that are missing.
        """
        missing = [name for name in FILES if not (session and name == MODEL) and not (folder / name).is_file()]
        if missing:
            raise MissingAsset(f"the g2pW model in {folder} lacks {', '.join(missing)}")
        polyphones = _table(folder / "POLYPHONIC_CHARS.txt")
        self._labels = sorted({sound for _, sound in polyphones})
        self._letters = {letter: index for index, letter in enumerate(sorted({letter for letter, _ in polyphones}))}
        self._sounds: dict[str, list[int]] = {letter: [] for letter in self._letters}
        for letter, sound in polyphones:
            self._sounds[letter].append(self._labels.index(sound))
        self._asked = frozenset(self._letters) - LEFT_OUT
        fixed = _table(folder / "MONOPHONIC_CHARS.txt")
        self._fixed = {letter: sound for letter, sound in fixed if letter not in _NOT_FIXED}
        names = (folder / "bopomofo_to_pinyin_wo_tune_dict.json").read_text(encoding="utf-8")
        self._pinyin: dict[str, str] = json.loads(names)
        self._tokens = _tokens(bert)
        self._convert = opencc.OpenCC("s2tw").convert
        self._session: Session = session or _session(folder / MODEL)

    def __call__(self, sentences: Sequence[str]) -> list[list[str]]:
        """The pinyin (as hang2) of every character of every sentence."""
        return [self._read(sentence) for sentence in sentences]

    def _read(self, sentence: str) -> list[str]:
        read = list(word_reading(sentence))
        converted = self._converted(sentence)
        for place, letter in enumerate(converted):
            if letter in self._fixed and letter not in self._asked:
                read[place] = self._spelled(self._fixed[letter]) or read[place]
        asked = [place for place, letter in enumerate(converted) if letter in self._asked]
        for seen, places in _windows(asked, len(converted)):
            labels = self._labelled(converted[slice(*seen)], [place - seen[0] for place in places])
            for place, label in zip(places, labels, strict=True):
                read[place] = self._spelled(self._labels[label]) or read[place]
        return read

    def _converted(self, sentence: str) -> str:
        converted: str = self._convert(sentence)
        return converted if len(converted) == len(sentence) else sentence

    def _spelled(self, bopomofo: str) -> str:
        """``ㄒㄧㄥ2`` as ``xing2``; empty where the table has not the sound."""
        name = self._pinyin.get(bopomofo[:-1], "")
        return name + bopomofo[-1] if name else ""

    def _labelled(self, text: str, places: Sequence[int]) -> list[int]:
        """The label that the model gives to the characters of ``text`` at ``places``."""
        unknown = self._tokens["[UNK]"]
        tokens = [self._tokens["[CLS]"], *(self._tokens.get(letter, unknown) for letter in text), self._tokens["[SEP]"]]
        allowed = np.zeros((len(places), len(self._labels)), np.float32)
        for row, place in enumerate(places):
            allowed[row, self._sounds[text[place]]] = 1
        ids = np.array([tokens], np.int64)
        feed = {
            "input_ids": ids,
            "token_type_ids": np.zeros_like(ids),
            "attention_mask": np.ones_like(ids),
            "phoneme_mask": allowed,
            "char_ids": np.array([self._letters[text[place]] for place in places], np.int64),
            "position_ids": np.array([place + 1 for place in places], np.int64),
        }
        scores = np.asarray(self._session.run(None, feed)[0])
        if scores.shape != allowed.shape:
            raise BadCheckpoint(f"the g2pW model knows {scores.shape[-1]} sounds, its table {len(self._labels)}")
        return [int(label) for label in np.where(allowed > 0, scores, -np.inf).argmax(axis=1)]


def _windows(asked: Sequence[int], length: int) -> Iterator[tuple[tuple[int, int], Sequence[int]]]:
    """The part of a sentence that the model sees, [start, end), and the places in it that it is asked for.

    One, unless the sentence is longer than the model can see.
    """
    while asked:
        start = max(0, asked[0] - CONTEXT)
        here = [place for place in asked if place < start + _LONGEST - CONTEXT]
        end = min(length, here[-1] + CONTEXT + 1)
        yield (start, end), here
        asked = asked[len(here) :]


def _tokens(bert: Path) -> dict[str, int]:
    """The tokens of a BERT by its folder."""
    if (bert / "vocab.txt").is_file():
        listed = (bert / "vocab.txt").read_text(encoding="utf-8").splitlines()
        return {token: index for index, token in enumerate(listed)}
    if (bert / "tokenizer.json").is_file():
        tokenizer = json.loads((bert / "tokenizer.json").read_text(encoding="utf-8"))
        found: dict[str, int] = tokenizer["model"]["vocab"]
        return found
    raise MissingAsset(f"g2pW needs vocab.txt or tokenizer.json of the Chinese BERT in {bert}")


def _table(path: Path) -> list[tuple[str, str]]:
    """Lines of a character and a sound, separated by a tab."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return [(row[0], row[1]) for row in rows]


def _session(path: Path) -> Session:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    try:
        return cast(Session, onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]))
    except _UNREADABLE as error:
        raise BadCheckpoint(f"{path} is no ONNX model that can be run: {str(error).splitlines()[0]}") from None
