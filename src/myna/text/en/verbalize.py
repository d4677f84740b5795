"""A text as it is read out: one pass over the source, every stretch of it becomes spoken words or a mark."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from myna.text.en import quantities
from myna.text.en.fold import fold
from myna.text.en.lexicon import lookup
from myna.text.en.names import ABBREVIATIONS, SIGNS, TITLES, WORDS_TOO, acronym, roman_numeral, word
from myna.text.en.numbers import digits, ordinal

N = quantities.NUMBER
_SIGNS = "".join(map(re.escape, quantities.CURRENCIES))
_ATTACHED = "|".join(re.escape(unit) for unit in sorted(quantities.UNITS, key=len, reverse=True))
_DETACHED = "|".join(re.escape(unit) for unit in sorted(quantities.DETACHED_UNITS, key=len, reverse=True))
_SCALE = r"(?:\s?(hundred|thousand|million|billion|trillion|bn|mn|tn|[kKmMbB])\b)?"
MARKS = {"!": "!", "?": "?", ".": ".", ",": ",", ";": ",", ":": ","}


@dataclass(frozen=True)
class Spoken:
    """What is said for ``source[start:end]``: words, or one mark of ``! ? . ,``. Single capitals are letter names."""

    words: str
    start: int
    end: int

    @property
    def is_mark(self) -> bool:
        """Whether this is punctuation."""
        return self.words in MARKS


Say = Callable[[re.Match[str], list[Spoken]], str | None]
"""What a match is read as, given what was read before it; None when the rule does not hold after all."""
Rules = tuple[tuple[re.Pattern[str], Say], ...]


def _url(match: re.Match[str], _: list[Spoken]) -> str:
    text = re.sub(r"^[a-z]+://", "", match["url"], flags=re.I)
    spoken: list[str] = []
    for part in re.findall(r"[A-Za-z']+|[0-9]+|[^A-Za-z0-9']", text):
        if part.isdigit():
            spoken.append(quantities.number(part))
        elif part[0].isalpha():
            spoken.append("W W W" if part.lower() == "www" else word(part))
        else:
            spoken.append({".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "~": "tilde"}.get(
                part, SIGNS.get(part, "")))  # fmt: skip
    return " ".join(filter(None, spoken))


def _date_iso(match: re.Match[str], _: list[Spoken]) -> str | None:
    return quantities.date(int(match[1]), int(match[2]), int(match[3]))


def _date_american(match: re.Match[str], _: list[Spoken]) -> str | None:
    month, day, year = int(match[1]), int(match[2]), int(match[3])
    if month > 12:
        month, day = day, month
    return quantities.date(year, month, day)


def _date_named(match: re.Match[str], _: list[Spoken]) -> str | None:
    day = int(match[2])
    return f"{_month(match[1])} {ordinal(day)}" if 1 <= day <= 31 else None


def _month(text: str) -> str:
    return next(month for month in quantities.MONTHS if month.startswith(text.lower()[:3])).title()


def _time(match: re.Match[str], _: list[Spoken]) -> str | None:
    half = match[4][0].lower() if match[4] else None
    return quantities.time(int(match[1]), int(match[2]), int(match[3]) if match[3] else None, half)


def _hour(match: re.Match[str], _: list[Spoken]) -> str | None:
    hour = int(match[1])
    return f"{quantities.number(match[1])} {match[2][0].upper()} M" if 1 <= hour <= 12 else None


def _money(match: re.Match[str], _: list[Spoken]) -> str:
    return quantities.money(match[1], match[2], match[3])


def _money_after(match: re.Match[str], _: list[Spoken]) -> str:
    return quantities.money(match[2], match[1])


def _list_number(match: re.Match[str], before: list[Spoken]) -> str | None:
    is_first = not before or before[-1].words in ".!?" or before[-1].words.endswith(",")
    return f"{ordinal(int(match[1]))}," if is_first else None


def _range(match: re.Match[str], _: list[Spoken]) -> str:
    return f"{quantities.number(match[1])} to {quantities.number(match[2])}"


def _telephone(match: re.Match[str], _: list[Spoken]) -> str:
    return ", ".join(digits(group) for group in re.findall("[0-9]+", match[0]))


def _dotted(match: re.Match[str], _: list[Spoken]) -> str:
    return _dotted_words(match[0])


def _dotted_words(text: str) -> str:
    return " point ".join(quantities.amount(part) for part in text.split("."))


def _release(match: re.Match[str], _: list[Spoken]) -> str:
    return "version " + _dotted_words(match[1])


def _date_british(match: re.Match[str], _: list[Spoken]) -> str | None:
    day = int(match[1])
    return f"the {ordinal(day)} of {match[2]}" if 1 <= day <= 31 else None


def _mixed(match: re.Match[str], _: list[Spoken]) -> str:
    spoken = quantities.fraction(int(match[2]), int(match[3])).removeprefix("one half")
    return f"{quantities.amount(match[1])} and {spoken or 'a half'}"


def _negative(match: re.Match[str], _: list[Spoken]) -> str:
    return "negative " + (quantities.measure(match[1], match[2]) if match[2] else quantities.number(match[1]))


def _power(match: re.Match[str], _: list[Spoken]) -> str:
    return {"2": "squared", "3": "cubed"}.get(match[1]) or f"to the power of {quantities.amount(match[1])}"


def _letters_and_digits(match: re.Match[str], _: list[Spoken]) -> str:
    """A product name or code: MP3, H2O, 4K."""
    parts = re.findall(r"[A-Za-z]+|[0-9]+", match[0])
    return " ".join(quantities.amount(part) if part.isdigit() else acronym(part) for part in parts)


def _numbered(match: re.Match[str], _: list[Spoken]) -> str:
    """A name with the number of its release: Python3.11."""
    return f"{acronym(match[1])} {quantities.amount(match[2]) if match[2].count('.') < 2 else _dotted_words(match[2])}"


def _hexadecimal(match: re.Match[str], _: list[Spoken]) -> str:
    return "zero X " + " ".join(digits(sign) if sign.isdigit() else sign.upper() for sign in match[1])


def _abbreviation(match: re.Match[str], before: list[Spoken]) -> str | None:
    spoken = ABBREVIATIONS.get(match[1].lower())
    if spoken is None:
        return None
    before_name, _, otherwise = spoken.partition("|")
    is_before_capital = bool(re.match(r"\s+[A-Z]", match.string[match.end() :][:40]))
    has_name_before = bool(before) and before[-1].words[:1].isupper() and not before[-1].is_mark
    is_name = match[1][0].isupper() and (is_before_capital or has_name_before)
    if match[1].lower() in WORDS_TOO and not is_name and not re.match(r"\s+[0-9]", match.string[match.end() :][:40]):
        return None
    if is_before_capital and (match[1].lower() in TITLES or (otherwise and not has_name_before)):
        return before_name
    return (otherwise or before_name) + _stop_after(match)


def _stop_after(match: re.Match[str]) -> str:
    """An abbreviation's full stop ends the sentence too, if nothing or a capital follows."""
    rest = match.string[match.end() : match.end() + 40]
    return "." if not rest.strip() or re.match(r"\s+[A-Z]", rest) else ""


def _initials(match: re.Match[str], _: list[Spoken]) -> str:
    """U.S., D.C., J.R.R."""
    ends = match[0].endswith(".") and not match.string[match.end() :].strip()
    return acronym(match[0], always=True) + ("." if ends else "")


_OPERAND = re.compile(r"(?:[0-9]|(?<![A-Za-z'])[A-Za-z])\s*$")


def _minus(match: re.Match[str], before: list[Spoken]) -> str | None:
    """A dash with spaces is a minus between numbers or letters only."""
    return "minus" if before and _OPERAND.search(match.string[max(0, match.start() - 20) : match.start()]) else None


def _elided(match: re.Match[str], _: list[Spoken]) -> str | None:
    """'tis, 'em, 'cause; before any other word the apostrophe is a quotation mark."""
    return match[0] if lookup(match[0].lower()) else None


def _word(match: re.Match[str], before: list[Spoken]) -> str:
    text = match[0]
    previous = before[-1].words if before else ""
    return roman_numeral(text, previous) or word(text)


def _compiled(*rules: tuple[str, Say]) -> Rules:
    return tuple((re.compile(pattern), say) for pattern, say in rules)


_START = r"(?<![A-Za-z0-9])"
_FULL_MONTHS = "|".join(month.title() for month in quantities.MONTHS)
_LABEL = r"[A-Za-z0-9-]{1,63}"
_WEB: tuple[tuple[str, Say], ...] = (
    (r"(?P<url>(?:[hH][tT][tT][pP][sS]?://|www\.)[^\s<>\"]{0,2000}[A-Za-z0-9/])", _url),
    (rf"(?P<url>[A-Za-z0-9._+-]{{1,64}}@{_LABEL}(?:\.{_LABEL}){{0,8}}\.[A-Za-z]{{2,}})", _url),
    (rf"(?P<url>{_LABEL}(?:\.{_LABEL}){{0,5}}\.(?:com|org|net|edu|gov|io|co\.uk)\b)", _url),
)
_NUMBER_RULES = _compiled(
    (r"([12][0-9]{3})[-/.](0?[1-9]|1[0-2])[-/.]([0-2]?[0-9]|3[01])(?![0-9])", _date_iso),
    (r"([0-3]?[0-9])/([0-3]?[0-9])/([12][0-9]{3})(?![0-9])", _date_american),
    (r"([0-2]?[0-9]):([0-5][0-9])(?::([0-5][0-9]))?(?:\s?([aApP])(?:\.[mM]\.|[mM]\b))?(?![0-9])", _time),
    (r"([0-9]{1,2})\s?([aApP])(?:\.[mM]\.|[mM]\b)", _hour),
    (r"([0-9]{1,3}):([0-9]{1,3})(?![0-9:])", _range),
    (rf"({N})\s?([{_SIGNS}])", _money_after),
    (rf"({N})\s?%", lambda match, _: f"{quantities.amount(match[1])} percent"),
    (r"([1-9][0-9]?)\.(?=\s+[A-Z])", _list_number),
    (r"'?([12]?[0-9]{1,2}0)'?s(?![A-Za-z0-9])", lambda match, _: quantities.decade(match[1])),
    (r"([0-9]{1,3}(?:,[0-9]{3}){1,9}|[0-9]{1,30})(?:st|nd|rd|th)(?![A-Za-z0-9])",
     lambda match, _: ordinal(int(match[1].replace(",", "")))),
    (r"(?:[0-9]{1,3}[ -])?(?:\([0-9]{3}\) ?|[0-9]{3}[ -])[0-9]{3}-[0-9]{4}(?![0-9])", _telephone),
    (r"[0-9]{3}-[0-9]{4}(?![0-9-])", _telephone),
    (r"([0-9]{1,2})'\s?([0-9]{1,2})\"",
     lambda match, _: f"{quantities.amount(match[1])} foot {quantities.amount(match[2])}"),
    (r"0[xX]([0-9A-Fa-f]{1,40})(?![0-9A-Za-z])", _hexadecimal),
    (r"([0-9]{1,9})x([0-9]{1,9})(?![0-9A-Za-z])",
     lambda match, _: f"{quantities.amount(match[1])} by {quantities.amount(match[2])}"),
    (r"([0-9]{1,9}) ([1-9][0-9]{0,2})/([1-9][0-9]{0,2})(?![0-9/])", _mixed),
    (r"([0-9]{1,9})/([0-9]{1,9})(?![0-9/])", lambda match, _: quantities.fraction(int(match[1]), int(match[2]))),
    (rf"({N})({_ATTACHED})(?![A-Za-z0-9])", lambda match, _: quantities.measure(match[1], match[2])),
    (rf"({N})\s({_DETACHED})(?![A-Za-z0-9])", lambda match, _: quantities.measure(match[1], match[2])),
    (r"[0-9]+(?:\.[0-9]+){2,}", _dotted),
    (rf"({N})-({N})(?![0-9A-Za-z-])", _range),
    *_WEB,
    (rf"([0-3]?[0-9]) ({_FULL_MONTHS})(?=,? [12][0-9]{{3}}(?![0-9]))", _date_british),
    (rf"({N})x(?![A-Za-z0-9])", lambda match, _: f"{quantities.amount(match[1])} times"),
    (r"[0-9]+[A-Za-z]+[A-Za-z0-9]*", _letters_and_digits),
    (rf"{N}", lambda match, _: quantities.number(match[0])),
)  # fmt: skip
_WORD_RULES = _compiled(
    *_WEB,
    (rf"(?i:({quantities.MONTH_NAMES}) ([0-3]?[0-9])(?:st|nd|rd|th)?)(?![0-9:]|[.,%/-]?[0-9]|[A-Za-z%])", _date_named),
    (r"[vV]([0-9]+(?:\.[0-9]+)+)(?![0-9A-Za-z])", _release),
    (r"([A-Za-z]+)([0-9]+(?:\.[0-9]+)+)(?![0-9A-Za-z])", _numbered),
    (r"[A-Za-z]+[0-9]+[A-Za-z0-9]*", _letters_and_digits),
    (r"Ph\.\s?D\.?(?![A-Za-z])", lambda *_: "P H D"),
    (r"pp?\. ?(?=[0-9])", lambda match, _: "pages" if match[0].startswith("pp") else "page"),
    (r"[Nn]o\. ?(?=[0-9])", lambda *_: "number"),
    (r"(?<=[0-9] )x(?= [0-9])", lambda *_: "times"),
    (r"[Ii]\.[Ee]\.", lambda *_: "that is"),
    (r"[Ee]\.[Gg]\.", lambda *_: "for example"),
    (r"([A-Za-z]{2,6})\.(?![A-Za-z0-9])", _abbreviation),
    (r"(Dr|St|Mt|Ft|Prof)(?=\s+[A-Z])", _abbreviation),
    (r"[A-Za-z](?:\.[A-Za-z])+(?![A-Za-z])\.?", _initials),
    (r"[A-Za-z]+(?:['-][A-Za-z]+)*(?:(?<=s)'(?![A-Za-z]))?", _word),
)
_SIGN_RULES = _compiled(
    (r"\+[0-9]{1,3}(?:[ -][0-9]{2,5}){2,5}(?![0-9])", _telephone),
    (rf"([{_SIGNS}])\s?({N}){_SCALE}", _money),
    (r"'([0-9]0)'?s(?![A-Za-z0-9])", lambda match, _: quantities.decade(match[1])),
    (r"(?:\+[0-9]{1,3}[ -])?(?:\([0-9]{3}\) ?|[0-9]{3}[ -])[0-9]{3}-[0-9]{4}(?![0-9])", _telephone),
    (rf"{_START}-({N})({_ATTACHED})?(?![A-Za-z])", _negative),
    (rf"{_START}-(?=[{_SIGNS}])", lambda *_: "negative"),
    (r"#(?=[0-9])", lambda *_: "number"),
    (r"#(?=[A-Za-z])", lambda *_: "hashtag"),
    (r"(?<=[0-9A-Za-z)])\^([0-9]+)", _power),
    (r"(?<=\s)-(?=\s+(?:[a-zA-Z]|[0-9][0-9.,]*)(?:[\s,;!?=]|\.?\s|\.?$))", _minus),
    (r"(?<=\s)([<>])(?=\s)", lambda match, _: SIGNS[match[1]]),
    (r"[&@+=×÷°]", lambda match, _: SIGNS[match[0]]),
    (r"(?<=\s)-+(?=\s)|--+", lambda *_: ","),
    (rf"{N}", lambda match, _: quantities.number(match[0])),
    (r"'[A-Za-z]+", _elided),
)
_PLAIN_WORD = re.compile(r"[a-z]{2,}(?=[ ,;!?])")


def verbalize(source: str) -> list[Spoken]:
    """Everything in ``source`` that is heard, in order. What English does not read is left out."""
    folded = fold(source)
    text, origin = folded.text, folded.origin
    result: list[Spoken] = []
    position = 0
    while position < len(text):
        length = _read(text, position, origin, result)
        position += length
    return result


def _read(text: str, position: int, origin: list[int], result: list[Spoken]) -> int:
    """Reads what starts at ``position`` into ``result``; how many characters that was."""
    character = text[position]
    if character == " ":
        return 1
    if character in MARKS and not _begins_decimal(text, position):
        _add_mark(MARKS[character], origin[position], result)
        return 1
    plain = _PLAIN_WORD.match(text, position)
    if plain and not text[plain.end() + 1 : plain.end() + 2].isdigit():
        result.append(Spoken(plain[0], origin[position], origin[plain.end() - 1] + 1))
        return len(plain[0])
    rules = _NUMBER_RULES if character.isdigit() else _WORD_RULES if character.isalpha() else _SIGN_RULES
    for pattern, say in rules:
        match = pattern.match(text, position)
        if match is None:
            continue
        spoken = say(match, result)
        if spoken is None:
            continue
        if spoken in MARKS:
            _add_mark(spoken, origin[position], result)
        elif spoken:
            result.append(Spoken(spoken, origin[position], origin[match.end() - 1] + 1))
        return match.end() - position
    return 1


def _begins_decimal(text: str, position: int) -> bool:
    """Whether a number such as .5 begins here; after a letter a stop ends the sentence."""
    is_point = text[position] == "." and text[position + 1 : position + 2].isdigit()
    return is_point and not (position and text[position - 1].isalpha())


def _add_mark(mark: str, at: int, result: list[Spoken]) -> None:
    """Of several marks in a row the first is kept."""
    if not (result and result[-1].is_mark):
        result.append(Spoken(mark, at, at + 1))
