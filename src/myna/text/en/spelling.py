"""Phones of words that stand in no dictionary: the spelling-to-sound network of g2p_en, forward pass in numpy.

A GRU reads the letters, a second GRU writes phones until it writes the end sign (g2p_en 2.1.0, Kyubyong Park and
Jongseok Kim, Apache-2.0; its weights are shipped in float16). Words are read in batches, because a text of strange
words would take long one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import as_file, files

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

MAX_LETTERS = 40
"""Letters read of one word; what follows is not spoken."""
MAX_PHONES = 40
_BATCH = 256
_LETTERS = ("<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz")
_START, _END = 2, 3
_PHONE_NAMES = (
    "AA0 AA1 AA2 AE0 AE1 AE2 AH0 AH1 AH2 AO0 AO1 AO2 AW0 AW1 AW2 AY0 AY1 AY2 B CH D DH EH0 EH1 EH2 ER0 ER1 ER2 "
    "EY0 EY1 EY2 F G HH IH0 IH1 IH2 IY0 IY1 IY2 JH K L M N NG OW0 OW1 OW2 OY0 OY1 OY2 P R S SH T TH UH0 UH1 UH2 "
    "- UW0 UW1 UW2 V W Y Z ZH"
)
_PHONES = (*(None,) * 4, *(None if name == "-" else name for name in _PHONE_NAMES.split()))
"""Output signs; None is never spoken (control signs, and an UW without stress that the symbol tables do not have)."""


class _Gru:
    """One layer, gates in the order reset, update, new; inputs are looked up, so their product is made once."""

    def __init__(self, weights: dict[str, Array], prefix: str) -> None:
        self.inputs = weights[f"{prefix}_emb"] @ weights[f"{prefix}_w_ih"].T + weights[f"{prefix}_b_ih"]
        self.recurrent = np.ascontiguousarray(weights[f"{prefix}_w_hh"].T)
        self.bias = weights[f"{prefix}_b_hh"]
        self.width = self.recurrent.shape[0]

    def step(self, ids: npt.NDArray[np.int64], hidden: Array) -> Array:
        """ids (B,), hidden (B, width) -> the next hidden (B, width)."""
        given = self.inputs[ids]
        carried = hidden @ self.recurrent + self.bias
        gates = 1 / (1 + np.exp(-(given[:, : 2 * self.width] + carried[:, : 2 * self.width])))
        reset, update = gates[:, : self.width], gates[:, self.width :]
        fresh = np.tanh(given[:, 2 * self.width :] + reset * carried[:, 2 * self.width :])
        result: Array = (1 - update) * fresh + update * hidden
        return result


class SpellingNetwork:
    """Letters to phones, by weights as in g2p_en's ``checkpoint20.npz``."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self._encoder = _Gru(weights, "enc")
        self._decoder = _Gru(weights, "dec")
        self._output = np.ascontiguousarray(weights["fc_w"].T)
        self._output_bias = weights["fc_b"]

    def read(self, words: Sequence[str]) -> list[list[str]]:
        """Phones of each word (lower-case letters; other characters count as unknown letters)."""
        order = sorted(range(len(words)), key=lambda index: len(words[index]))
        result: list[list[str]] = [[] for _ in words]
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            for index, phones in zip(batch, self._read_batch([words[index] for index in batch]), strict=True):
                result[index] = phones
        return result

    def _read_batch(self, words: Sequence[str]) -> list[list[str]]:
        ids = [[_letter_id(letter) for letter in word[:MAX_LETTERS]] + [_LETTERS.index("</s>")] for word in words]
        hidden = np.zeros((len(words), self._encoder.width), np.float32)
        for position in range(max(len(row) for row in ids)):
            column = np.array([row[position] if position < len(row) else 0 for row in ids])
            is_inside = np.array([position < len(row) for row in ids])[:, None]
            hidden = np.where(is_inside, self._encoder.step(column, hidden), hidden)
        last = np.full(len(words), _START)
        phones: list[list[str]] = [[] for _ in words]
        is_open = np.ones(len(words), bool)
        for _ in range(MAX_PHONES):
            hidden = self._decoder.step(last, hidden)
            last = (hidden @ self._output + self._output_bias).argmax(axis=1)
            is_open &= last != _END
            if not is_open.any():
                break
            for index in np.flatnonzero(is_open):
                phone = _PHONES[last[index]]
                if phone is not None:
                    phones[index].append(phone)
        return phones


def _letter_id(letter: str) -> int:
    return _LETTERS.index(letter) if "a" <= letter <= "z" else 1


@cache
def _network() -> SpellingNetwork:
    with as_file(files(__package__).joinpath("data/spelling_network.npz")) as path, np.load(path) as stored:
        return SpellingNetwork({key: stored[key].astype(np.float32) for key in stored.files})


_READ: dict[str, tuple[str, ...]] = {}
_MAX_REMEMBERED = 20_000


def spell_out(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Phones of every word in ``words`` (lower-case), remembered between calls."""
    wanted = set(words)
    result = {word: _READ[word] for word in wanted if word in _READ}
    new = sorted(wanted - result.keys())
    if new:
        if len(_READ) + len(new) > _MAX_REMEMBERED:
            _READ.clear()
        found = {word: tuple(phones) for word, phones in zip(new, _network().read(new), strict=True)}
        _READ.update(found)
        result.update(found)
    return result
