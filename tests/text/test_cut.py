from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.core.errors import UnknownChoice
from myna.text.cut import MAX_PIECE, METHODS, collapse_marks, cut, presegment

TEXT = st.text(alphabet=st.sampled_from("ab1 .,!?。，…—：\n'\t好か한"), max_size=400)


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(UnknownChoice, match="cut0, cut1, cut2, cut3, cut4, cut5"):
        cut("text", "cut9")


def test_a_long_stretch_is_cut_between_words() -> None:
    pieces = presegment("word " * 300, "cut5", "en")
    assert "".join(pieces) == "word " * 300 + "."
    assert all(piece.startswith("word") and len(piece) <= MAX_PIECE for piece in pieces)


def test_a_word_without_end_is_cut_anywhere() -> None:
    pieces = presegment("x" * 100_000, "cut0", "en")
    assert "".join(pieces) == "x" * 100_000 + "."
    assert max(map(len, pieces)) <= MAX_PIECE


def test_numbers_are_not_cut_at_their_point() -> None:
    assert cut("Pi is 3.14, roughly. Yes", "cut5") == ["Pi is 3.14,", " roughly.", " Yes"]
    assert cut("Pi is 3.14 here. Yes", "cut4") == ["Pi is 3.14 here", " Yes"]


@pytest.mark.parametrize("text", ["", "\n", "   ", "...", "?!", "。。。", "\t"])
@pytest.mark.parametrize("method", METHODS)
def test_nothing_to_say_gives_no_pieces(text: str, method: str) -> None:
    assert presegment(text, method, "en") == []


@given(TEXT, st.sampled_from(sorted(METHODS)), st.sampled_from(["en", "zh"]))
def test_pieces_can_be_spoken_and_lose_no_letters(text: str, method: str, language: str) -> None:
    pieces = presegment(text, method, language)
    assert all(piece.strip() and len(piece) <= MAX_PIECE for piece in pieces)
    assert [c for c in "".join(pieces) if c.isalnum()] == [c for c in text if c.isalnum()]


@given(st.text(alphabet="!?…,.-a。", max_size=50))
def test_collapsed_marks_never_stand_in_a_row(text: str) -> None:
    collapsed = collapse_marks(text)
    assert not any(a in "!?…,.-" and b in "!?…,.-" for a, b in pairwise(collapsed))
