"""Pieces of a text: cut, read in the languages of a version, with pauses, readings and places in the text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myna.core.errors import BadInput, MynaError, NothingToSay, UnknownChoice
from myna.core.versions import version
from myna.engine.synthesis.pieces import Piece, pieces
from myna.text.cut import METHODS
from myna.text.words import parse_words
from tests.engine.voices import LITE
from tests.text.extras import INSTALLED, needs

V4 = version("v4")


def texts(text: str, language: str = "en") -> list[str]:
    return [piece.text for piece in pieces(text, language, LITE)]


def said(text: str, language: str = "en") -> list[str]:
    return [" ".join(piece.spoken.phones) for piece in pieces(text, language, LITE)]


def test_a_text_is_said_sentence_by_sentence() -> None:
    text = 'Mr. Smith met J. Doe at the station. "Where are all of the others now?" The others were all so late'
    text += "\nand nobody knew!"
    assert texts(text) == [
        "Mr. Smith met J. Doe at the station.",
        '"Where are all of the others now?"',
        "The others were all so late",
        "and nobody knew!",
    ]


def test_short_sentences_are_said_together_and_headings_alone() -> None:
    one = "Yes. I think that this is quite right, my friend. No!"
    assert texts(one) == [one]
    assert texts("Chapter one\nIt was a dark and stormy night.") == ["Chapter one", "It was a dark and stormy night."]


def test_a_line_gets_a_stop_and_a_quotation_none() -> None:
    assert [phones[-1] for phones in said('Chapter one\n"It was a dark and stormy night!"')] == [".", "!"]


def test_long_sentences_are_cut_where_one_breathes() -> None:
    long = "The man who had come in the night, " * 12 + "went away."
    found = pieces(long, "en", LITE)
    assert len(found) > 3
    assert all(len(piece.spoken.phones) <= LITE.piece_phones for piece in found)
    assert all(piece.text.rstrip(".").endswith((",", "away")) for piece in found)
    assert " ".join(piece.text for piece in found) == long.strip()
    words = pieces("word " * 200, "en", LITE)
    assert sum(piece.text.count("word") for piece in words) == 200
    assert all(len(piece.spoken.phones) <= LITE.piece_phones for piece in words)


@pytest.mark.parametrize("method", METHODS)
def test_whatever_the_method_no_piece_is_too_long_to_be_said(method: str) -> None:
    text = "We went on and on through the woods and over the hills, and then we came home again; " * 40
    for record, most in ((LITE, LITE.uncut_phones), (V4, V4.uncut_phones)):
        found = pieces(text, "en", record, cut=method)
        assert all(len(piece.spoken.phones) <= most for piece in found)
        assert sum(piece.text.count("home") for piece in found) == 40
    is_long = max(len(piece.spoken.phones) for piece in found) > V4.piece_phones
    assert is_long == (method in ("cut0", "cut1", "cut3", "cut4"))


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        ("cut0", ["One two three four, five six. Seven eight nine ten!"]),
        ("cut4", ["One two three four, five six.", "Seven eight nine ten!"]),
        ("cut5", ["One two three four,", "five six.", "Seven eight nine ten!"]),
    ],
)
def test_the_caller_says_how_it_is_cut(method: str, wanted: list[str]) -> None:
    text = "".join(wanted) if method == "cut0" else " ".join(wanted)
    assert [piece.text for piece in pieces(text, "en", LITE, cut=method)] == wanted


@pytest.mark.parametrize("text", ["...", "?! - ,", "你好", "[pause:1s]", "مرحبا", "\x07\x1b", "😀😀"])
def test_text_that_cannot_be_spoken_is_refused(text: str) -> None:
    with pytest.raises(NothingToSay):
        pieces(text, "en", LITE)


def test_unspeakable_parts_are_left_out() -> None:
    text = "Hello to all of you in here. 你好你好你好你好。 Good bye to all of you there."
    assert texts(text) == ["Hello to all of you in here.", "Good bye to all of you there."]
    found = pieces("你好[pause:1s]Hello to you.[pause:2s]你好[pause:1s]", "en", LITE)
    assert [(piece.text, piece.pause_s) for piece in found] == [("", 1.0), ("Hello to you.", 3.0)]


def test_wrong_markup_is_an_error_in_any_part() -> None:
    for text, says in (("Fine. <a|", "not closed"), ("Fine. [pause]", "no pause"), ("Fine. <a|QQ>", "unknown phone")):
        with pytest.raises(BadInput, match=says):
            pieces(text, "en", LITE)


def test_pauses_are_between_pieces_and_a_sentence_goes_on_behind_one() -> None:
    found = pieces("[pause:1s]Wait a moment[pause:0.5s] and go.[pause:0s]Then[pause:250ms]", "en", LITE)
    assert [(piece.text, piece.pause_s) for piece in found] == [
        ("", 1.0),
        ("Wait a moment", 0.5),
        ("and go.", 0.0),
        ("Then", 0.25),
    ]
    assert found[0].spoken.phones == []
    assert [piece.spoken.phones[-1] for piece in found[1:]] == [",", ".", "."]


@pytest.mark.parametrize("method", METHODS)
def test_no_cut_falls_into_a_reading(method: str) -> None:
    text = "I <read. it, all|R EH1 D> yesterday, <No. 5, please!|N OW1> and so on. " * 3
    found = pieces(text, "en", LITE, cut=method)
    phones = " ".join(phone for piece in found for phone in piece.spoken.phones)
    assert phones.count("R EH1 D") == 3
    assert " ".join(piece.text for piece in found).count("read. it, all") == 3
    assert "|" not in "".join(piece.text for piece in found)


def test_the_dictionary_is_used() -> None:
    (piece,) = pieces("A gif, please.", "en", LITE, words=parse_words(["gif\tJH IH1 F"]))
    assert " ".join(piece.spoken.phones).startswith("AH0 JH IH1 F ,")


def spoken_of(text: str, piece: Piece) -> list[str]:
    return [text[start:end] for start, end in piece.spoken.spans]


def test_every_phone_knows_its_characters() -> None:
    text = "Yes!  [pause:1s] <Read|R EH1 D>\tfor $5,000 and all...  And that there is the very\n\nvery end of all of it"
    found = pieces(text, "en", LITE)
    assert [text[slice(*piece.place)] for piece in found] == [
        "Yes!",
        "<Read|R EH1 D>\tfor $5,000 and all.",
        "And that there is the very",
        "very end of all of it",
    ]
    places = spoken_of(text, found[1])
    assert places[: places.index("for")] == ["Read", "Read", "Read"]
    assert "$5,000" in places
    assert [piece.text for piece in found][1] == "Read for $5,000 and all."
    assert found[-1].spoken.phones[-1] == "."
    assert spoken_of(text, found[-1])[-1] == ""


@pytest.mark.parametrize("text", ["7", "7, 8 and 9 are all numbers."])
@pytest.mark.parametrize("method", ["smart", "cut0"])
def test_a_stop_in_front_makes_no_decimal(text: str, method: str) -> None:
    (piece,) = pieces(text, "en", LITE, cut=method)
    assert " ".join(piece.spoken.phones).startswith(". S EH1 V AH0 N")
    assert pieces(".5 of it is mine.", "en", LITE)[0].spoken.phones[:2] == ["Z", "IY1"]


def test_a_version_is_told_from_what_it_cannot_say() -> None:
    for mode in ("zh", "ja", "ko", "yue", "all_zh", "auto_yue"):
        with pytest.raises(UnknownChoice, match=f"language for version 'lite' '{mode}'; choose one of: auto, en$"):
            pieces("你好", mode, LITE)
    with pytest.raises(UnknownChoice, match=r"unknown language 'xx'; choose one of: auto, en$"):
        pieces("Hi", "xx", LITE)
    with pytest.raises(BadInput, match=r"'lite' cannot say '你好!', which is in 'zh'; its languages: en$"):
        pieces("Hello! 你好! Bye!", "auto", LITE)
    assert texts("Hello! 12. Привет", "auto") == ["Hello! 12. Привет"]
    assert said("12", "auto") == said("12", "en")
    with pytest.raises(UnknownChoice, match="unknown language 'fr'; choose one of: auto, auto_yue, zh, en, ja"):
        pieces("Hi", "fr", V4)


@needs("zh")
def test_a_mixed_text_in_chinese() -> None:
    text = "今天<行|hang2>不行，我买了500元的东西。She said hello to the whole world! 另外还有一个——你看看。"
    first, second, third = pieces(text, "zh", V4)
    assert (first.text, second.text) == ("今天行不行，我买了500元的东西。", "She said hello to the whole world!")
    assert " ".join(first.spoken.phones).startswith("j in1 t ian1 h ang2 b u5 x ing2 ,")
    assert [part.language for part in second.spoken.parts] == ["en"]
    places = spoken_of(text, first)
    assert [place for place in places if len(place) > 1] == places[17:23] == ["500元"] * 6
    assert text[slice(*third.place)] == third.text == "另外还有一个——你看看。"
    assert [text[start:end] for start, end in third.spoken.spans if end - start == 1][:2] == ["另", "另"]


READABLE = [mode for mode in ("auto", "zh", "en", "all_ja", "ko", "auto_yue") if len(INSTALLED) == 5 or mode == "en"]
ANY = st.text(
    st.one_of(
        st.characters(codec=None),
        st.sampled_from("你说国語気の一个カ한글글aéz12３,。 \n!?“”'°C²km%$①😀яสא\ud800々〇㗎𠮷……——<|>[]pause:s"),
    ),
    max_size=60,
)


@given(ANY, st.sampled_from(READABLE), st.sampled_from(sorted(METHODS)))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_refused_or_cut_into_pieces_with_places(text: str, mode: str, method: str) -> None:
    try:
        found = pieces(text, mode, V4, cut=method)
    except MynaError:
        return
    assert found
    assert all(0 <= piece.place[0] <= piece.place[1] <= len(text) for piece in found)
    spans = [span for piece in found for span in piece.spoken.spans]
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert all(first.place[0] <= second.place[0] for first, second in pairwise(piece for piece in found if piece.text))
    assert all(len(piece.spoken.spans) == len(piece.spoken.phones) <= V4.uncut_phones for piece in found)
