"""Runs every contract case of a folder: ``python -m tests.contract.run FOLDER [--only RE] [-v]``.

Starts the servers that the cases need, with the fixtures that they name. Ends with 1 where a case fails.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.contract.cases import Unsupported, run_case
from tests.contract.rig import Rig

HTTP = ("http", "http+amqp", "amqp")


def main() -> int:
    """Run; answers the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--only", default="", help="regular expression that a case's id must match")
    options.add_argument("-v", "--verbose", action="store_true", help="name the cases that pass too")
    given = options.parse_args()
    total: Counter[str] = Counter()
    for file in sorted(given.folder.glob("*.json")):
        counts: Counter[str] = Counter()
        with tempfile.TemporaryDirectory() as folder, Rig(Path(folder)) as rig:
            for case in json.loads(file.read_text(encoding="utf-8")):
                if case["transport"] in HTTP and re.search(given.only, case["id"]):
                    counts[_tell(rig, case, verbose=given.verbose)] += 1
        print(f"{file.name}: " + ", ".join(f"{counts[word]} {word}" for word in ("passed", "failed", "not run")))
        total += counts
    print("all: " + ", ".join(f"{total[word]} {word}" for word in ("passed", "failed", "not run")))
    return 1 if total["failed"] else 0


def _tell(rig: Rig, case: dict[str, object], *, verbose: bool) -> str:
    try:
        found = run_case(rig, case)
    except Unsupported as reason:
        print(f"not run  {case['id']}: {reason}")
        return "not run"
    except AssertionError as error:
        found = [f"its setup failed: {error}"]
    if found:
        print(f"FAILED   {case['id']}: " + "; ".join(found))
        return "failed"
    if verbose:
        print(f"passed   {case['id']}")
    return "passed"


if __name__ == "__main__":
    sys.exit(main())
