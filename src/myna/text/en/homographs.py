"""Words that are written alike and said differently: which reading, by the words around them.

Most are pairs of a verb and a noun or adjective (the list of g2p_en, with its inverted entries put right); a few
everyday ones have rules of their own. Measured on the sentences in ``tests/text``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files

from myna.text.en.lexicon import word_set
from myna.text.en.tagging import BE, DETERMINERS, HAVE, MARKS, MODALS, SINGULAR_SUBJECTS, clause_before, is_verb

Words = Sequence[str]

_VERBS_FIRST = word_set(
    "invite invites collect collects convert converts refuse recall recalls resume produce impress incorporate "
    "initiate rethink rethinks surmise surmises underestimate underestimates combine construct discard discards "
    "regenerate reincarnate rewrite replay undercut elaborate converse dictate purport animate articulate closes "
    "insert inserts separate permit use uses increases decreases insult extract exploit refresh implement"
)
"""Mostly verbs, where their neighbours tell nothing."""
_PAST = word_set("yesterday ago last was were had said when once earlier then")


@cache
def _pairs() -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Word -> (reading as a verb, reading otherwise)."""
    text = files(__package__).joinpath("data/homographs.txt").read_text(encoding="utf-8")
    rows = (line.split("|") for line in text.splitlines())
    return {word: (tuple(verb.split()), tuple(other.split())) for word, verb, other in rows}


def reading(words: Words, index: int) -> tuple[str, ...] | None:
    """Phones of ``words[index]`` if it is a homograph, else None. ``words``: the whole text, marks as ``! ? . ,``."""
    word = words[index].lower()
    own_rule = _OWN_RULES.get(word)
    if own_rule:
        return tuple(own_rule(words, index).split())
    pair = _pairs().get(word)
    if pair is None:
        return None
    return pair[0] if is_verbal(words, index) else pair[1]


def is_verbal(words: Words, index: int) -> bool:
    """Whether ``words[index]``, a word with a verb's and another reading, is a verb."""
    word = words[index].lower()
    if word.endswith("ed"):
        return _is_participle(words, index)
    return is_verb(words, index, prior=word in _VERBS_FIRST)


def _previous(words: Words, index: int) -> str:
    return (clause_before(words, index) or [""])[-1]


def _next(words: Words, index: int, offset: int = 1) -> str:
    return words[index + offset].lower() if index + offset < len(words) else "."


def _sentence(words: Words, index: int) -> list[str]:
    """All lower-case words of the sentence that ``index`` is in."""
    start = index
    while start > 0 and words[start - 1] not in ".!?" and index - start < 40:
        start -= 1
    end = index
    while end < len(words) and words[end] not in ".!?" and end - index < 40:
        end += 1
    return [word.lower() for word in words[start:end]]


_AFTER_PARTICIPLE = word_set("to that by it him them me how")


def _is_participle(words: Words, index: int) -> bool:
    """Learned, cursed, dogged: the verb form, unless it stands before a noun or after "very"."""
    before = clause_before(words, index)
    previous, following = (before or [""])[-1], _next(words, index)
    if previous in HAVE or following in DETERMINERS or following in _AFTER_PARTICIPLE:
        return True
    if previous in DETERMINERS or _next(words, index - 2) in ("very", "most", "so"):
        return following in MARKS
    return previous not in BE


def _read(words: Words, index: int) -> str:
    before = clause_before(words, index)
    present, past = "R IY1 D", "R EH1 D"
    previous = (before or [""])[-1]
    if previous in MODALS or previous == "to" or not before:
        return present
    if previous in HAVE | BE or previous in SINGULAR_SUBJECTS - {"who", "which"}:
        return past
    if set(before[-4:]) & (MODALS | {"to"}):
        return present
    is_name = words[index - 1][:1].isupper() and previous not in ("i", "you", "we", "they")
    if set(before[-4:]) & HAVE or is_name:
        return past
    sentence = _sentence(words, index)
    is_past = bool(_PAST & set(sentence)) or any(word.endswith("ed") and len(word) > 4 for word in sentence)
    return past if is_past else present


def _used(words: Words, index: int) -> str:
    usual, tool = "Y UW1 S T", "Y UW1 Z D"
    if _next(words, index) != "to":
        return tool
    after = _next(words, index, 2)
    is_thing = after in DETERMINERS or after in ("it", "that", "you", "him", "them", "me", "us", "being", "having")
    if _previous(words, index) in BE:
        return usual if is_thing or after.endswith("ing") else tool
    return usual


def _close(words: Words, index: int) -> str:
    verb, near = "K L OW1 Z", "K L OW1 S"
    previous, following = _previous(words, index), _next(words, index)
    if following in ("to", "by", "enough", "friend", "friends", "call", "range", "together", "relatives"):
        return verb if previous in MODALS else near
    if previous in ("come", "comes", "came", "stay", "stays", "get", "gets", "keep", "keeps"):
        return near
    if previous in ("the", "a") and (following == "of" or following in MARKS):
        return verb
    return verb if is_verb(words, index) else near


def _content(words: Words, index: int) -> str:
    previous = _previous(words, index)
    is_pleased = previous in BE or _next(words, index - 2) in ("very", "quite", "perfectly")
    is_pleased |= _next(words, index) in ("with", "to") and previous not in DETERMINERS
    return "K AH0 N T EH1 N T" if is_pleased else "K AA1 N T EH0 N T"


def _complex(words: Words, index: int) -> str:
    following, previous = _next(words, index), _previous(words, index)
    ends_phrase = following in MARKS or following in BE or following in ("of", "in", "on", "with", "and", "for", "that")
    is_noun = ends_phrase and previous not in BE and previous not in ("", "more", "very", "too", "so", "and")
    is_noun |= not previous and following in BE
    is_noun |= previous in ("apartment", "housing", "sports") or _starts_noun_phrase(words, index)
    return "K AA1 M P L EH0 K S" if is_noun else "K AH0 M P L EH1 K S"


def _starts_noun_phrase(words: Words, index: int) -> bool:
    is_after_article = index > 0 and words[index - 1].lower() in ("a", "the", "this", "that")
    return is_after_article and (_next(words, index) in BE or _next(words, index) in ("burned", "has", "had"))


_LIVE_NOUNS = word_set(
    "music show shows concert concerts broadcast broadcasts stream streams streaming audience performance performances "
    "video coverage wire ammunition event events tv television band album recording feed chat action sports from on "
    "bait animals"
)


def _live(words: Words, index: int) -> str:
    before, following = clause_before(words, index), _next(words, index)
    previous = (before or [""])[-1]
    if previous in MODALS or previous in ("to", "i", "we", "you", "they", "who", "people"):
        return "L IH1 V"
    is_alive = previous in BE or previous in DETERMINERS or previous in ("go", "goes", "going", "went", "recorded")
    return "L AY1 V" if is_alive or (following in _LIVE_NOUNS - {"from", "on"}) else "L IH1 V"


def _lives(words: Words, index: int) -> str:
    previous, following = _previous(words, index), _next(words, index)
    is_noun = previous in DETERMINERS or previous in ("of", "save", "saves", "saved", "saving", "lost", "our", "human")
    is_noun |= previous.endswith("'s") and previous not in BE
    is_noun |= previous not in SINGULAR_SUBJECTS and following in BE | HAVE
    return "L AY1 V Z" if is_noun else "L IH1 V Z"


_LEADEN = word_set("pipe pipes paint poisoning pencil acid bullet bullets weight free")
_BEFORE_METAL = word_set("of like contains contain molten with from")


def _lead(words: Words, index: int) -> str:
    following, previous = _next(words, index), _previous(words, index)
    is_metal = following in _LEADEN
    is_metal |= previous in _BEFORE_METAL and following in MARKS | {"and"}
    return "L EH1 D" if is_metal else "L IY1 D"


def _wind(words: Words, index: int) -> str:
    return "W AY1 N D" if is_verb(words, index) else "W IH1 N D"


def _tear(words: Words, index: int) -> str:
    after = ("in", "up", "down", "apart", "off", "out", "through", "it", "them", "away", "along", "open")
    is_rip = _next(words, index) in after or is_verb(words, index)
    return "T EH1 R" if is_rip else "T IH1 R"


def _tears(words: Words, index: int) -> str:
    is_rip = is_verb(words, index) or _next(words, index) in ("up", "apart", "off", "through")
    return "T EH1 R Z" if is_rip else "T IH1 R Z"


def _bow(words: Words, index: int) -> str:
    before = clause_before(words, index)
    bends = is_verb(words, index) or bool(set(before[-3:]) & word_set("take took takes taking final deep low"))
    bends |= bool(word_set("ship boat canoe deck stern sail sea shoreward") & set(_sentence(words, index)))
    return "B AW1" if bends or _next(words, index) in ("down", "before", "out", "to") else "B OW1"


def _bass(words: Words, index: int) -> str:
    fishy = word_set("fish fishing caught catch lake river sea largemouth striped fried grilled pond hook")
    return "B AE1 S" if fishy & set(_sentence(words, index)) else "B EY1 S"


_WINDINGS = word_set("up around round through down its back tightly tight along itself it them")


def _wound(words: Words, index: int) -> str:
    following, previous = _next(words, index), _previous(words, index)
    turns = following in _WINDINGS or previous in ("he", "she", "they", "we", "i", "it")
    return "W AW1 N D" if turns else "W UW1 N D"


def _minute(words: Words, index: int) -> str:
    tiny = word_set("amount amounts detail details particle particles quantity quantities traces fraction differences")
    previous = _previous(words, index)
    is_tiny = _next(words, index) in tiny or (previous in BE and _next(words, index) in MARKS)
    return "M AY0 N UW1 T" if is_tiny else "M IH1 N AH0 T"


_OWN_RULES: Mapping[str, Callable[[Words, int], str]] = {
    "read": _read,
    "used": _used,
    "close": _close,
    "closer": lambda *_: "K L OW1 S ER0",
    "content": _content,
    "complex": _complex,
    "live": _live,
    "lives": _lives,
    "lead": _lead,
    "wind": _wind,
    "tear": _tear,
    "tears": _tears,
    "bow": _bow,
    "bass": _bass,
    "wound": _wound,
    "minute": _minute,
}
