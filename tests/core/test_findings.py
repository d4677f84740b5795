"""Files that cannot be used are named, and stop nothing but themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.errors import BadAudio, WorkspaceError
from myna.core.findings import Failure, Findings, Tally, each
from myna.core.progress import silent


def length(path: Path) -> int:
    if path.stem.startswith("bad"):
        raise BadAudio("no audio\nin it")
    if path.stem == "full":
        raise WorkspaceError("the disk is full")
    return len(path.stem)


def test_a_bad_file_is_noted_and_the_others_are_done() -> None:
    tally = Tally()
    done = each([Path("x/one.wav"), Path("x/bad.wav"), Path("x/three.wav")], length, tally, silent)
    assert done == [(Path("x/one.wav"), 3), (Path("x/three.wav"), 5)]
    assert tally.failures == [Failure("bad.wav", "no audio in it")]


def test_what_is_not_the_files_fault_ends_the_work() -> None:
    with pytest.raises(WorkspaceError):
        each([Path("full.wav"), Path("one.wav")], length, Tally(), silent)


def test_nothing_usable_is_an_error_that_names_files_and_reasons() -> None:
    tally = Tally()
    done = each([Path(f"bad{number}.wav") for number in range(5)], length, tally, silent)
    with pytest.raises(BadAudio, match=r"none could be cut: bad0\.wav: no audio in it; bad1.*; and 2 more"):
        tally.require(len(done), BadAudio, "none could be cut")
    tally.require(1, BadAudio, "none could be cut")


def test_findings_survive_json() -> None:
    findings = Findings((Failure("a.wav", "silent"),), ("3 clips",), (Path("report.html"),))
    assert Findings.from_json(findings.as_json()) == findings
    assert Findings.from_json({}) == Findings()
