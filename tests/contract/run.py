"""Runs every contract case of a folder: ``python -m tests.contract.run FOLDER [--only RE] [--policy WORD] [-v]``.

Starts the servers that the cases need, with the fixtures that they name. Ends with 0 where no case failed, with 1 where
one did, and with 2 where the folder or a file of it cannot be read. Cases that nobody here can run or judge are named
with the reason; with ``--strict`` they count as failed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.contract.cases import run_case
from tests.contract.expectations import Unsupported
from tests.contract.rig import Rig

WORDS = ("passed", "failed", "not run")
_NEEDED = ("id", "dialect", "transport", "request", "expect")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; answers the exit code."""
    options = argparse.ArgumentParser(prog="python -m tests.contract.run", description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--only", default="", help="regular expression that a case's id must match")
    options.add_argument("--policy", default="", help="only cases of this policy: same, improved")
    options.add_argument("--strict", action="store_true", help="cases that cannot be run count as failed")
    options.add_argument("-v", "--verbose", action="store_true", help="name the cases that pass too")
    given = options.parse_args(arguments)
    files = sorted(given.folder.glob("*.json"))
    if not files:
        print(f"there are no cases in {given.folder}: give a folder of JSON files")
        return 2
    total, is_readable = Counter[str](), True
    for file in files:
        try:
            cases = _read(file)
        except ValueError as error:
            print(f"UNREADABLE {file.name}: {error}")
            is_readable = False
            continue
        wanted = [case for case in cases if re.search(given.only, case["id"])]
        wanted = [case for case in wanted if given.policy in ("", case.get("policy"))]
        total += _run(file.name, wanted, verbose=given.verbose)
    print("all: " + _told(total))
    if total["failed"] or (given.strict and total["not run"]):
        return 1
    return 0 if is_readable else 2


def _read(file: Path) -> list[dict[str, Any]]:
    """The cases of a file; raises `ValueError`."""
    cases = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(cases, list):
        raise ValueError("it holds no list of cases")
    for number, case in enumerate(cases, 1):
        missing = [name for name in _NEEDED if not isinstance(case, dict) or name not in case]
        if missing:
            raise ValueError(f"case {number} has no {', '.join(missing)}")
    return cases


def _run(name: str, cases: Sequence[dict[str, Any]], *, verbose: bool) -> Counter[str]:
    """Run the cases of one file with servers of their own; says how each went."""
    counts, reasons = Counter[str](), defaultdict[str, list[str]](list)
    with tempfile.TemporaryDirectory() as folder, Rig(Path(folder)) as rig:
        for case in cases:
            try:
                found = run_case(rig, case)
            except Unsupported as reason:
                reasons[str(reason)].append(case["id"])
                counts["not run"] += 1
                continue
            except Exception as error:
                found = [f"{type(error).__name__}: {error}"]
            counts["failed" if found else "passed"] += 1
            if found:
                print(f"FAILED   {case['id']}: " + "; ".join(found))
            elif verbose:
                print(f"passed   {case['id']}")
    for why, ids in reasons.items():
        print(f"not run  {', '.join(ids)}: {why}")
    print(f"{name}: {_told(counts)}")
    return counts


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[word]} {word}" for word in WORDS)


if __name__ == "__main__":
    sys.exit(main())
