"""`myna audio_slicer`, the twin of the official slicing commands: by options, and by places."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from myna.core.workspace import files_in, make_folder
from tests.cli.conftest import Answer, CommandLine
from tests.cli.test_bad_input import check
from tests.parity.slicer.records import settings_of
from tests.parity.slicer.signals import signal
from tests.parity.slicer.test_slicer import FILES

RECORD = FILES["records"][0]
NAMES = [file["file"] for file in RECORD["files"]]


def put(folder: Path, name: str = "tones_3x.wav") -> Path:
    samples, rate = signal("tones_3x")
    soundfile.write(make_folder(folder) / name, samples, rate, subtype="FLOAT")
    return folder / name


def refused(answer: Answer, *said: str) -> None:
    for words in said:
        check(answer, words)


def names(folder: Path) -> list[str]:
    return [clip.name for clip in files_in(folder)]


def test_by_options_as_the_readme_has_them(myna: CommandLine, tmp_path: Path) -> None:
    file = put(tmp_path / "my in")
    arguments = "--threshold -34 --min_length 4000 --min_interval 300 --hop_size 10".split()
    answer = myna("audio_slicer", "--input_path", file, "--output_root", tmp_path / "my out", *arguments)
    assert answer.code == 0, answer
    assert "3 clips of 1 recordings" in answer.out
    assert names(tmp_path / "my out") == NAMES
    again = myna("audio_slicer", "--input-path", file, "--output-root", tmp_path / "my out", *arguments)
    assert "was done already" in again.out


def test_by_places_as_the_official_program_calls_it(myna: CommandLine, tmp_path: Path) -> None:
    put(tmp_path / "in")
    places = [RECORD["params"][name] for name in list(RECORD["params"])]
    answer = myna("audio_slicer", tmp_path / "in", tmp_path / "out", *places)
    assert answer.code == 0, answer
    assert names(tmp_path / "out") == NAMES
    peaks = [np.abs(soundfile.read(clip, dtype="int16")[0].astype(int)).max() for clip in files_in(tmp_path / "out")]
    assert peaks == [file["peak"] for file in RECORD["files"]]


def test_every_number_arrives(myna: CommandLine, tmp_path: Path) -> None:
    file = put(tmp_path / "in")
    numbers = zip(RECORD["params"], (-60, 2000, 200, 20, 100, 0.5, 0.5), strict=False)
    params = dict(numbers)
    myna("audio_slicer", file, tmp_path / "places", *params.values(), 0, 1)
    options = [f"--{name.strip('_')}={value}" for name, value in params.items()]
    myna("audio_slicer", file, *options, "--n_parts", 2, "--output_root", tmp_path / "options")
    assert settings_of(params).share == 0.5
    contents = [[clip.read_bytes() for clip in files_in(tmp_path / name)] for name in ("places", "options")]
    assert names(tmp_path / "places") == names(tmp_path / "options") != NAMES
    assert contents[0] == contents[1]
    assert np.abs(soundfile.read(files_in(tmp_path / "places")[0])[0]).max() == pytest.approx(0.5, abs=0.01)


def test_parts_run_side_by_side(tmp_path: Path) -> None:
    for name in "abc":
        put(tmp_path / "in", f"{name}.wav")
    numbers = "-34 4000 300 10 500 0.9 0.25".split()
    command = [sys.executable, "-m", "myna.cli", "audio_slicer", str(tmp_path / "in"), str(tmp_path / "out"), *numbers]
    running = [subprocess.Popen([*command, str(part), "2"], stdout=subprocess.DEVNULL) for part in range(2)]
    assert [process.wait() for process in running] == [0, 0]
    assert len(names(tmp_path / "out")) == 9


def test_bad_files_are_named_and_stop_nothing(myna: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    put(folder)
    (folder / "$(touch pwned).txt").write_text("no sound")
    (folder / "out.wav").symlink_to(put(tmp_path / "elsewhere"))
    Path(os.fsdecode(bytes(folder) + b"/bad\xff.wav")).write_bytes(b"no sound")
    answer = myna("audio_slicer", folder, tmp_path / "out")
    assert answer.code == 0, answer
    assert "left out: $(touch pwned).txt: this is not audio" in answer.out
    assert "left out: out.wav: it is a link that leads out of the folder" in answer.out
    assert "left out: bad?.wav" in answer.out
    assert names(tmp_path / "out") == NAMES
    put(folder).unlink()
    refused(myna("audio_slicer", folder, tmp_path / "out2"), "no recording gives a clip", "bad?.wav: this is not audio")


def test_the_longest_clip_and_the_method(myna: CommandLine, tmp_path: Path) -> None:
    file = put(tmp_path / "in")
    assert myna("audio_slicer", file, tmp_path / "out", "--max_length", 4000).code == 0
    assert len(names(tmp_path / "out")) >= 6
    refused(myna("audio_slicer", file, tmp_path / "x", "--method", "magic"), "method", "'silence' or 'voice'")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], ["--input_path FILE_OR_FOLDER --output_root FOLDER"]),
        (["in"], ["--output_root FOLDER"]),
        (["nowhere", "out"], ["nowhere"]),
        (["n" * 300, "out"], ["nnn"]),
        (["in", "out", "loud"], ["threshold is 'loud'; it must be a number"]),
        (["in", "out", "-34", "4.5"], ["min_length is '4.5'; it must be a whole number"]),
        (["in", "out", *"-34 4000 300 10 500 0.9 0.25 0 1 7".split()], ["'7' is one too many"]),
        (["in", "out", *"-34 4000 300 10 500 0.9 0.25 3 2".split()], ["i_part is 3 of all_part 2"]),
        (["--treshold", "-30", "in", "out"], ["no option --treshold"]),
        (["in", "out", "--threshold", "3"], ["threshold", "less than 0"]),
        (["in", "out", "--min_interval", "5"], ["hop_size 10, min_interval 5"]),
        (["in", "in"], ["cannot lie among the recordings"]),
        (["in", "in/tones_3x.wav/out"], ["cannot write", "not a folder"]),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str], said: list[str], myna: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    refused(myna("audio_slicer", *arguments), *said)


def test_a_name_that_begins_with_a_dash(myna: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "-take one.wav")
    monkeypatch.chdir(tmp_path)
    assert myna("audio_slicer", "--", "-take one.wav", "-out").code == 0
    assert names(tmp_path / "-out")[0].startswith("-take one.wav_0000000000_")
