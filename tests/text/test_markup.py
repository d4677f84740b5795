"""Markup and the user's dictionary."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.core.errors import BadInput, MynaError, WorkspaceError
from myna.text import words
from myna.text.frontend import phonemize
from myna.text.markup import Reading, parse, stretches
from myna.text.readings import phones_of, valid_phones
from myna.text.symbols import symbols
from myna.text.words import Words, parse_words, read_words
from tests.text.extras import needs


def said(text: str, language: str = "en", dictionary: Words | None = None) -> str:
    return " ".join(phonemize(text, language, words=dictionary).phones)


def test_a_text_without_markup_stays() -> None:
    marked = parse("a < b, [x] 5|6 > 3")
    assert marked.text == "a < b, [x] 5|6 > 3"
    assert marked.readings == ()
    assert marked.pauses == ()


def test_markup_is_taken_out_and_its_place_is_known() -> None:
    text = "I <read| R  EH1 D> it[pause:0.5s] today"
    marked = parse(text)
    assert marked.text == "I read it, today"
    assert marked.readings == (Reading(2, 6, "R EH1 D"),)
    assert marked.pauses == ((10, 0.5),)
    assert [text[place] for place in marked.places] == list("I read it[ today")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Hi.[pause:1s]You", [("Hi.", 1.0), ("You", 0.0)]),
        ("Hi[PAUSE: 250 ms]. You", [("Hi", 0.25), (". You", 0.0)]),
        ("[pause:1s]Hi[pause:2s]", [("", 1.0), ("Hi", 2.0)]),
        ("<a|B>[pause:1s] [pause:2s]", [("<a|B> ", 3.0)]),
        ("Hi", [("Hi", 0.0)]),
    ],
)
def test_a_text_falls_into_stretches_at_its_pauses(text: str, wanted: list[tuple[str, float]]) -> None:
    assert stretches(text) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<read|R EH1 D", "not closed"),
        ("<行|hang2\n>", "not closed"),
        ("<|R>", "lacks its word"),
        ("<read|>", "lacks its word or its reading"),
        ("[pause]", "is no pause"),
        ("[pause:]", r"\[pause:0.5s\]"),
        ("[pause:5]", "is no pause"),
        ("[pause:-1s]", "is no pause"),
        ("[pause:1s", "is no pause"),
        ("[pause:11s]", "too long; 10 s is the most"),
        ("<read|REED>", "unknown phone 'REED' in the reading of 'read'; valid in 'en': AA0"),
        ("<read|R UNK>", "unknown phone 'UNK'"),
        ("<read|Yaa1 xx>", "unknown phone 'xx'"),
    ],
)
def test_bad_markup_says_what_is_right(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as raised:
        phonemize(f"Well {text} ok", "en")
    assert "\n" not in str(raised.value)


def test_a_reading_takes_the_place_of_the_words_phones() -> None:
    text = "I <read|R EH1 D> the <San Francisco|S AE1 N> book."
    result = phonemize(text, "en")
    assert " ".join(result.phones) == "AY1 R EH1 D DH AH0 S AE1 N B UH1 K ."
    assert [word for word, _, _ in result.words] == ["I", "read", "the", "San Francisco", "book"]
    assert [text[slice(*span)] for span in result.spans[1:4]] == ["read"] * 3
    assert said("<Go|G OW1>") == ", . G OW1"


def test_a_pause_stands_before_its_phone() -> None:
    result = phonemize("Hello there.[pause:0.5s] Well [pause:100ms]done now[pause:2s]", "en")
    assert [seconds for _, seconds in result.pauses] == [0.5, 0.1, 2.0]
    before = [" ".join(result.phones[column : column + 3]) for column, _ in result.pauses]
    assert before == ["W EH1 L", "D AH1 N", ""]


@needs("zh")
def test_pinyin_ipa_and_phones_in_chinese() -> None:
    result = phonemize("<行|xing2><银行|yin2 hang2>里<好|h ao3>", "zh")
    assert " ".join(result.phones) == "x ing2 y in2 h ang2 l i2 h ao3"  # 里 before a third tone
    assert result.word2ph == [2] * 5
    assert result.norm_text == "行银行里好"
    assert [part.language for part in result.bert_parts] == ["zh"]
    with pytest.raises(BadInput, match=r"unknown phone 'hang9'.*pinyin with its tone, as hang2"):
        phonemize("<行|hang9>不行", "zh")
    assert phonemize("很<爱|ai4>你们大家", "zh").phones[2:4] == phonemize("很爱你们大家", "zh").phones[2:4]


@needs("zh")
def test_a_word_over_two_languages_is_said_once() -> None:
    result = phonemize("我买<A股|EY1 g u3>了很多", "zh")
    assert " ".join(result.phones) == "w o2 m ai3 EY1 g u3 l e5 h en3 d uo1"
    assert ("A股", 4, 7) in result.words


@needs("zh")
def test_a_number_can_have_a_reading() -> None:
    text = "有<500元|w u3 b ai3>的东西"
    result = phonemize(text, "zh")
    assert " ".join(result.phones[2:6]) == "w u3 b ai3"
    assert {text[slice(*span)] for span in result.spans[2:6]} == {"500元"}


@needs("ja")
def test_another_spelling_is_read_in_japanese() -> None:
    text = "彼は<上手|うわて>です。"
    result = phonemize(text, "ja")
    assert result.phones == phonemize("彼はうわてです。", "ja").phones
    assert result.norm_text == "彼はうわてです。"


@needs("ko")
def test_another_spelling_is_read_in_korean() -> None:
    assert said("<문법|문뻡>을 배워요.", "ko") == said("문뻡을 배워요.", "ko")


@needs("yue")
def test_jyutping_in_cantonese() -> None:
    result = phonemize("<銀行|ngan4 hong4>喺邊度呀", "yue")
    assert " ".join(result.phones[:4]) == "Yng Yan4 Yh Yong4"


def test_valid_phones_are_those_of_the_language() -> None:
    assert {language: len(valid_phones(language, "v2")) for language in ("zh", "en", "ko", "yue")} == {
        "zh": 221,
        "en": 69,
        "ko": 29,
        "yue": 379,
    }
    assert set(valid_phones("ja", "v2")) - set(valid_phones("ja", "v1")) == {"[", "]"}
    assert valid_phones("ko", "v1") == ()
    assert phones_of("ai4", "爱", "zh", "v2", lambda spelled: ["AA", spelled]) == ["AA", "ai4"]
    assert phones_of("ai4 .", "爱", "zh", "v2", lambda spelled: None) == ["ai4", "."]


def test_the_dictionary_is_used_for_whole_words() -> None:
    dictionary = parse_words(["# remarks", "", "gif\tJH IH1 F", "NASA\tN AE1", "new york\tN UW1"])
    assert said("The GIF, gifs; nasa NASA. New York", dictionary=dictionary).split(" ")[2:5] == ["JH", "IH1", "F"]
    found = dictionary.readings("gif gifs Gif nasa NASA New York newyork")
    assert [(place.start, place.reading) for place in found] == [
        (0, "JH IH1 F"),
        (9, "JH IH1 F"),
        (18, "N AE1"),
        (23, "N UW1"),
    ]


def test_markup_comes_before_the_dictionary_and_later_entries_before_earlier_ones() -> None:
    dictionary = parse_words(["gif\tJH IH1 F"]) | parse_words(["gif\tG IH1 F"])
    assert said("a gif <gif|D AH1>", dictionary=dictionary) == "AH0 G IH1 F D AH1"


def test_the_longest_word_wins() -> None:
    dictionary = parse_words(["new\tN", "new york\tY", "york\tK"])
    assert [place.reading for place in dictionary.readings("new york new")] == ["Y", "N"]


@needs("zh", "ja")
def test_an_entry_may_be_for_one_language() -> None:
    dictionary = parse_words(["上手\tうわて\tja", "行\thang2\tzh", "ok\tOW1\tja", "行\tY\tyue"])
    assert said("上手了就很行", "zh", dictionary) == said("上手了就很<行|hang2>", "zh")
    assert said("彼は上手です。", "ja", dictionary) == said("彼はうわてです。", "ja")
    assert said("彼は上手です。他们都行。", "auto", dictionary) == said("彼はうわてです。他们都<行|hang2>。", "auto")


@pytest.mark.parametrize("line", ["word", "word\t", "\treading", "a\tb\tc\td", "a\tb\tEnglish"])
def test_a_line_that_is_no_entry_is_named(line: str) -> None:
    with pytest.raises(BadInput, match=r"words.tsv:2"):
        parse_words(["good\tG UH1 D", line])


def test_the_voices_dictionary_comes_before_the_workspaces(tmp_path: Path) -> None:
    workspace, voice, empty = tmp_path / "work", tmp_path / "voice", tmp_path / "none"
    for folder, lines in ((workspace, "gif\tG\ncat\tK\n"), (voice, "\ufeffgif\tJH\r\n")):
        folder.mkdir()
        (folder / "words.tsv").write_text(lines, encoding="utf-8")
    found = read_words([workspace, voice, empty])
    assert [place.reading for place in found.readings("gif cat")] == ["JH", "K"]
    assert read_words([]) == Words()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words.tsv").mkdir()
    with pytest.raises(WorkspaceError, match=r"words\.tsv"):
        read_words([tmp_path])
    other = tmp_path / "other"
    other.mkdir()
    (other / "words.tsv").write_bytes(b"caf\xe9\tK\n")
    with pytest.raises(BadInput, match="UTF-8"):
        read_words([other])
    monkeypatch.setattr(words, "MAX_BYTES", 3)
    with pytest.raises(BadInput, match="larger than 3 bytes"):
        read_words([other])


@given(st.text(st.sampled_from("<>|[]pause:05.s ab行\n你1"), max_size=40))
def test_any_markup_is_read_or_refused(text: str) -> None:
    try:
        marked = parse(text)
        found = stretches(text)
    except BadInput:
        return
    assert len(marked.text) == len(marked.places)
    assert sum(pause for _, pause in found) == pytest.approx(sum(pause for _, pause in marked.pauses))


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=5), st.sampled_from(["AH0", "hang2", "うわ", "K AE1 T"])), max_size=5
    ),
    st.text(max_size=20),
)
def test_any_dictionary_is_used_or_refused(entries: list[tuple[str, str]], text: str) -> None:
    try:
        dictionary = parse_words(f"{word}\t{reading}" for word, reading in entries)
        result = phonemize(f"{text} cat " + " ".join(word for word, _ in entries), "en", words=dictionary)
    except MynaError:
        return
    assert set(result.phones) <= set(symbols("v2"))
    assert len(result.spans) == len(result.phones)
