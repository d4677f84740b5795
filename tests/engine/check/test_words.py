"""Whether a clip says what its text says."""

from __future__ import annotations

import random

import numpy as np
import pytest

from myna.audio.io import decode
from myna.core.assets import bundled
from myna.engine.check.found import LOOK
from myna.engine.check.words import distance, word_findings
from myna.text.frontend import phonemize

RIGHT = (
    "You're about to enter an echo test. "
    "In this mode everything you say will be repeated back to you just as soon as it is received."
)
WRONG = "The quick brown fox jumps over the lazy dog near the river bank, and nobody seems to mind it at all."


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """What says the first sentences of the demo recording."""
    return decode(bundled("demo/recording.flac"), 16000).samples[: 8 * 16000]


def kinds(sound: np.ndarray, text: str, snr_db: float | None = 40.0) -> list[tuple[str, str, str]]:
    found = word_findings(sound, phonemize(text, "en").phones, snr_db)
    return [(each.kind, each.verdict, each.text.partition(" (")[0]) for each in found]


def test_the_right_words_are_right(sound: np.ndarray) -> None:
    assert kinds(sound, RIGHT) == []


def test_other_words_are_heard(sound: np.ndarray) -> None:
    assert kinds(sound, WRONG) == [("words", LOOK, "other words are heard than stand in the text")]
    assert kinds(sound, RIGHT.partition(". ")[0]) == kinds(sound, WRONG)


def test_a_part_of_the_words_is_not_heard(sound: np.ndarray) -> None:
    assert kinds(sound[: 5 * 16000], RIGHT) == [("words", LOOK, "less is heard than the text says")]


def test_where_there_is_noise_nothing_is_claimed(sound: np.ndarray) -> None:
    assert kinds(sound, WRONG, snr_db=10.0) == []
    assert kinds(sound, WRONG, snr_db=None) == []


def test_a_few_phones_tell_nothing(sound: np.ndarray) -> None:
    assert kinds(sound, "Hi.") == []


def test_distance() -> None:
    assert distance("kitten", "sitting") == 3
    assert distance("", "abc") == distance("abc", "") == 3
    assert distance("", "") == 0
    letters = random.Random(1)
    for _ in range(20):
        one, other = ("".join(letters.choices("abc", k=letters.randrange(9))) for _ in range(2))
        assert distance(one, other) == _slow(one, other)


def _slow(one: str, other: str) -> int:
    if not one or not other:
        return len(one) + len(other)
    same = _slow(one[1:], other[1:])
    return same if one[0] == other[0] else 1 + min(same, _slow(one[1:], other), _slow(one, other[1:]))
