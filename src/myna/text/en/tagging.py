"""Is a word a verb here? A few rules over its neighbours; a tagger for homographs only, not for text at large."""

from __future__ import annotations

from collections.abc import Sequence

from myna.text.en.lexicon import word_set

MARKS = frozenset("!?.,")
DETERMINERS = word_set(
    "a an the my your his her its our their this these those no some any every each another such both either neither "
    "what which whose one two three four five six seven eight nine ten several many few more most all first last next "
    "own other same single new old good great"
)
_OBJECTS = word_set(
    "a an the my your his her its our their this these those it them him me us you myself yourself himself herself "
    "itself themselves ourselves everyone everything something anything nothing someone how whether whom each"
)
_PREPOSITIONS = word_set(
    "of in on at for with by from about into without under over per between through during as than like after before "
    "against despite since until within across near upon via"
)
MODALS = word_set(
    "will would can could shall should may might must do does did cannot gonna wanna i'll you'll he'll she'll it'll "
    "we'll they'll that'll i'd you'd he'd she'd we'd they'd won't wouldn't can't couldn't shouldn't mustn't don't "
    "doesn't didn't let's please"
)
BE = word_set(
    "am is are was were be been being i'm you're he's she's it's we're they're that's isn't aren't wasn't weren't get "
    "gets got getting become becomes became seem seems seemed feel feels felt look looks looked"
)
HAVE = word_set(
    "have has had having i've you've we've they've haven't hasn't hadn't would've could've should've might've must've"
)
_SUBJECTS = word_set("i you we they who people men women children")
SINGULAR_SUBJECTS = word_set("he she it who everyone everybody someone somebody nobody anyone which")
_CAUSATIVES = word_set("let make makes made help helps helped watch watched see saw hear heard have had")
_OBJECT_PRONOUNS = word_set("me him her them us it you")
_CONJUNCTIONS = word_set("and or but then")
_ADVERBS = word_set(
    "always never also often still just even not now sometimes usually soon ever already only really then again"
)
_LY_OTHERS = word_set("family early daily weekly july reply supply apply")
_NOT_PLURAL = word_set(
    "sales sports news goods arms this his its us is was has as yes thus plus less always perhaps does james"
)
_ADJECTIVE_ENDINGS = ("al", "ive", "ous", "ful", "ic", "ble", "ed", "er")
_REACH = 5


def clause_before(words: Sequence[str], index: int) -> list[str]:
    """The lower-case words before ``index`` back to the last mark, nearest last, adverbs next to it left out."""
    result: list[str] = []
    for word in reversed(words[max(0, index - 12) : index]):
        if word in MARKS:
            break
        result.insert(0, word.lower())
    while result and is_adverb(result[-1]):
        result.pop()
    return result


def is_adverb(word: str) -> bool:
    """Adverbs that stand between a subject or auxiliary and its verb."""
    return word in _ADVERBS or (word.endswith("ly") and len(word) > 4 and word not in _LY_OTHERS)


def _is_plural(word: str) -> bool:
    return word.endswith("s") and len(word) > 3 and not word.endswith(("ss", "us", "'s")) and word not in _NOT_PLURAL


def is_verb(words: Sequence[str], index: int, prior: bool = False) -> bool:
    """Whether ``words[index]``, a noun or verb in its base or s form, is a verb; ``prior`` where nothing tells."""
    word = words[index].lower()
    before = clause_before(words, index)
    if before[-2:] == [word, "to"]:
        return False
    following = words[index + 1].lower() if index + 1 < len(words) else "."
    if not before:
        return _opens_clause(words, index, following, prior)
    if word.endswith("s") and not word.endswith("ss"):
        return _is_third_person(words, index, before, following)
    return _is_base_form(before, following, prior)


def _opens_clause(words: Sequence[str], index: int, following: str, prior: bool) -> bool:
    """First word after a mark: an order if an object follows; after a comma, the second of two verbs perhaps."""
    if words[index].lower().endswith("s"):
        return False
    if following in _OBJECTS or following in DETERMINERS:
        return True
    return prior and following not in _PREPOSITIONS and following not in BE and following not in MARKS


def _is_third_person(words: Sequence[str], index: int, before: list[str], following: str) -> bool:
    previous = before[-1]
    if previous in SINGULAR_SUBJECTS:
        return True
    if previous in DETERMINERS or previous in _PREPOSITIONS or previous in MODALS or previous in HAVE or previous in BE:
        return False
    if previous == "that":
        return following in _OBJECTS
    has_subject = len(before) > 1 or words[index - 1][0].isupper()
    if following in _OBJECTS:
        return has_subject
    is_after_noun = before[-2:-1] in (["this"], ["that"], ["the"])
    return has_subject and is_after_noun and following not in _PREPOSITIONS | BE | MARKS


def _is_base_form(before: list[str], following: str, prior: bool) -> bool:
    previous = before[-1]
    earlier = before[-2] if len(before) > 1 else ""
    if previous in _OBJECT_PRONOUNS and earlier in _CAUSATIVES and previous != "her":
        return True
    if previous == "to":
        return following != "of"
    if previous in MODALS or previous in _SUBJECTS:
        return True
    if previous in DETERMINERS or previous in _PREPOSITIONS or previous in BE or previous in HAVE:
        return False
    if previous in ("that", "there", "here"):
        return following in _OBJECTS and previous == "that"
    if previous in _CONJUNCTIONS:
        return _continues_verb(before[:-1], following, prior)
    if following in _OBJECTS and following != "that":
        return True
    if _is_plural(previous):
        return following != "of" and following not in BE | HAVE | MODALS
    return prior and not previous.endswith(_ADJECTIVE_ENDINGS)


def _continues_verb(before: list[str], following: str, prior: bool) -> bool:
    """After "and": a verb if an object follows, or if a verb cue stands shortly before."""
    if following in _OBJECTS:
        return True
    recent = before[-_REACH:]
    has_cue = any(word == "to" or word in MODALS or word in _SUBJECTS for word in recent)
    return (has_cue and following not in ("of", "is", "was")) or (prior and not recent)
