"""``python -m tests.parity.text FOLDER``: our text front end against records of the official one.

Runs every ``.jsonl`` of the folder, prints a line for each file and then the differences, with the reason where one is
listed in a file of reasons beside the records (``<file>_reasons.json``) or here. ``--markdown`` prints the page
``docs/parity.md`` instead; ``--short`` leaves out the differences.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

from tests.parity.text.records import (
    DIFFERS,
    ELSEWHERE,
    FAILURE,
    IDENTICAL,
    MARKS,
    MODEL,
    NO_TABLE,
    NOTHING,
    PURPOSE,
    SKIPPED,
    UNITS,
    Outcome,
    Record,
    outcome,
    records,
)

HERE = Path(__file__).parent
ALIKE = (IDENTICAL, MARKS, ELSEWHERE, UNITS, PURPOSE)
NOT_COUNTED = (SKIPPED, NOTHING, NO_TABLE, FAILURE, MODEL)
"""Verdicts on records that have no right official answer to be identical to."""
TITLE = """# Parity with the official text front end

Printed by `python -m tests.parity.text --markdown tests/parity/text > docs/parity.md`; the records are outputs of the
official program. "Identical" counts records whose phones (segments, pieces) are the same, among those where the
official program has an answer: a text in which nothing can be spoken is refused by us, a text on which it fails and
(in mixed texts and segments) a language that its language model guessed are counted apart. "Alike" adds mixed texts
whose segments and assembly are the same, where only the reader of a language says a segment otherwise (or a unit of
measure or a word in Latin letters is given to another reader), and plain texts that differ in marks alone or that our
official mode reads the same. "Or listed" adds texts that are read otherwise for a reason; each is named below.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.parity.text", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--short", action="store_true", help="no differences, only the shares")
    parser.add_argument("--markdown", action="store_true", help="the page docs/parity.md")
    arguments = parser.parse_args()
    files = sorted(arguments.folder.glob("*.jsonl"))
    if not files:
        parser.error(f"there is no .jsonl file in {arguments.folder}")
    results = {path: [outcome(record) for record in records(path)] for path in files}
    print(TITLE if arguments.markdown else "")
    print("| records | all | counted | identical | alike | or listed | apart |\n|" + " --- |" * 7)
    for path, outcomes in results.items():
        print(_row(path.stem, outcomes, _reasons(path)))
    if arguments.short:
        return
    for path, outcomes in results.items():
        reasons = _reasons(path)
        others = [found for found in outcomes if found.verdict != IDENTICAL]
        if others:
            print(f"\n## {path.stem}: what is not identical\n")
        for line in _grouped(others, reasons) if arguments.markdown else _listed(others, reasons):
            print(line)


def _row(name: str, outcomes: list[Outcome], reasons: dict[str, str]) -> str:
    verdicts = Counter(found.verdict for found in outcomes)
    counted = [found for found in outcomes if found.verdict not in NOT_COUNTED]
    identical = sum(found.verdict == IDENTICAL for found in counted)
    alike = sum(found.verdict in ALIKE for found in counted)
    listed = sum(found.verdict in ALIKE or found.record["text"] in reasons for found in counted)
    apart = "; ".join(f"{verdicts[verdict]} {verdict}" for verdict in NOT_COUNTED if verdicts[verdict])
    shares = [f"{100 * number / len(counted):.2f} %" if counted else "-" for number in (identical, alike, listed)]
    return f"| {name} | {len(outcomes)} | {len(counted)} | {' | '.join(shares)} | {apart} |"


def _reasons(path: Path) -> dict[str, str]:
    """Text -> why we read it otherwise."""
    found: dict[str, str] = {}
    for file in (HERE / f"{path.stem}_reasons.json", path.with_name(f"{path.stem}_reasons.json")):
        if file.is_file():
            for text, why in json.loads(file.read_text(encoding="utf-8")).items():
                found[text] = why["reason"] if isinstance(why, dict) else str(why)
    return found


def _reason(found: Outcome, reasons: dict[str, str]) -> str:
    listed = reasons.get(found.record["text"])
    return listed or (found.verdict if found.verdict != DIFFERS else "no reason listed")


def _grouped(others: list[Outcome], reasons: dict[str, str]) -> list[str]:
    """Each reason with its number of records and its texts."""
    texts: dict[str, dict[str, None]] = {}
    counts: Counter[str] = Counter()
    for found in others:
        reason = _reason(found, reasons)
        counts[reason] += 1
        texts.setdefault(reason, {})[_shown(found.record["text"])] = None
    return [
        f"- {reason} ({number}): {', '.join(f'`{text}`' for text in texts[reason])}"
        for reason, number in counts.most_common()
    ]


def _shown(text: str) -> str:
    line = text.replace("\n", "⏎").replace("`", "'")
    return line if len(line) <= 40 else f"{line[:39]}…"


def _listed(others: list[Outcome], reasons: dict[str, str]) -> list[str]:
    return [
        f"{_place(found.record)} {found.record['text']!r}: {_reason(found, reasons)}\n"
        f"    official {_joined(found.wanted)}\n    ours     {_joined(found.got)}"
        for found in others
    ]


def _place(record: Record) -> str:
    return "/".join(str(record[key]) for key in ("lang", "version", "method") if record.get(key))


def _joined(value: object) -> str:
    is_phones = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return " ".join(value) if is_phones and isinstance(value, list) else repr(value)


if __name__ == "__main__":
    main()
