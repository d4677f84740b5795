"""What the children of these tests run. Each job writes down that it began and that it ended, in one line each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myna.core.progress import Report

_FOREVER = "import time; time.sleep(300)"
_FAR = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]], start_new_session=True)"


def run(kind: str, payload: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
    """Tell a step, then be quick, slow, or a family of processes that goes its own ways."""
    journal = Path(payload["journal"])
    note(journal, "begun", payload["name"])
    report.step("work", "started")
    report(0.5, "half")
    if kind == "family":
        subprocess.Popen([sys.executable, "-c", _FOREVER])
        subprocess.run([sys.executable, "-c", _FAR, _FOREVER], check=True)
        note(journal, "family", payload["name"])
    time.sleep(payload.get("seconds", 0.0))
    report.step("work", "completed")
    note(journal, "ended", payload["name"])
    return {"name": payload["name"]}


def note(journal: Path, what: str, name: str) -> None:
    """Add a line; a line that short is written whole or not at all."""
    with journal.open("ab", buffering=0) as file:
        file.write(f"{what} {name} {os.getpid()}\n".encode())
