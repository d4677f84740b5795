"""Where the characters of pieces stand in the text they were cut from."""

from __future__ import annotations

import time
from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.text.cut import METHODS, presegment
from myna.text.places import placed, places, reach

TEXTS = st.text(st.one_of(st.sampled_from("我们a b1_,.。，!？…—\n\t “”()-"), st.characters(codec=None)), max_size=80)


@given(TEXTS, st.sampled_from(sorted(METHODS)), st.sampled_from(["en", "zh"]))
@settings(max_examples=200, deadline=None)
def test_letters_and_digits_are_found_and_places_never_go_back(text: str, method: str, language: str) -> None:
    pieces = presegment(text, method, language)
    found = places(pieces, text)
    assert [len(spans) for spans in found] == list(map(len, pieces))
    for char, (start, end) in zip(chain(*pieces), chain(*found), strict=True):
        if char.isalnum():
            assert text[start:end] == char
        elif start < end:
            assert text[start] == char or (char.isspace() and text[start].isspace())
    for first, second in pairwise(chain(*found)):
        assert first[1] <= second[0]


def test_marks_that_were_added_have_an_empty_place() -> None:
    text = "Yes,\n no  more"
    (first, second) = places([".Yes,", "no more."], text)
    assert first == [(0, 0), (0, 1), (1, 2), (2, 3), (3, 4)]
    assert [text[start:end] for start, end in second] == ["n", "o", " ", "m", "o", "r", "e", ""]
    assert reach(second, text) == (6, 14)
    assert reach([(3, 3), (4, 5)], text) == (0, 0)
    assert placed((0, 5), first) == (0, 4)
    assert placed((7, 8), second) == (14, 14)
    assert placed((8, 8), second) == (14, 14)


@pytest.mark.parametrize(("unit", "method"), [("……", "cut1"), ("a……", "cut1"), ("a, ", "smart"), (" ", "smart")])
def test_long_texts_take_little_time(unit: str, method: str) -> None:
    text = f"a{unit * 20_000}b"
    pieces = presegment(text, method, "en")
    started = time.process_time()
    places(pieces, text)
    assert time.process_time() - started < 5
