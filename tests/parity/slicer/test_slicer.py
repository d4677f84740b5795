"""The slicer cuts where the official one cuts, and writes what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import soundfile

from myna.audio.slicer import SliceSettings, slice_bounds
from myna.core.progress import silent
from myna.core.workspace import files_in
from myna.engine.recordings import slice_recordings
from tests.parity.slicer.__main__ import main
from tests.parity.slicer.records import OTHERWISE, Verdict, settings_of, verdicts
from tests.parity.slicer.signals import signal

HERE = Path(__file__).parent
BOUNDS: dict[str, Any] = json.loads((HERE / "bounds.json").read_text())
FILES: dict[str, Any] = json.loads((HERE / "files.json").read_text())
FOUND = [*verdicts(BOUNDS), *verdicts(FILES)]


@pytest.mark.parametrize("verdict", FOUND, ids=lambda verdict: verdict.name)
def test_records(verdict: Verdict) -> None:
    assert not verdict.is_different, verdict.why


def test_only_what_the_official_command_crashes_on_is_otherwise() -> None:
    assert len(FOUND) == 24 + 4 + 7 + 1 + 9
    apart = [verdict for verdict in FOUND if verdict.why]
    assert len(apart) == 4
    assert all(verdict.why.startswith(f"{OTHERWISE}: the official command crashes") for verdict in apart)


@pytest.mark.parametrize(("length", "bounds"), [(0, []), (1, [(0, 320)]), (100, [(0, 320)]), (400, [(0, 640)])])
def test_inputs_on_which_the_official_slicer_crashes(length: int, bounds: list[tuple[int, int]]) -> None:
    samples, rate = signal("tones_3x")
    assert slice_bounds(samples[:length], rate, SliceSettings()) == bounds


def test_a_folder_gives_the_same_files(tmp_path: Path) -> None:
    wanted: list[str] = []
    (tmp_path / "in").mkdir()
    records = FILES["records"][::3]  # the first parameter set of every signal
    for record in records:
        samples, rate = signal(record["signal"])
        soundfile.write(tmp_path / "in" / f"{record['signal']}.wav", samples, rate, subtype="FLOAT")
        wanted += [file["file"] for file in record["files"]]
    settings = settings_of(records[0]["params"])
    found = slice_recordings(tmp_path / "in", tmp_path / "out", settings=settings, progress=silent)
    assert not found.failures
    assert [path.name for path in files_in(tmp_path / "out")] == sorted(wanted)


def test_the_command_says_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = dict(BOUNDS["records"][0])
    record["chunks"] = [[0, 1, 1], *record["chunks"][1:]]
    other = {**FILES["records"][0], "files": FILES["records"][0]["files"][1:]}
    unknown = {**record, "signal": "whistle"}
    (tmp_path / "more.json").write_text(json.dumps({"records": [record, other, unknown]}))
    assert main([str(tmp_path / "more.json"), "--short"]) == 1
    said = capsys.readouterr().out
    assert said.count("DIFFERENT") == 3
    assert "official [[0, 1, 1]," in said
    assert "'whistle' is not known" in said
    assert "3 records, 0 identical, 0 otherwise on purpose, 3 different" in said


def test_the_command_takes_signals_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = {"sr": 16000, "seed": 1, "segs": [["tone", 5.0, 220, 0.5], ["sil", 0.8], ["hum", 1.0, 0.2]]}
    record = {"signal": "mine", "params": {"min_length": "300", "threshold": "-34"}, "chunks": [[0, 1, 1]]}
    (tmp_path / "more.json").write_text(json.dumps({"signals": {"mine": recipe}, "records": [record]}))
    assert main([str(tmp_path / "more.json")]) == 1
    assert "official [[0, 1, 1]], ours [[0, 80320, 80320], [84640, 108960, 24160]]" in capsys.readouterr().out
