"""How a written word is said when it is not simply a word: acronyms, CamelCase, abbreviations, Roman numerals."""

from __future__ import annotations

import re

from myna.text.en.lexicon import letter_name, lookup, word_set
from myna.text.en.numbers import cardinal, ordinal

SIGNS = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "×": "times", "÷": "divided by", "°": "degrees", "#": "hash",
    "%": "percent", "<": "less than", ">": "greater than", "?": "question mark", "*": "star",
}  # fmt: skip

ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "Ms", "messrs": "Messrs", "dr": "doctor|drive", "st": "saint|street",
    "prof": "professor", "jr": "junior", "sr": "senior", "vs": "versus", "etc": "etc", "rev": "reverend",
    "hon": "honorable", "gen": "general", "col": "colonel", "capt": "captain", "lt": "lieutenant", "sgt": "sergeant",
    "gov": "governor", "sen": "senator", "rep": "representative", "inc": "incorporated", "ltd": "limited",
    "corp": "corporation", "dept": "department", "ave": "avenue", "blvd": "boulevard", "rd": "road",
    "approx": "approximately", "est": "established", "mt": "mount", "ft": "fort", "vol": "volume", "fig": "figure",
}  # fmt: skip
"""Abbreviation without its full stop -> words; with "|": before a name (and after none) | otherwise."""

WORDS_TOO = word_set("fig vol rep sen gen col hon rev gov mt ft est rd ave")
"""Abbreviations that may be words at the end of a sentence; read out only next to a name or number."""
TITLES = word_set("mr mrs ms messrs dr vs prof rev hon gen col capt lt sgt gov sen rep mt ft")
"""Abbreviations that stand before a name, so that a capital after them begins no sentence."""
_SHORT_WORDS = word_set(
    "ad ah an as at be by do eh go ha he hi ho if in is me my no of oh on or ox so to uh um up we yo"
)
"""Words of two letters that are words in capitals too; all others (US, IT, JR) are letters then."""
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}
_ROMAN = re.compile(r"(?=[IVXL])(XL|L?X{0,3})(IX|IV|V?I{0,3})")
_NUMBERED = word_set(
    "war chapter part volume act type phase book section title class level world vol stage article mark bowl"
)
_REGNAL = word_set(
    "henry edward george louis charles william richard james elizabeth mary catherine philip francis frederick "
    "alexander nicholas peter paul pius benedict leo gregory innocent john napoleon ivan ferdinand victoria"
)


def word(text: str) -> str:
    """A written word as spoken words: capitals are read as a word if they are one, otherwise letter by letter."""
    if len(text) == 1:
        return text
    stem, suffix = _split_suffix(text)
    if stem.isupper() and len(stem) > 1 and "-" not in stem:
        return acronym(stem, suffix=suffix)
    if "-" in text:
        return "-".join(word(part).replace(" ", "-") for part in text.split("-"))
    if re.search("[a-z][A-Z]", text) and lookup(text.lower()) is None and "'" not in stem:
        parts = re.findall(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]", stem)
        return " ".join(word(part) for part in parts) + suffix
    return text


def _split_suffix(text: str) -> tuple[str, str]:
    """ "API's" -> ("API", "'s"), "CDs" -> ("CD", "'s"); the plural of letters sounds like their possessive."""
    found = re.fullmatch(r"(.*[A-Z])('s|s'|s|')", text)
    if not found or (found[2] == "s" and not re.fullmatch("[A-Z]{2,}", found[1])):
        return text, ""
    return found[1], "'s" if "s" in found[2] else ""


def acronym(text: str, suffix: str = "", always: bool = False) -> str:
    """Capitals: "NASA" -> "NASA" (a word), "HTTP" -> "H T T P"; ``always`` spells (U.S.)."""
    letters = text.replace(".", "")
    lower = letters.lower()
    is_word = _is_word(lower) and not _reads_as_letters(lower)
    if not always and (is_word or (len(letters) > 5 and re.search("[AEIOUY]", letters.upper()))):
        return letters + suffix
    if not always and not letters.isupper() and len(letters) > 3:
        return word(letters) + suffix
    return " ".join(letters.upper()) + suffix


def _is_word(lower: str) -> bool:
    return lookup(lower) is not None and (len(lower) > 2 or lower in _SHORT_WORDS)


def _reads_as_letters(word: str) -> bool:
    """Whether the dictionary itself spells the word (FBI), give or take the stress."""
    letters = "".join("".join(letter_name(letter)) for letter in word)
    return re.sub("[0-9]", "", letters) == re.sub("[0-9]", "", "".join(lookup(word) or ()))


def roman_numeral(text: str, previous: str) -> str | None:
    """ "II" after "War" -> "two", "VIII" after "Henry" -> "the eighth"; None if it is none."""
    found = _ROMAN.fullmatch(text)
    last = previous.rpartition(" ")[2].lower()
    if not found or (last not in _NUMBERED and last not in _REGNAL):
        return None
    value, largest = 0, 0
    for letter in reversed(text):
        size = _ROMAN_VALUES[letter]
        value += size if size >= largest else -size
        largest = max(largest, size)
    if last in _REGNAL:
        return f"the {ordinal(value)}" if len(text) > 1 else None
    return cardinal(value)
