"""``python -m tests.parity.text FOLDER``: our text front end against records of the official one.

Runs every ``.jsonl`` of the folder through our official reading, prints a line for each file and then the differences,
and says of how many records our own reading differs on purpose: the reasons are listed in files beside the records
(``<file>_reasons.json``) or told from what stands in the text (`why`). A file's name tells its kind: en_more.jsonl is
of the kind en. ``--into docs/parity.md`` also puts all of it there, as a section of its own; ``--short`` leaves out the
differences; ``--own`` prints those of our own reading too. ``--names FILE`` reads English names by the official list,
``namedict_cache.pickle``, which does not ship.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

from myna.checkpoints.names import read_names
from myna.core.errors import BadInput
from myna.core.workspace import write_text
from myna.text.en.official.words import use_names
from tests.parity.text.records import (
    ELSEWHERE,
    FAILURE,
    IDENTICAL,
    MARKS,
    MODEL,
    NO_TABLE,
    NOTHING,
    OTHERWISE,
    REFUSED,
    SKIPPED,
    STRANGE,
    Outcome,
    Record,
    kind_of,
    outcome,
    records,
)

HERE = Path(__file__).parent
NOT_COUNTED = (SKIPPED, STRANGE, NOTHING, NO_TABLE, FAILURE, MODEL)
"""Verdicts on records that have no right official answer to be identical to."""
COLUMNS = "records,all,counted,identical,alike,without tags,apart,own: same,on purpose,reason listed".split(",")
TITLE = """## Texts against recorded outputs

Put here by `python -m tests.parity.text tests/parity/text --into docs/parity.md`; the records are outputs of the
official program. We read every text in two ways: officially, which has to say the same quirk for quirk, and in our own
way, which is what one hears unless one asks for the other. "Identical" counts records whose phones (segments, pieces)
are the same in the official reading, among those where the official program has an answer: a text without any letter
that it gives to no reader, a text on which it fails and (in mixed texts and segments) a language that its language
model guessed are counted apart. "Alike" adds mixed texts of the same segments and assembly, of which a segment is read
otherwise. "Without tags" leaves out records that hang on the official part-of-speech tagger, which could not be had.
"Own" says how many of all records our own reading reads the same, how many of the others it reads so on purpose (the
official reading is identical, or there is a reason), and how many of those have their reason below or differ in marks
alone; a record that differs for two reasons stands under both.

These figures are those of a plain install. Japanese is identical throughout where naist-jdic is installed. English
without tags is 98.44 % in a plain install, all but the names of a list of the official program that does not ship (it
does not say where its readings come from), and 100 % with the user's own copy: `myna fetch english_names --from FOLDER`
takes it from a checkout of GPT-SoVITS, and the option `--names FILE` uses it here.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.parity.text", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--short", action="store_true", help="no differences, only the shares")
    parser.add_argument("--own", action="store_true", help="the differences of our own reading too")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="page whose section with all of it is written anew")
    parser.add_argument("--names", type=Path, metavar="FILE", help="the official list of English names")
    arguments = parser.parse_args()
    if arguments.names is not None:
        names = read_names(arguments.names)
        use_names(lambda: names)
    files = sorted(arguments.folder.glob("*.jsonl"))
    if not files:
        parser.error(f"there is no .jsonl file in {arguments.folder}")
    try:
        results = {path: [outcome(record) for record in records(path)] for path in files}
    except BadInput as error:
        parser.error(str(error))
    shown = _table(results)
    for path, outcomes in {} if arguments.short else results.items():
        others = [found for found in outcomes if found.verdict != IDENTICAL]
        shown += _section(f"{path.stem}: what is not identical", _listed(others))
        shown += _section(f"{path.stem}: what we read otherwise on purpose", _own(path, outcomes)) * arguments.own
    sys.stdout.write(_writable([*shown, ""]))
    if arguments.into is not None:
        page = arguments.into.read_text(encoding="utf-8") if arguments.into.exists() else ""
        section = _writable([TITLE, *_table(results), *_grouped_all(results), ""])
        write_text(arguments.into, with_section(page, section))


def _writable(lines: list[str]) -> str:
    """The lines as one text; lone surrogates are shown as their numbers."""
    return "\n".join(lines).encode("utf-8", "backslashreplace").decode("utf-8")


def _table(results: dict[Path, list[Outcome]]) -> list[str]:
    head = [f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS)]
    return [*head, *(_row(path.stem, outcomes, _reasons(path)) for path, outcomes in results.items())]


def _grouped_all(results: dict[Path, list[Outcome]]) -> list[str]:
    lines: list[str] = []
    for path, outcomes in results.items():
        others = [found for found in outcomes if found.verdict != IDENTICAL]
        lines += _section(f"{path.stem}: what is not identical", _grouped(others, {}))
        lines += _section(f"{path.stem}: what we read otherwise on purpose", _own(path, outcomes))
    return lines


def _own(path: Path, outcomes: list[Outcome]) -> list[str]:
    own = [found for found in outcomes if found.own not in ("", IDENTICAL)]
    return _grouped(own, _reasons(path), is_own=True)


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"### {title}", "", *lines] if lines else []


def with_section(page: str, section: str) -> str:
    """``page`` with its section of this heading, at its end or where it was, written anew."""
    heading = section.partition("\n")[0]
    old = re.search(rf"^{re.escape(heading)}\n.*?(?=^#{{1,2}} |\Z)", page, flags=re.MULTILINE | re.DOTALL)
    if old is None:
        return f"{page.rstrip()}\n\n{section}".lstrip()
    rest = page[old.end() :]
    return page[: old.start()] + section + (f"\n{rest}" if rest else "")


def _row(name: str, outcomes: list[Outcome], reasons: dict[str, str]) -> str:
    verdicts = Counter(found.verdict for found in outcomes)
    counted = [found for found in outcomes if found.verdict not in NOT_COUNTED]
    untagged = [found for found in counted if not found.record.get("pos_dependent")]
    alike = [found for found in counted if found.verdict in (IDENTICAL, ELSEWHERE)]
    apart = "; ".join(f"{verdicts[verdict]} {verdict}" for verdict in NOT_COUNTED if verdicts[verdict])
    own = [found for found in outcomes if found.own]
    others = [found for found in own if found.own != IDENTICAL]
    listed = sum(_has_reason(found, reasons) for found in others)
    chosen = sum(found.own != OTHERWISE or _has_reason(found, reasons) for found in others)
    cells = (
        name,
        len(outcomes),
        len(counted),
        _share(_num_identical(counted), len(counted)),
        _share(len(alike), len(counted)),
        _share(_num_identical(untagged), len(untagged)),
        apart,
        _share(len(own) - len(others), len(own)),
        f"{chosen} of {len(others)}" if own else "-",
        listed if own else "-",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _has_reason(found: Outcome, reasons: dict[str, str]) -> bool:
    return found.own in (MARKS, REFUSED) or bool(found.why) or found.record["text"] in reasons


def _num_identical(outcomes: list[Outcome]) -> int:
    return sum(found.verdict == IDENTICAL for found in outcomes)


def _share(number: int, total: int) -> str:
    return f"{100 * number / total:.2f} %" if total else "-"


def _reasons(path: Path) -> dict[str, str]:
    """Text -> why we read it otherwise."""
    found: dict[str, str] = {}
    for file in (HERE / f"{kind_of(path.stem)}_reasons.json", path.with_name(f"{path.stem}_reasons.json")):
        if file.is_file():
            for text, why in json.loads(file.read_text(encoding="utf-8")).items():
                found[text] = why["reason"] if isinstance(why, dict) else str(why)
    return found


def _grouped(others: list[Outcome], reasons: dict[str, str], *, is_own: bool = False) -> list[str]:
    """Each reason with its number of records and its texts."""
    texts: dict[str, dict[str, None]] = {}
    counts: Counter[str] = Counter()
    for found in others:
        listed = reasons.get(found.record.get("text", ""))
        for reason in (listed,) if listed else (found.why or (found.own,)) if is_own else (found.verdict,):
            counts[reason] += 1
            texts.setdefault(reason, {})[_shown(found.record.get("text", ""))] = None
    return [
        f"- {reason} ({number}): {', '.join(f'`{text}`' for text in texts[reason])}"
        for reason, number in counts.most_common()
    ]


def _shown(text: str) -> str:
    line = text.replace("\n", "⏎").replace("`", "'")
    return line if len(line) <= 40 else f"{line[:39]}…"


def _listed(others: list[Outcome]) -> list[str]:
    return [
        f"{_place(found.record)} {found.record.get('text')!r}: {found.verdict}\n"
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
