"""What a clip's text is to the text front end: how many phones, which letters nobody reads, which language it looks."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import partial

from myna.audio.labels import Label
from myna.core.errors import BadInput, UnknownChoice
from myna.core.versions import ModelVersion
from myna.engine.check.found import LEAVE_OUT, LOOK, Finding
from myna.engine.features.reading import mode_for
from myna.text.frontend import phonemize_training
from myna.text.han import KANA, language_of
from myna.text.phonemes import Phonemes
from myna.text.segment import segments
from myna.text.symbols import PUNCTUATION, UNKNOWN
from myna.text.words import Words

MAX_PHONES = 540
"""More are left out of the GPT's training (official rule)."""

_NAMES = {"zh": "Chinese", "yue": "Cantonese", "en": "English", "ja": "Japanese", "ko": "Korean"}
_MOSTLY = 0.7
"""Of the letters: what a text is mostly in."""
_SHOWN_CHARS = 12
_CHINESE = ("zh", "yue")
_IS_KANA = re.compile(f"[{KANA}]")


@dataclass(frozen=True)
class TextFacts:
    """What the text is; ``num_phones`` None where it was not read: the findings say why, or its library is absent.

    ``english``: its phones where all of them are English.
    """

    num_phones: int | None = None
    findings: tuple[Finding, ...] = ()
    english: tuple[str, ...] = ()


def text_facts(label: Label, version: ModelVersion, words: Words | None = None) -> TextFacts:
    """Read the label's text as training would; raises `MissingExtra` where its language's library is not installed."""
    findings = list(_language(label))
    try:
        spoken = phonemize_training(label.text, mode_for(label.text, label.language, version), version.symbols, words)
    except UnknownChoice:
        known = ", ".join(version.languages)
        what = f"version {version.name!r} does not speak {_NAMES[label.language]}; its languages: {known}"
        return TextFacts(None, (Finding("language", LEAVE_OUT, what),))
    except BadInput as error:
        return TextFacts(None, (*findings, Finding("text", LEAVE_OUT, str(error))))
    findings += _symbols(label, spoken)
    if len(spoken.phones) > MAX_PHONES:
        much = f"the text has {len(spoken.phones)} phones, more than {MAX_PHONES}: cut the clip"
        findings.append(Finding("text", LEAVE_OUT, much))
    is_english = set(spoken.languages) == {"en"}
    return TextFacts(len(spoken.phones), tuple(findings), tuple(spoken.phones) if is_english else ())


def _symbols(label: Label, spoken: Phonemes) -> list[Finding]:
    """Letters, digits and pictures that no phone says."""
    known = {
        place
        for (start, end), phone in zip(spoken.spans, spoken.phones, strict=True)
        if phone != UNKNOWN and phone not in PUNCTUATION  # a mark stands for all that is between two words
        for place in range(start, end)
    }
    unread = [char for place, char in enumerate(label.text) if place not in known and _is_sign(char)]
    shown = list(dict.fromkeys(unread))
    if not shown:
        return []
    more = f" and {len(shown) - _SHOWN_CHARS} more" if len(shown) > _SHOWN_CHARS else ""
    return [Finding("symbols", LOOK, f"nothing is said for {' '.join(shown[:_SHOWN_CHARS])}{more}: write it as words")]


def _is_sign(char: str) -> bool:
    """Whether a character stands for something that could be said: letters, digits, pictures, private ones."""
    return char.isalnum() or unicodedata.category(char) in ("So", "Sm", "Sc", "Co", "Cn")


def _language(label: Label) -> list[Finding]:
    """Whether the script is another language's than the label says."""
    looks = looks_like(label.text, label.language)
    if not looks or looks == label.language:
        return []
    what = f"the label says {_NAMES[label.language]}, the letters are mostly {_NAMES[looks]}"
    return [Finding("language", LOOK, what)]


def looks_like(text: str, told: str) -> str:
    """The language that most letters of ``text`` are in, "" where they do not tell; ``told`` is what its label says.

    Chinese and Cantonese are not told apart, nor Japanese without kana from Chinese where the characters are both's.
    """
    letters: Counter[str] = Counter()
    is_chinese = told == "ja" and not _IS_KANA.search(text) and language_of(text) == "zh"
    identify = partial(_identified, told="zh" if is_chinese else told)
    for segment in segments(text, "auto", identify=identify):
        letters[segment.language] += sum(map(str.isalpha, segment.text))
    total = sum(letters.values())
    if not total:
        return ""
    language, count = letters.most_common(1)[0]
    if count < _MOSTLY * total:
        return ""
    return told if language == "zh" and told in _CHINESE else language


def _identified(han: str, told: str) -> str | None:
    """The language of Han characters alone: what the label says, if it is one that is written in them."""
    if told in _CHINESE:
        return "zh"
    return "ja" if told == "ja" else language_of(han)
