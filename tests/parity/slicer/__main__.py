"""``python -m tests.parity.slicer FILE ...``: our slicer against records of the official one.

A FILE is of the form of ``slicer_golden.json`` (where a signal is cut) or ``slice_audio_golden.json`` (which files are
written); by default those beside this module. Prints a line for each record, identical or different and why; exit code
1 where one is different. ``--short`` prints only what is not identical.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.parity.slicer.records import Verdict, verdicts

HERE = Path(__file__).parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.parity.slicer", description=__doc__)
    parser.add_argument("files", type=Path, nargs="*", default=[HERE / "bounds.json", HERE / "files.json"])
    parser.add_argument("--short", action="store_true", help="only what is not identical")
    options = parser.parse_args(arguments)
    num_different = 0
    for file in options.files:
        found = list(verdicts(json.loads(file.read_text(encoding="utf-8"))))
        for verdict in found:
            if verdict.why or not options.short:
                print(_line(verdict))
        different = sum(verdict.is_different for verdict in found)
        apart = sum(bool(verdict.why) for verdict in found) - different
        same = len(found) - different - apart
        print(
            f"{file.name}: {len(found)} records, {same} identical, {apart} otherwise on purpose, {different} different"
        )
        num_different += different + (not found)
    return 1 if num_different else 0


def _line(verdict: Verdict) -> str:
    word = "DIFFERENT" if verdict.is_different else "otherwise" if verdict.why else "identical"
    return f"{word}  {verdict.name}" + (f": {verdict.why}" if verdict.why else "")


if __name__ == "__main__":
    sys.exit(main())
