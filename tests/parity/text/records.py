"""What a record of the official program's text front end says, and what ours makes of it.

The records are lines of JSON in the golden form: plain ones (``lang``, ``version``, ``text``, ``phones``), with
``g2pw_calls`` where a model of polyphones had spoken, segmentations (``segments_lite``), mixed texts (``segments`` and
``phones``), cuttings (``kind``).
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myna.core.errors import BadInput, MissingExtra, UnknownChoice
from myna.text.cut import MAX_PIECE, cut_lines, presegment
from myna.text.frontend import LANGUAGES, phonemize, phonemize_plain
from myna.text.mixed import read_mixed
from myna.text.phonemes import Phonemes
from myna.text.segment import segments
from myna.text.symbols import PUNCTUATION
from myna.text.units import mended

Record = dict[str, Any]

IDENTICAL = "identical"
MARKS = "same words, other marks"
NOTHING = "nothing to speak: we refuse it"
NO_TABLE = "a language without phones in this table: we refuse it"
ELSEWHERE = "assembled alike, a segment's reader differs"
UNITS = "assembled alike, but a unit or a Latin word is given to another reader"
PURPOSE = "read otherwise on purpose: our official mode says the same"
MODEL = "the official language model guessed"
FAILURE = "the official program fails on it"
SKIPPED = "skipped: a library is not installed"
DIFFERS = "differs"

SILENT = frozenset([*PUNCTUATION, "UNK", "停", "空", "_", "[", "]"])


@dataclass(frozen=True)
class Outcome:
    """How we did on a record; ``wanted`` and ``got`` where that is not the same."""

    record: Record
    verdict: str
    wanted: object = None
    got: object = None


def records(path: Path) -> Iterator[Record]:
    for line in path.read_text(encoding="utf-8").splitlines():
        record: Record = {"lang": path.stem, "version": "v2"} | json.loads(line)
        if "pieces" in record:  # several records of one text, as we keep them
            yield from ({**record, "kind": "cut", "method": name, "out": out} for name, out in record["cut"].items())
            for language, methods in record["pieces"].items():
                for name, out in methods.items():
                    yield {**record, "kind": "pre_seg", "method": name, "lang": language, "out": out}
        else:
            yield record


def outcome(record: Record) -> Outcome:
    try:
        if "kind" in record:
            return _cut(record)
        if "segments_lite" in record:
            return _segmented(record)
        if "segments" in record:
            return _mixed(record)
        if "g2pw_calls" in record:
            return _replayed(record)
        return _plain(record)
    except MissingExtra as error:
        return Outcome(record, SKIPPED, got=str(error))


def _same(record: Record, wanted: object, got: object, otherwise: str = DIFFERS) -> Outcome:
    return Outcome(record, IDENTICAL) if wanted == got else Outcome(record, otherwise, wanted, got)


def _cut(record: Record) -> Outcome:
    wanted = record["out"]
    if record["kind"] == "cut":
        return _same(record, wanted, cut_lines(record["text"], record["method"]))
    got = presegment(record["text"], record["method"], record["lang"])
    has_failed = any(len(piece) > MAX_PIECE or not re.search(r"\w", piece) for piece in wanted)
    if has_failed and "".join(got) == "".join(wanted) and all(0 < len(piece) <= MAX_PIECE for piece in got):
        return _same(record, wanted, got, FAILURE)
    return _same(record, wanted, got)


def squeezed(text: str) -> str:
    """As the official program hands a text to its segmentation."""
    return re.sub(" {2,}", " ", text)


def segmented(text: str, mode: str) -> list[list[str]]:
    return [[segment.language, segment.text] for segment in segments(squeezed(text), mode)]


def _segmented(record: Record) -> Outcome:
    wanted = record["segments_lite"]
    got = segmented(record["text"], record["lang"])
    if not any(map(str.isalnum, "".join(text for _, text in got))):
        return _same(record, wanted, got, NOTHING)
    is_sure = record.get("agree", wanted == record.get("segments_script_only", wanted))
    return _same(record, wanted, got, DIFFERS if is_sure else MODEL)


def _mixed(record: Record) -> Outcome:
    try:
        got = phonemize(record["text"], record["lang"], record["version"]).phones
    except UnknownChoice as error:
        return Outcome(record, NO_TABLE, record["phones"], str(error))
    except BadInput as error:
        is_silent = SILENT.issuperset(record["phones"])
        return Outcome(record, NOTHING if is_silent else DIFFERS, record["phones"], str(error))
    if got == record["phones"]:
        return Outcome(record, IDENTICAL)
    if is_assembled_alike(record):
        return Outcome(record, UNITS if is_mended(record) else ELSEWHERE, record["phones"], got)
    return Outcome(record, DIFFERS if record.get("lid_robust", True) else MODEL, record["phones"], got)


def is_assembled_alike(record: Record) -> bool:
    """Whether our segments are the official ones, and put together what the official readers made of them alike."""
    return replayed_assembly(record) == record["phones"]


def is_mended(record: Record) -> bool:
    found = segments(squeezed(record["text"]), record["lang"])
    return [part.text for part in mended(found)] != [part.text for part in found]


def replayed_assembly(record: Record) -> list[str] | None:
    """The phones of our segmentation and assembly over the official readers' own phones; None for other segments."""
    official: dict[tuple[str, str], list[str]] = {}
    at = 0
    sizes = record["seg_phones"]
    for (language, text), size in zip(record["segments"], sizes, strict=True):
        official[language, text] = record["phones"][at : at + size]
        at += size
    is_other = False

    def read(text: str, language: str) -> Phonemes:
        nonlocal is_other
        found = official.get((language, text))
        is_other |= found is None and (text.startswith((".", "。")) or not record.get("dot_prefixed"))
        return Phonemes(found or [], None, text)

    got = read_mixed(record["text"], record["lang"], read, is_mended=False).phones
    return None if is_other else got


def _plain(record: Record) -> Outcome:
    try:
        got = phonemize_plain(record["text"], record["lang"], record["version"]).phones
    except UnknownChoice as error:
        return Outcome(record, NO_TABLE, record["phones"], str(error))
    except BadInput as error:
        is_silent = SILENT.issuperset(record["phones"])
        return Outcome(record, NOTHING if is_silent else DIFFERS, record["phones"], str(error))
    if _words(got) == _words(record["phones"]):
        return _same(record, record["phones"], got, MARKS)
    return _same(record, record["phones"], got, PURPOSE if _official(record) == record["phones"] else DIFFERS)


def _official(record: Record) -> list[str] | None:
    """The phones of a language's official mode, which has the misreadings too; None where there is no such mode."""
    if not LANGUAGES[record["lang"]].official:
        return None
    return phonemize_plain(record["text"], record["lang"], record["version"], official=True).phones


def _words(phones: list[str]) -> list[str]:
    return [phone for phone in phones if phone not in SILENT]


def _replayed(record: Record) -> Outcome:
    """A Chinese record whose polyphones a model had read: the model's answers are played back."""
    try:
        polyphone = importlib.import_module("myna.text.zh.polyphone")
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{error.name} is not installed") from None
    said = {
        sentence: reading
        for asked, answers in record["g2pw_calls"]
        for sentence, reading in zip(asked, answers, strict=True)
    }
    polyphone.use_reader(lambda asked: [said.get(one) or polyphone.word_reading(one) for one in asked])
    try:
        return _plain(record)
    finally:
        polyphone.use_reader(None)
