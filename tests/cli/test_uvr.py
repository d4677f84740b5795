from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from myna.cli import run_command
from myna.models.separation.vr_cascade import VrCascade
from tests.engine.separation.random_nets import filled, shapes_of, song

RATE = 44_100


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MYNA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MYNA_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "songs").mkdir()
    soundfile.write(tmp_path / "songs" / "song.wav", song(1.0), RATE)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name[0] != ".")


def test_the_official_options_take_a_folder_apart(home: Path) -> None:
    weights = home / "home" / "models" / "uvr5_weights" / "HP2_all_vocals.pth"
    weights.parent.mkdir(parents=True)
    torch.save(filled(shapes_of(VrCascade(672, 4))), weights)
    options = ["--model", "HP2_all_vocals", "--input_root", "songs", "--output_vocal", "voices", "--output_ins", "rest"]
    options += ["--agg_level", "5", "--format", "wav", "--device", "cpu", "--is_half_precision", "False"]
    assert run_command(["uvr", *options]) == 0
    assert names(home / "voices") == ["vocal_song.wav_5.wav"]
    assert names(home / "rest") == ["instrument_song.wav_5.wav"]
    # Without --model it is HP2, because that is here.
    assert run_command(["uvr", "-i", "songs"]) == 0
    assert names(home / "output" / "uvr5_opt") == ["instrument_song.wav_10.flac", "vocal_song.wav_10.flac"]


def test_without_any_weights_it_is_the_centre(home: Path) -> None:
    assert run_command(["uvr", "--input-root", "songs/song.wav", "-o", "out", "-f", "m4a"]) == 0
    assert names(home / "out") == ["song_other.m4a", "song_vocals.m4a"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--model", "HP9"], "HP2_all_vocals"),
        (["--model", "HP5_only_main_vocal"], "myna fetch HP5_only_main_vocal"),
        (["--agg_level", "21"], "aggressiveness"),
        (["--format", "ogg"], "format"),
        (["--is_half_precision", "perhaps"], "True or False"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    home: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    assert run_command(["uvr", "--input_root", "songs", "--output_vocal", "out", *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert told in error
    assert len(error.strip().splitlines()) == 1


def test_run_knows_the_step(home: Path) -> None:
    voice = home / "home" / "voices" / "anna"
    (voice / "input_audio").mkdir(parents=True)
    soundfile.write(voice / "input_audio" / "song.wav", np.asarray(song(1.0)), RATE)
    assert run_command(["run", "separate_vocals", "--voice", "anna"]) == 0
    assert names(voice / "separated") == ["song_vocals.flac"]
