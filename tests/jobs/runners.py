"""What the children of these tests run; named as ``MODULE:FUNCTION``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myna.core.errors import BadAudio
from myna.core.progress import Report


def run(kind: str, payload: Mapping[str, Any], report: Report) -> Mapping[str, Any] | None:
    """Do what ``kind`` says."""
    report.step("first", "started")
    report(0.25, "begun")
    {
        "write": _write,
        "fail": _fail,
        "crash": _crash,
        "hang": _hang,
        "die": _die,
        "stubborn": _stubborn,
        "escape": _escape,
    }[kind](payload)
    report.step("first", "completed")
    return {"device": report.device}


def _write(payload: Mapping[str, Any]) -> None:
    print("a library that prints")
    with Path(payload["file"]).open("a", encoding="utf-8") as file:
        file.write(f"{payload['word']}\n")


def _fail(payload: Mapping[str, Any]) -> None:
    raise BadAudio("take.wav: the recording is silent")


def _crash(payload: Mapping[str, Any]) -> None:
    raise ZeroDivisionError("division by zero")


def _hang(payload: Mapping[str, Any]) -> None:
    """Hang with a grandchild, both told by their process numbers."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    try:
        Path(payload["file"]).write_text(f"{os.getpid()} {sleeper.pid}", encoding="utf-8")
        time.sleep(300)
    finally:
        Path(payload["file"]).with_suffix(".tidied").touch()


def _stubborn(payload: Mapping[str, Any]) -> None:
    Path(payload["file"]).write_text(f"{os.getpid()} {os.getpid()}", encoding="utf-8")
    while True:
        try:
            time.sleep(300)
        except BaseException:
            continue


def _die(payload: Mapping[str, Any]) -> None:
    os._exit(7)


def _escape(payload: Mapping[str, Any]) -> None:
    """Hang with a descendant in a session of its own whose parent is gone."""
    program = (
        f"import os, pathlib, time; pathlib.Path({payload['file']!r}).write_text(f'{{os.getpid()}} 0'); time.sleep(300)"
    )
    between = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]], start_new_session=True)"
    subprocess.run([sys.executable, "-c", between, program], check=True)
    time.sleep(300)
