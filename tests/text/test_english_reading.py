"""What English texts are read out as, and as which phones."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from myna.core.errors import BadInput, UnknownChoice
from myna.text.frontend import LANGUAGES, phonemize, phonemize_plain
from myna.text.symbols import PUNCTUATION, symbols

ENGLISH = {phone for phone in symbols("v2") if phone.rstrip("012").isascii() and phone.rstrip("012").isupper()}


def read_out(text: str) -> str:
    return phonemize_plain(text, "en").norm_text


def phones(text: str) -> str:
    return " ".join(phonemize_plain(text, "en").phones)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("I have 3 cats and 12 dogs.", "I have three cats and twelve dogs."),
        ("1,234,567 and 25,000", "one million, two hundred thirty-four thousand, five hundred sixty-seven and "
         "twenty-five thousand"),
        ("in 1066, 1600, 1905, 1998, 2000, 2005, 2024", "in ten sixty-six, sixteen hundred, nineteen oh five, nineteen "
         "ninety-eight, two thousand, two thousand five, twenty twenty-four"),
        ("10000 and 3000", "ten thousand and three thousand"),
        ("It ended in 1812. Then", "It ended in eighteen twelve. Then"),
        ("1. First. 2. Second.", "first, First. second, Second."),
        ("In the 1990s, the '80s", "In the nineteen nineties, the eighties"),
        ("1st, 22nd, 101st, 1066th", "first, twenty-second, one hundred and first, one thousand and sixty-sixth"),
        ("007", "zero zero seven"),
        ("3.14, .5 and 1.2.3", "three point one four, zero point five and one point two point three"),
        ("1/2, 2/3, 3/4, 50/50, 24/7", "one half, two thirds, three quarters, fifty fifty, twenty-four seven"),
        ("1½ cups, 2 1/3 cups", "one and a half cups, two and one third cups"),
        ("7-9, 1914-1918", "seven to nine, nineteen fourteen to nineteen eighteen"),
        ("-5 or -2.5", "negative five or negative two point five"),
        ("10 - 3 = 7, x + y, 6 × 7", "ten minus three equals seven, x plus y, six times seven"),
        ("x² and 10^3", "x squared and ten cubed"),
        ("99.9%", "ninety-nine point nine percent"),
        ("9" * 40, " ".join(["nine"] * 40)),
    ],
)  # fmt: skip
def test_numbers(text: str, spoken: str) -> None:
    assert read_out(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("$3.50, $1, $0.99", "three dollars and fifty cents, one dollar, ninety-nine cents"),
        ("Pay (9$) now", "Pay nine dollars now"),
        ("It is £,5", "It is, five"),
        ("$2.5 billion, €15, 20£", "two point five billion dollars, fifteen euros, twenty pounds"),
        ("60km/h, 2m, 1km, 20MB, 5 kg", "sixty kilometers per hour, two meters, one kilometer, twenty megabytes, five "
         "kilograms"),
        ("-5°C, 72 °F, 90°", "negative five degrees celsius, seventy-two degrees fahrenheit, ninety degrees"),
        ("""He is 5'10" tall""", "He is five foot ten tall"),
        ("2023-11-02; 11/30/2022", "November second, twenty twenty-three, November thirtieth, twenty twenty-two"),
        ("May 5, 2024; Feb. 29th", "May fifth, twenty twenty-four, February twenty-ninth"),
        ("9:05 a.m., 13:30, 4:00, 0:15", "nine oh five A M, one thirty P M, four o'clock, twelve fifteen A M"),
        ("10am or 5:4", "ten A M or five to four"),
        ("on 5 May 2024, 2x", "on the fifth of May twenty twenty-four, two times"),
        ("v2.0.1, p. 5, pp. 3-4", "version two point zero point one, page five, pages three to four"),
        ("555-1234", "five five five, one two three four"),
        ("+44 20 7946", "four four, two zero, seven nine four six"),
    ],
)  # fmt: skip
def test_quantities(text: str, spoken: str) -> None:
    assert read_out(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("WAR AND PEACE", "WAR AND PEACE"),
        ("NASA, HTTP, the FBI's CDs", "NASA, H T T P, the F B I's C D's"),
        ("US, us, IT, it", "U S, us, I T, it"),
        ("World War III, Henry VIII, Chapter IV", "World War three, Henry the eighth, Chapter four"),
        ("Dr. Smith of Elm St. met St. Paul.", "doctor Smith of Elm street met saint Paul."),
        ("Mr. and Mrs. Brown, Jr.", "mister and missus Brown, junior."),
        ("I ate a fig. She did one rep.", "I ate a fig. She did one rep."),
        ("No. 5 said no. Yes, no.", "number five said no. Yes, no."),
        ("E.g. this, i.e. that, etc. Then", "for example this, that is that, etc. Then"),
        ("The U.S. economy; the U.K.", "The U S economy, the U K."),
        ("MP3, H2O, 4K, SpaceX", "M P three, H two O, four K, Space X"),
        ("you&me, a/b, C++, #1, @home", "you and me, a b, C plus plus, number one, at home"),
        ("www.example.com/a_b", "W W W dot example dot com slash a underscore b"),
        ("john.doe@example.com", "john dot doe at example dot com"),
    ],
)
def test_names_and_signs(text: str, spoken: str) -> None:
    assert read_out(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("wait , stop", "wait, stop"),
        ("one - two — three – four", "one, two, three, four"),
        ("this: that; those", "this, that, those"),
        ("Wait... what?! No way…", "Wait. what? No way."),
        ("It’s Tom’s “car”", "It's Tom's car"),
        ("'Hello, 'tis I' he said", "Hello, 'tis I he said"),
        ("Hello，world。Ｆｕｌｌ？", "Hello, world. Full?"),
        ("café naïve ﬁne Łódź", "cafe naive fine Lodz"),
        ("I love 🍕 and 中国 too\u200b\x00!", "I love and too!"),
    ],
)
def test_marks_and_other_scripts(text: str, spoken: str) -> None:
    assert read_out(text) == spoken


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, world!", "HH AH0 L OW1 , W ER1 L D !"),
        ("the dogs' owner, James's and Chris's, Zorks's", "DH AH0 D AA1 G Z OW1 N ER0 , JH EY1 M Z IH0 Z AH0 N D "
         "K R IH1 S AH0 Z , Z AO1 R K S AH0 Z"),
        ("colourful thatching dustbins", "K AH1 L ER0 F AH0 L TH AE1 CH IH0 NG D AH1 S T B IH0 N Z"),
        ("well-known co-operate e-mail", "W EH1 L N OW1 N K OW0 AA1 P ER0 EY2 T IY1 M EY2 L"),
        ("voicecloning with gpt", "V OY1 S K L OW1 N IH0 NG W IH1 DH JH IY1 P IY1 T IY1"),
        ("blorptastic", "B L AO2 R P T AE1 S T IH0 K"),
        ("A cat got an A", "AH0 K AE1 T G AA1 T AE1 N EY1"),
        ("danglar, porthos", "D AH0 NG L AA1 R , P AO0 R T AO1 S"),
        ("OK", "OW1 K EY1"),
        ("Go", ", G OW1"),
    ],
)  # fmt: skip
def test_phones(text: str, expected: str) -> None:
    got = phones(text)
    assert got.removeprefix(", ") == expected.removeprefix(", ")
    assert got.startswith(", ") == (len(expected.removeprefix(", ").split()) < 4)


def test_words_are_mapped_to_their_phones() -> None:
    result = phonemize_plain('"Café" costs $3.50, isn’t it? Dr. Who!', "en")
    assert [word for word, _, _ in result.words] == ["Café", "costs", "$3.50", "isn’t", "it", "Dr.", "Who"]
    spoken = {word: " ".join(result.phones[first:end]) for word, first, end in result.words}
    assert spoken["Café"] == "K AH0 F EY1"
    assert spoken["isn’t"] == "IH1 Z AH0 N T"
    assert spoken["$3.50"].startswith("TH R IY1 D AA1 L ER0 Z AH0 N D")


def test_a_short_texts_comma_belongs_to_no_word() -> None:
    result = phonemize_plain("Go", "en")
    assert result.phones == [",", "G", "OW1"]
    assert result.words == [("Go", 1, 3)]


@pytest.mark.parametrize("text", ["", "  \n\t ", "...", "?!", "😀", "こんにちは", "\x00", "—", "'", '"()"'])
def test_a_text_without_words_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadInput) as raised:
        phonemize_plain(text, "en")
    assert "\n" not in str(raised.value)


def test_unknown_choices_name_the_valid_ones() -> None:
    with pytest.raises(UnknownChoice, match=r"language .xx.; choose one of: .*en"):
        phonemize("text", "xx")
    with pytest.raises(UnknownChoice, match="v1, v2"):
        phonemize_plain("text", "en", table="v0")
    assert "en" in LANGUAGES


@pytest.mark.parametrize("unit", ["a", "word ", "aa.", "1", "1,", "a-", "a@b.", "'s"])
def test_a_very_long_text_is_read(unit: str) -> None:
    result = phonemize_plain(unit * (100_000 // len(unit)), "en")
    assert result.phones


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
@example("5" * 5000 + "th")
@example("$" + "9" * 5000)
@example("1,000" * 50 + "st")
@example("May 99, 13:61:99, 99/99/9999, 0/0, 1 0/0")
def test_any_text_is_refused_or_becomes_known_phones(text: str) -> None:
    try:
        result = phonemize_plain(text, "en")
    except BadInput:
        return
    assert set(result.phones) <= ENGLISH | set(PUNCTUATION)
    end_before = 0
    for word, first, end in result.words:
        assert end_before <= first < end <= len(result.phones)
        assert word
        assert word in text
        end_before = end


ASCII_TEXT = st.text(alphabet=st.sampled_from("aA1 0.,'$%-/:;#@&()[]{}<>^+=xXIV\"stndhm°²½£€"), max_size=60)


@settings(max_examples=250, deadline=None)
@given(ASCII_TEXT)
def test_any_tangle_of_signs_is_refused_or_becomes_known_phones(text: str) -> None:
    test_any_text_is_refused_or_becomes_known_phones.hypothesis.inner_test(text)  # type: ignore[attr-defined]
