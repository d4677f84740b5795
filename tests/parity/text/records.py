"""What a record of the official program's text front end says, and what our two readings make of it.

Our official reading has to say the same; our own one differs where the official program misreads. The records are lines
of JSON in the golden form: plain ones (``lang``, ``version``, ``text``, ``phones``), with ``g2pw_calls`` where a model
of polyphones had spoken, segmentations (``segments_lite``), mixed texts (``segments`` and ``phones``), cuttings
(``kind``).
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myna.core.errors import BadInput, MissingExtra, UnknownChoice
from myna.text.cut import MAX_PIECE, cut_lines, presegment
from myna.text.frontend import phonemize, phonemize_plain
from myna.text.mixed import read_mixed
from myna.text.phonemes import Phonemes
from myna.text.segment import segments
from tests.parity.text.why import SILENT, reasons

Record = dict[str, Any]

IDENTICAL = "identical"
NOTHING = "nothing to speak: we refuse it"
NO_TABLE = "a language without phones in this table: we refuse it"
ELSEWHERE = "assembled alike, a segment is read otherwise"
MODEL = "the official language model guessed"
FAILURE = "the official program fails on it"
SKIPPED = "skipped: a library is not installed"
DIFFERS = "differs"

DICTIONARY = "only without naist-jdic: the library's own dictionary knows other words or accents"
NAMES = "only without the official list of names, which does not ship: the name is spelled or divided"
TAGGER = "hangs on the official part-of-speech tagger, which could not be had"

MARKS = "same words, other marks"
STRANGE = "not of a form that we know"
REFUSED = "nothing to speak: our own reading refuses it"
PURPOSE = "read otherwise by choice: the official reading is identical"
OTHERWISE = "read otherwise"

KINDS = ("zh", "zh_g2pw_replay", "yue", "en", "ja", "ko", "mixed", "segments", "cuts")
"""The files there are."""


@dataclass(frozen=True)
class Outcome:
    """How our official reading did on a record, ``wanted`` and ``got`` where that is not the same; and how our own one
    did, "" where there is but one, and ``why`` not the same.
    """

    record: Record
    verdict: str
    wanted: object = None
    got: object = None
    own: str = ""
    why: tuple[str, ...] = ()


def kind_of(stem: str) -> str:
    """The kind of a file of records, by the beginning of its name: zh_more is one of zh."""
    return max((kind for kind in KINDS if stem == kind or stem.startswith(f"{kind}_")), key=len, default=stem)


def records(path: Path) -> Iterator[Record]:
    """The records of a file; raises `BadInput` for a line that holds none."""
    language = kind_of(path.stem).partition("_")[0]
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        try:
            record: Record = {"lang": language, "version": "v2"} | json.loads(line)
        except (ValueError, TypeError):
            raise BadInput(f"{path}:{number} is no record") from None
        if "pieces" in record:  # several records of one text, as we keep them
            yield from ({**record, "kind": "cut", "method": name, "out": out} for name, out in record["cut"].items())
            for language, methods in record["pieces"].items():
                for name, out in methods.items():
                    yield {**record, "kind": "pre_seg", "method": name, "lang": language, "out": out}
        else:
            yield record


def outcome(record: Record) -> Outcome:
    if not isinstance(record.get("text"), str):
        return Outcome(record | {"text": ""}, STRANGE, got="it has no text")
    try:
        if "kind" in record or "out" in record:
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
    except (LookupError, TypeError, ValueError, UnknownChoice) as error:
        return Outcome(record, STRANGE, got=f"{type(error).__name__}: {error}")


def _same(record: Record, wanted: object, got: object, otherwise: str = DIFFERS) -> Outcome:
    return Outcome(record, IDENTICAL) if wanted == got else Outcome(record, otherwise, wanted, got)


def _cut(record: Record) -> Outcome:
    wanted = record["out"]
    if record.get("kind", "cut" if record["lang"] == "cuts" else "pre_seg") == "cut":
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
    return _judged(record, phonemize, _mixed_verdict)


def _mixed_verdict(record: Record) -> str:
    if is_assembled_alike(record):
        return ELSEWHERE
    return DIFFERS if record.get("lid_robust", True) else MODEL


def _judged(record: Record, read: Callable[..., Phonemes], otherwise: Callable[[Record], str]) -> Outcome:
    """Both readings of a record; ``otherwise`` says what it is called that the official one is not identical."""
    said = (record["text"], record["lang"], record["version"])
    wanted = record["phones"]
    try:
        got = read(*said, official=True).phones
    except UnknownChoice as error:
        return Outcome(record, NO_TABLE, wanted, str(error))
    except BadInput as error:
        return Outcome(record, NOTHING if SILENT.issuperset(wanted) else DIFFERS, wanted, str(error))
    own = _own(wanted, got, read, said)
    why = reasons(record) if own in (PURPOSE, OTHERWISE) else ()
    if got == wanted:
        return Outcome(record, IDENTICAL, own=own, why=why)
    return Outcome(record, otherwise(record), wanted, got, own, why)


def _own(wanted: list[str], official: list[str], read: Callable[..., Phonemes], said: tuple[str, str, str]) -> str:
    otherwise = PURPOSE if official == wanted else OTHERWISE
    try:
        got = read(*said).phones
    except BadInput:
        return REFUSED if SILENT.issuperset(wanted) else otherwise
    if got == wanted:
        return IDENTICAL
    return MARKS if _words(got) == _words(wanted) else otherwise


def is_assembled_alike(record: Record) -> bool:
    """Whether our segments are the official ones, and put together what the official readers made of them alike."""
    return bool(replayed_assembly(record) == record["phones"])


def replayed_assembly(record: Record) -> list[str] | None:
    """The phones of our segmentation and assembly over the official readers' own phones; None for other segments."""
    official: dict[tuple[str, str], list[str]] = {}
    at = 0
    sizes = record.get("seg_phones", [])
    for (language, text), size in zip(record["segments"], sizes, strict=False):
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
    return _judged(record, phonemize_plain, _plain_verdict)


def _plain_verdict(record: Record) -> str:
    if record.get("pos_dependent"):
        return TAGGER
    if record.get("name_dependent"):
        return NAMES
    return DICTIONARY if record["lang"] == "ja" and not _has_exact_dictionary() else DIFFERS


def _has_exact_dictionary() -> bool:
    dictionary = importlib.import_module("myna.text.ja.dictionary")
    return bool(dictionary.default_folder() != dictionary.OWN_FOLDER)


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
