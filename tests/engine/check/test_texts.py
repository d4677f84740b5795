"""What a text is to the front end: phones, letters that nobody reads, another language than the label's."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.audio.labels import Label
from myna.core.versions import version
from myna.engine.check.found import LEAVE_OUT, LOOK
from myna.engine.check.texts import looks_like, text_facts
from myna.text.frontend import phonemize_training
from tests.engine.voices import LITE


def label(text: str, language: str = "en") -> Label:
    return Label(Path("a.wav"), "ann", language, text)


def test_phones_are_those_that_training_sees() -> None:
    text = "It's 25 % of $3.50, in a café (Mr. O'Neil's)."
    facts = text_facts(label(text), LITE)
    assert facts.num_phones == len(phonemize_training(text, "en").phones)
    assert facts.findings == ()


def test_letters_and_pictures_that_nobody_reads_are_named() -> None:
    (finding,) = text_facts(label("Hello привет ♪ my friend 👍 привет."), LITE).findings
    assert (finding.kind, finding.verdict) == ("symbols", LOOK)
    assert finding.text == "nothing is said for п р и в е т ♪ 👍: write it as words"
    (finding,) = text_facts(label("Hello абвгдежзиклмнопр."), LITE).findings
    assert "а б в г д е ж з и к л м and 4 more" in finding.text


def test_what_cannot_be_spoken_is_left_out() -> None:
    facts = text_facts(label("?!"), LITE)
    assert facts.num_phones is None
    assert [(each.kind, each.verdict) for each in facts.findings] == [("text", LEAVE_OUT)]


def test_a_language_that_the_version_does_not_speak_is_left_out() -> None:
    (finding,) = text_facts(label("你好", "zh"), LITE).findings
    assert (finding.kind, finding.verdict) == ("language", LEAVE_OUT)
    assert finding.text == "version 'lite' does not speak Chinese; its languages: en"


def test_too_many_phones_are_left_out() -> None:
    facts = text_facts(label("Supercalifragilistic words. " * 25), LITE)
    assert facts.num_phones is not None
    assert facts.num_phones > 540
    assert "more than 540: cut the clip" in facts.findings[0].text


def test_a_label_that_says_another_language_than_its_letters() -> None:
    findings = text_facts(label("今天天气很好。 Hi.", "en"), version("v2")).findings
    assert ("language", LOOK, "the label says English, the letters are mostly Chinese") in [
        (each.kind, each.verdict, each.text) for each in findings
    ]


@pytest.mark.parametrize(
    ("text", "told", "looks"),
    [
        ("Hello my friend.", "en", "en"),
        ("Hello my friend.", "zh", "en"),
        ("今天天气很好。", "zh", "zh"),
        ("今天天气很好。", "yue", "yue"),
        ("今天天气很好，我们走吧。", "ja", "zh"),
        ("こんにちは、元気ですか。", "zh", "ja"),
        ("東京都", "ja", "ja"),
        ("東京都", "zh", "zh"),
        ("안녕하세요", "ja", "ko"),
        ("我用 Python 写程序", "zh", ""),
        ("123", "en", ""),
    ],
)
def test_scripts(text: str, told: str, looks: str) -> None:
    assert looks_like(text, told) == looks
