"""The scripts that the recommended cover commands name: the command lines of the seed, word for word."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import soundfile

from myna.audio.io import write_wav
from myna.engine.outside import arguments
from myna.testing.tiny_base import write_tiny_base
from tests.contract.fixtures import speech

ROOT = Path(__file__).parents[2]
SEPARATE = (
    "{python_exec} scripts/gptsovits_separate.py --project-root {project_root} --input {song_input} "
    "--vocal {vocal_output} --inst {inst_output} --model {uvr_model} --device cuda --is-half true"
)
INFER = (
    "{python_exec} scripts/gptsovits_infer.py --project-root {project_root} --reference {reference_voice} "
    "--input {input_vocal} --output {output_vocal} --model-id {model_id} --pitch {pitch_shift}"
)


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_base(tmp_path / "models")
    monkeypatch.setenv("MYNA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MYNA_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)


def run(template: str, **values: str) -> int:
    """Run a template's script here, on the CPU; answers the exit code."""
    _, script, *given = arguments(template, {"python_exec": "python", "project_root": "/srv/none", **values})
    code: Any = runpy.run_path(str(ROOT / script))["main"](["cpu" if word == "cuda" else word for word in given])
    return int(code)


def test_a_song_is_separated(tmp_path: Path) -> None:
    write_wav(tmp_path / "song.wav", speech(4.0, 44100), 44100)
    places = {"vocal_output": str(tmp_path / "a" / "v.wav"), "inst_output": str(tmp_path / "a" / "i.wav")}
    assert run(SEPARATE, song_input=str(tmp_path / "song.wav"), uvr_model="centre", **places) == 0
    lengths = [soundfile.info(place).frames for place in places.values()]
    assert lengths[0] == lengths[1] > 0
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["i.wav", "v.wav"]


def test_what_cannot_be_separated_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = {"vocal_output": str(tmp_path / "v.wav"), "inst_output": str(tmp_path / "i.wav")}
    write_wav(tmp_path / "song.wav", speech(4.0, 44100), 44100)
    assert run(SEPARATE, song_input=str(tmp_path / "song.wav"), uvr_model="HP2_all_vocals", **places) == 2
    told = capsys.readouterr().err
    assert "HP2_all_vocals" in told
    assert told.count("\n") == 1
    assert not (tmp_path / "v.wav").exists()


def test_vocals_are_said_again(tmp_path: Path) -> None:
    for name, tone_hz in (("reference.wav", 150.0), ("vocals.wav", 200.0)):
        write_wav(tmp_path / name, speech(4.0, tone_hz=tone_hz), 32000)
    given = {"reference_voice": str(tmp_path / "reference.wav"), "input_vocal": str(tmp_path / "vocals.wav")}
    given |= {"output_vocal": str(tmp_path / "sung.wav"), "pitch_shift": "-2"}
    assert run(INFER, model_id="", **given) == 0
    assert soundfile.info(tmp_path / "sung.wav").duration == pytest.approx(4.0, abs=0.1)
    assert run(INFER, model_id="nobody", **given) == 2
