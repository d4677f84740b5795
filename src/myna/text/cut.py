"""Cutting a long text into pieces that are spoken one after the other.

The six methods and the pre-segmentation of the official GPT-SoVITS program, as facts; results are the same, except that
a long stretch without punctuation is cut hard, where the official program fails. And ``smart``, our own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from myna.core.errors import UnknownChoice
from myna.text.smart import CLOSERS, smart

SPLITS = frozenset("，。？！,.?!~:：—…")
"""Marks that end a sentence or clause."""
MAX_PIECE = 510
"""Most characters of one piece: the text encoder reads 512 tokens."""
MIN_PIECE = 5
"""Shorter pieces are joined with what follows."""
_MIN_OPENING = 4
_BLANK = frozenset("!?…,.- ")
_CUT5_MARKS = ",.;?!、，。？！：…"
_OTHER_MARKS = frozenset("、;；")
_GROUP_SENTENCES = 4
_GROUP_CHARACTERS = 50


_CLAUSE = re.compile(rf"[^{re.escape(''.join(SPLITS))}]*[{re.escape(''.join(SPLITS))}]")


def _clauses(text: str) -> list[str]:
    """Everything up to the last mark, cut after each mark."""
    return [match[0] for match in _CLAUSE.finditer(text)]


def _sentences(text: str) -> list[str]:
    text = text.replace("……", "。").replace("——", "，")
    if text[-1:] not in SPLITS:
        text += "。"
    return _clauses(text)


def _is_blank(text: str) -> bool:
    return set(text) <= _BLANK


def _joined(groups: Iterable[str]) -> str:
    return "\n".join(group for group in groups if not _is_blank(group))


def _nowhere(text: str) -> str:
    return "\n" if _is_blank(text) else text


def _by_four_sentences(text: str) -> str:
    text = text.strip("\n")
    sentences = _sentences(text)
    starts = list(range(0, len(sentences), _GROUP_SENTENCES))
    if len(starts) < 2:
        return _joined([text])
    ends = [*starts[1:-1], len(sentences)]
    return _joined("".join(sentences[start:end]) for start, end in zip(starts, ends, strict=False))


def _by_fifty_characters(text: str) -> str:
    text = text.strip("\n")
    sentences = _sentences(text)
    if len(sentences) < 2:
        return text
    groups = [""]
    for sentence in sentences:
        if len(groups[-1]) > _GROUP_CHARACTERS:
            groups.append("")
        groups[-1] += sentence
    if len(groups) > 1 and len(groups[-1]) < _GROUP_CHARACTERS:
        tail = groups.pop()
        groups[-1] += tail
    return _joined(groups)


def _by_chinese_stops(text: str) -> str:
    return _joined(text.strip("\n").strip("。").split("。"))


def _by_english_stops(text: str) -> str:
    return _joined(re.split(r"(?<![0-9])\.(?![0-9])", text.strip("\n").strip(".")))


def _by_all_marks(text: str) -> str:
    marks = re.escape(_CUT5_MARKS)
    parts = re.findall(rf"(?:[^{marks}]|(?<=[0-9])\.(?=[0-9]))*(?:[{marks}]|$)", text.strip("\n"))
    return "\n".join(part for part in parts if set(part) - set(_CUT5_MARKS))


def _smartly(text: str) -> str:
    return "\n".join(smart(text))


METHODS: dict[str, Callable[[str], str]] = {
    "cut0": _nowhere,
    "cut1": _by_four_sentences,
    "cut2": _by_fifty_characters,
    "cut3": _by_chinese_stops,
    "cut4": _by_english_stops,
    "cut5": _by_all_marks,
    "smart": _smartly,
}
"""The six of the official program, and our own."""
OWN_METHODS = frozenset({"smart"})


def cut_lines(text: str, method: str) -> str:
    """``text`` cut by ``method``, one piece a line; raises `UnknownChoice` for another method."""
    if method not in METHODS:
        raise UnknownChoice("cutting method", method, METHODS)
    return METHODS[method](text)


def cut(text: str, method: str) -> list[str]:
    """The pieces of ``text`` by ``method``, without empty ones; raises `UnknownChoice` for another method."""
    return [piece for piece in cut_lines(text, method).split("\n") if piece.strip()]


def collapse_marks(text: str) -> str:
    """Runs of two or more of ``! ? … , . -`` become the first of them; full-width marks stay."""
    return re.sub(r"([!?…,.\-])[!?…,.\-]+", r"\1", text)


def presegment(text: str, method: str, language: str) -> list[str]:
    """The pieces of a request, as they go to the front end one by one: cut, joined where short, ended with a stop.

    A very short opening gets a stop in front, for the models swallow it otherwise. Pieces without a letter or digit are
    dropped; of a text without any the list is empty. No piece is longer than `MAX_PIECE` (plus the stop). What our own
    method has cut is not joined again, and ended only where no mark stands before closing quotes and brackets.
    """
    stop = "." if language == "en" else "。"
    text = collapse_marks(text).strip("\n")
    if not text:
        return []
    if text[0] not in SPLITS and len(_until_first_mark(text)) < _MIN_OPENING:
        text = stop + text
    lines = [line for line in cut_lines(text, method).split("\n") if line not in ("", " ")]
    is_own = method in OWN_METHODS
    pieces: list[str] = []
    for piece in lines if is_own else _refilled(lines):
        if not re.search(r"\w", piece):
            continue
        has_end = is_marked(piece) if is_own else piece[-1] in SPLITS
        ended = piece if has_end else piece + stop
        pieces.extend(_shortened(ended))
    return pieces


def is_marked(piece: str) -> bool:
    """Whether ``piece`` ends with a mark, or with one before closing quotes and brackets."""
    last = piece.rstrip().rstrip(CLOSERS)[-1:]
    return last in SPLITS or last in _OTHER_MARKS


def _until_first_mark(text: str) -> str:
    return next((part for part in re.split(rf"[{re.escape(''.join(SPLITS))}]", text)), "").strip()


def _refilled(lines: list[str]) -> list[str]:
    """Neighbouring lines joined until each has `MIN_PIECE` characters; a short tail joins the last."""
    if len(lines) < 2:
        return lines
    result: list[str] = []
    collected = ""
    for line in lines:
        collected += line
        if len(collected) >= MIN_PIECE:
            result.append(collected)
            collected = ""
    if collected:
        result[-1:] = [(result[-1] if result else "") + collected]
    return result


def _shortened(piece: str) -> list[str]:
    """``piece`` in parts of at most `MAX_PIECE` characters, cut after marks, or anywhere in a stretch without marks."""
    if len(piece) <= MAX_PIECE:
        return [piece]
    result: list[str] = []
    for clause in _clauses(piece):
        if result and len(result[-1]) + len(clause) <= MAX_PIECE:
            result[-1] += clause
        else:
            result.extend(_chopped(clause))
    return result


def _chopped(clause: str) -> list[str]:
    """A clause in even parts of at most `MAX_PIECE` characters, between words where there are spaces."""
    num_parts = -(-len(clause) // MAX_PIECE)
    result: list[str] = []
    while num_parts > 1:
        size = -(-len(clause) // num_parts)
        space = clause.rfind(" ", size // 2, size)
        size = size if space < 0 else space + 1
        result.append(clause[:size])
        clause = clause[size:]
        num_parts = max(num_parts - 1, -(-len(clause) // MAX_PIECE))
    return [*result, clause]
