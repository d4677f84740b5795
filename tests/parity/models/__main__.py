"""``python -m tests.parity.models FOLDER ...``: our nets against recorded outputs of the official ones.

A FOLDER holds ``cases/*.npz`` (or the .npz files themselves) and perhaps ``keys/*.json`` and folders with an
``expected.json``, or is such a folder. Prints a line per case: its name, the error of the output that is nearest to its
limit, what was allowed, and whether all is well; exit code 1 where one case fails or cannot be run.
``--into docs/parity.md`` also puts the lines there, as a section of its own; ``--only PATTERN`` picks cases.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from myna.core.errors import MynaError
from myna.core.workspace import write_text
from myna.text.symbols import symbols
from tests.parity.models.families import KEY_LISTS, differing_keys, runner_of
from tests.parity.models.folder_cases import EXPECTED, read_folder
from tests.parity.models.golden import HERE, Case, read_case

TITLE = """## Nets against recorded outputs

Put here by `python -m tests.parity.models tests/parity/models tests/checkpoints/files --into docs/parity.md`; the
records are outputs of the official program, whose nets were filled with synthetic weights, in float32. The error is
the norm of the difference as a share of the norm of the record (of integers, tokens and key lists: how many differ),
that of the output nearest to its limit. Allowed is 1e-4, and more only where the official program itself differs that
much between float32 and float64, times fifty (gradients that jump where a leaky ReLU has its kink), or where float32
cannot do better (the last logits, of whose end row the recorded cases made a sum of huge numbers that nearly cancel;
all other logits are compared at 1e-4 beside it). Less is allowed where nothing is learnt.
"""
HEADING = TITLE.partition("\n")[0]
SYMBOLS = "symbols_"


@dataclass(frozen=True)
class Line:
    """One row of the table: ``error`` and ``allowed`` are of ``output``; ``about`` says what was not compared."""

    name: str
    is_ok: bool
    error: float | None = None
    allowed: float | None = None
    output: str = ""
    about: str = ""

    @property
    def verdict(self) -> str:
        return "ok" if self.is_ok else "FAILED"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.parity.models", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="*", default=[HERE], metavar="FOLDER")
    parser.add_argument("--into", type=Path, help="page whose section with this table is written anew")
    parser.add_argument("--only", default="", help="regular expression on the names of cases")
    arguments = parser.parse_args()
    paths = []
    for folder in arguments.folders:
        found = _paths(folder)
        if not found:
            parser.error(f"there is no case in {folder}")
        paths += [path for path in found if re.search(arguments.only, _name(path))]
    if not paths:
        parser.error(f"no case is called {arguments.only!r}")
    lines = []
    for path in paths:
        lines.append(line_of(path))
        print(_plain(lines[-1]), flush=True)
    num_bad = sum(not line.is_ok for line in lines)
    print(f"{len(lines) - num_bad} ok, {num_bad} failed")
    if arguments.into:
        page = arguments.into.read_text(encoding="utf-8") if arguments.into.exists() else ""
        write_text(arguments.into, with_section(page, lines))
    return 1 if num_bad else 0


def with_section(page: str, lines: Sequence[Line]) -> str:
    """``page`` with its section of this table, at its end or where it was, written anew."""
    head = "| case | error | allowed | verdict | nearest to its limit |\n| --- | --- | --- | --- | --- |"
    section = "\n".join((TITLE, head, *map(_markdown, lines))) + "\n"
    old = re.search(rf"^{re.escape(HEADING)}\n.*?(?=^#{{1,2}} |\Z)", page, flags=re.MULTILINE | re.DOTALL)
    if old is None:
        return f"{page.rstrip()}\n\n{section}".lstrip()
    rest = page[old.end() :]
    return page[: old.start()] + section + (f"\n{rest}" if rest else "")


def _paths(folder: Path) -> list[Path]:
    """Key lists, cases, and records of whole folders."""
    if (folder / EXPECTED).is_file():
        return [folder / EXPECTED]
    inner = folder / "cases" if (folder / "cases").is_dir() else folder
    keys = (path for path in (folder / "keys").glob("*.json") if not path.stem.startswith("_"))
    return [*sorted(keys), *sorted(inner.glob("*.npz")), *sorted(inner.glob(f"*/{EXPECTED}"))]


def _name(path: Path) -> str:
    return path.parent.name if path.name == EXPECTED else path.stem


def line_of(path: Path) -> Line:
    """Run whatever ``path`` records."""
    is_keys = path.suffix == ".json" and path.name != EXPECTED
    return _keys_line(path) if is_keys else case_line(path)


def case_line(path: Path) -> Line:
    """Run one case, or one recorded folder, and tell how near it came."""
    run = runner_of(_name(path))
    if run is None:
        return Line(_name(path), False, about="no family of this name is known")
    is_folder = path.name == EXPECTED
    case = read_folder(path.parent, is_strict=False) if is_folder else read_case(path, is_strict=False)
    failure = ""
    try:
        run(case)
    except (AssertionError, LookupError, ValueError, RuntimeError, TypeError, MynaError) as error:
        failure = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
    return _judged(case, failure)


def _judged(case: Case, failure: str) -> Line:
    worst = case.worst
    if worst is None:
        return Line(case.name, False, about=failure or "nothing was compared")
    bad = [found.output for found in case.comparisons if not found.is_ok]
    about = f"{len(case.comparisons)} compared" + (f"; wrong: {', '.join(bad[:5])}" if bad else "")
    is_ok = not bad and not failure
    return Line(case.name, is_ok, worst.error, worst.allowed, worst.output, f"{about}; {failure}" if failure else about)


def _keys_line(path: Path) -> Line:
    name = f"keys {path.stem}"
    if path.stem.startswith(SYMBOLS):
        return _symbols_line(path)
    if path.stem not in KEY_LISTS:
        return Line(name, False, about="no net is known for this list")
    differing = differing_keys(path.stem, path.parent)
    return Line(name, not differing, float(len(differing)), 0.0, ", ".join(differing[:3]) or "names and shapes")


def _symbols_line(path: Path) -> Line:
    theirs = json.loads(path.read_text(encoding="utf-8"))
    ours = symbols(path.stem.removeprefix(SYMBOLS))
    differing = sum(a != b for a, b in zip(ours, theirs, strict=False)) + abs(len(ours) - len(theirs))
    return Line(f"keys {path.stem}", not differing, float(differing), 0.0, "names and numbers")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value == int(value if value < float("inf") else 0) else f"{value:.1e}"


def _plain(line: Line) -> str:
    shown = f"{line.name:36} {_number(line.error):>8} {_number(line.allowed):>8}  {line.verdict:6}  {line.output}"
    return f"{shown}  ({line.about})" if line.about else shown


def _markdown(line: Line) -> str:
    cells = line.name, _number(line.error), _number(line.allowed), line.verdict, line.output or line.about
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
