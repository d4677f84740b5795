"""``python -m tests.parity.models FOLDER``: our nets against recorded outputs of the official ones.

FOLDER holds ``cases/*.npz`` (or the .npz files themselves) and perhaps ``keys/*.json``. Prints a line per case: its
name, the error of the output that is nearest to its limit, what was allowed, and whether all is well; exit code 1 where
one case fails or cannot be run. ``--markdown`` prints the section of docs/parity.md; ``--only PATTERN`` picks cases.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from myna.core.errors import MynaError
from myna.text.symbols import symbols
from tests.parity.models.families import KEY_LISTS, differing_keys, reason_apart, runner_of
from tests.parity.models.golden import HERE, Case, read_case

TITLE = """## Nets against recorded outputs

Printed by `python -m tests.parity.models --markdown tests/parity/models`; the records are outputs of the official
program whose nets were filled with synthetic weights, in float32. The error is the norm of the difference as a share
of the norm of the record (of integers, tokens and key lists: how many differ), that of the output nearest to its limit.
Allowed is 1e-4, and more only where the official program itself differs so much between float32 and float64.
"""
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


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.parity.models", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=HERE)
    parser.add_argument("--markdown", action="store_true", help="the section of docs/parity.md")
    parser.add_argument("--only", default="", help="regular expression on the names of cases")
    arguments = parser.parse_args()
    cases, keys = _files(arguments.folder)
    wanted = [path for path in (*keys, *cases) if re.search(arguments.only, path.stem)]
    if not wanted:
        parser.error(f"there is no case in {arguments.folder}")
    if arguments.markdown:
        print(f"{TITLE}\n| case | error | allowed | ok | nearest to its limit |\n| --- | --- | --- | --- | --- |")
    num_bad = 0
    for path in wanted:
        line = _keys_line(path) if path.suffix == ".json" else case_line(path)
        num_bad += not line.is_ok
        print(_markdown(line) if arguments.markdown else _plain(line), flush=True)
    if not arguments.markdown:
        print(f"{len(wanted) - num_bad} of {len(wanted)} ok")
    return 1 if num_bad else 0


def _files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Cases and key lists of a folder."""
    inner = folder / "cases"
    cases = sorted((inner if inner.is_dir() else folder).glob("*.npz"))
    return cases, sorted(path for path in (folder / "keys").glob("*.json") if not path.stem.startswith("_"))


def case_line(path: Path) -> Line:
    """Run one case and tell how near it came."""
    reason, run = reason_apart(path.stem), runner_of(path.stem)
    if reason is not None:
        return Line(path.stem, True, about=f"not compared: {reason}")
    if run is None:
        return Line(path.stem, False, about="no family of this name is known")
    case = read_case(path, is_strict=False)
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
        reason = reason_apart(path.stem)
        return Line(name, reason is not None, about=reason or "no net is known for this list")
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
    verdict = "ok" if line.is_ok else "FAILED"
    shown = f"{line.name:36} {_number(line.error):>8} {_number(line.allowed):>8}  {verdict:6}"
    return f"{shown}  {line.output}  ({line.about})" if line.about else f"{shown}  {line.output}"


def _markdown(line: Line) -> str:
    verdict = "yes" if line.is_ok else "**no**"
    cells = line.name, _number(line.error), _number(line.allowed), verdict, line.output or line.about
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
