"""Our own way of cutting."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.text.cut import cut, presegment
from myna.text.smart import LEAST, MOST, _weight, smart

UNCUT = [
    "3.14",
    "1,234,567.89",
    "12:30:45",
    "2024-05-01",
    "$1,299.00",
    "Dr. Smith",
    "J. K. Rowling",
    "U.S. Army",
    "at 10 a.m. on",
    "e.g. this",
    "No. 5",
    "https://example.com/a,b;c?d=1.5&e=2",
    "john.doe@example.co.uk",
    "example.com",
    "“好的。走吧！”",
    "「行こう。早く！」",
    '"Stop! Now. Please."',
    "（见下文。谢谢）",
    "<上手|うわて, x>",
    "[pause:0.5s]",
]


@pytest.mark.parametrize("whole", UNCUT)
@pytest.mark.parametrize(
    "around", ["前面有一些字，{}，后面也有一些字。", "Some words before {} and some words after. "]
)
def test_what_belongs_together_stays_together(whole: str, around: str) -> None:
    for repeats in (1, 3, 12):
        pieces = smart(around.format(whole) * repeats)
        assert sum(piece.count(whole) for piece in pieces) == repeats


def test_sentences_are_pieces_and_short_ones_join() -> None:
    assert smart("今天天气真的不错。我们去公园散步吧！好。") == ["今天天气真的不错。", "我们去公园散步吧！好。"]
    assert smart("It was late in the evening. We went home together by train. Yes.") == [
        "It was late in the evening.",
        "We went home together by train. Yes.",
    ]


@pytest.mark.parametrize(
    "text", ["“我们走吧，好吗？”他笑着对大家说道。", '"Please stop it now!" he shouted loudly at them.']
)
def test_what_follows_a_quotation_stays_with_it(text: str) -> None:
    assert smart(text) == [text]


def test_a_heading_stays_by_itself() -> None:
    assert smart("第一章\n今天天气真的不错。") == ["第一章", "今天天气真的不错。"]


def test_long_sentences_are_cut_at_marks_near_the_middle() -> None:
    pieces = smart("我们去公园散步，然后回家吃饭，" * 5 + "最后睡觉。")
    assert all(piece[-1] in "，。" for piece in pieces)
    assert all(sum(map(_weight, piece)) <= MOST for piece in pieces)


def test_words_are_not_cut_where_there_are_spaces() -> None:
    text = "supercalifragilistic expialidocious " * 20
    assert " ".join(smart(text)).split() == text.split()


@pytest.mark.parametrize("text", ["", " \n", "。。。", "……", "“”", "😀", "—"])
def test_without_words_there_are_no_pieces(text: str) -> None:
    assert smart(text) == []


def test_marks_without_words_go_with_a_neighbour() -> None:
    assert smart("……我们今天一起去公园。……") == ["……我们今天一起去公园。……"]


def test_it_is_a_method_of_cutting() -> None:
    text = "老师说：“好的。走吧！”然后大家就都走了。今天天气真的不错。"
    assert cut(text, "smart") == smart(text)
    assert presegment(text, "smart", "zh") == smart("。" + text)


TEXTS = st.text(
    st.one_of(st.sampled_from("我们a b1,.。，!？\n“”\"(（）)「」:/-@<|>[]'é한か"), st.characters(codec=None)),
    max_size=120,
)


@given(TEXTS, st.integers(1, 12))
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost_and_nothing_is_long(unit: str, repeats: int) -> None:
    text = unit * repeats
    pieces = smart(text)
    if any(map(str.isalnum, text)):
        assert "".join("".join(pieces).split()) == "".join(text.split())
    else:
        assert pieces == []
    for piece in pieces:
        assert any(map(str.isalnum, piece))
        assert sum(map(_weight, piece)) <= MOST or _has_no_place_to_cut(piece)


def _has_no_place_to_cut(piece: str) -> bool:
    """Too long, and yet whole: its Latin words, numbers, addresses and brackets leave no place between 10 and 90 %."""
    longest = max((sum(map(_weight, word)) for word in re.findall(r"[\x21-\x7e]+|<[^>]*>|.", piece)), default=0)
    return longest > LEAST or bool(re.search(r"[<\"“「（(\[]|\d[.,:/\- ]+\d", piece))


@pytest.mark.parametrize(
    "unit", ["“", "a.", "(a", "1,", "我", "你好，", "a b ", "<a|", "a@", "http://", '"', "1 ", "[pause"]
)
def test_long_texts_take_little_time(unit: str) -> None:
    started = time.process_time()
    smart(unit * (100_000 // len(unit)))
    assert time.process_time() - started < 10
